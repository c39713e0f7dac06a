// Package archive opens what packages are wrapped in: zip, tar and cpio archives without a meaning of their own, and files
// that are packed by gzip, xz, Zstandard, bzip2, LZ4, LZO or LZMA.
//
// It promises:
//
//   - Headers are held against their sums, or against the directory; the CRC-32 of members of zip and the sums of cpio
//     are computed over the content; so are the checks that packed streams carry.
//   - Members that are stored stand at their place in the archive; those that are packed are unpacked and opened.
//   - Names, owners and times do not count: what nothing reads is told as unused. Packed bytes need no check of their own
//     where what came out of them is proven, by the stream's check or by the checks of what it is.
//   - An archive of very many files is a tree of files and no package: some are listed, none is opened.
//
// It never writes out names as paths, and never guesses what an encrypted or broken member held.
//
// # Layout
//
// See salvor/firmware/internal/zipfile, tarball and cpio, and salvor/unpack.
//
// # Sources
//
// Followed: PKWARE APPNOTE.TXT 6.3.10, POSIX.1-2017 pax, cpio(5); RFC 1952 (gzip), The .xz File Format 1.2.1, RFC 8878
// (Zstandard), LZ4 Frame Format 1.6.4, lzop 1.04. zip, tar, cpio, gzip, xz, zstd, bzip2, lz4 and lzop make the files of the
// tests.
package archive
