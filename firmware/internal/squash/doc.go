// Package squash reads squashfs 4.0 images, the read-only file system of most flash images, and checks them block by
// block.
//
// It promises:
//
//   - [Open] answers cursor.ErrNot for what is no squashfs, and a [*VariantError] for those that it names and cannot read:
//     versions 1 to 3, big-endian ones, and the makers' own with LZMA.
//   - [FS.Walk] visits every file once for each of its names. Loops, depth, names and numbers are bounded; a broken entry
//     or directory is told and does not hide its siblings. Names are those of the image, and hostile text.
//   - [FS.Content] reads a file at any place and keeps a few blocks in memory. What cannot be decompressed is an error with
//     its place, never zeros.
//   - [FS.Verify] decompresses every block of data and of metadata to the size that is promised, holds all tables against
//     each other, and says which bytes were proven by a sum: those of zlib (Adler-32) and xz (CRC-32, CRC-64, SHA-256).
//     Blocks of LZ4, LZO, LZMA and zstd carry no sum, and blocks that are not packed carry nothing.
//
// It never reads extended attributes, owners and times.
//
// # Layout
//
//	0   superblock, 96 bytes, little-endian: "hsqs", numbers of inodes and fragments, block size, compression,
//	    version, the inode of the root, bytes used, where the six tables stand
//	    options of the compression (a metadata block), data blocks, fragments
//	    inode table, directory table: chains of metadata blocks of 8 KiB, each with a size of two bytes before it
//	    fragments, export, IDs, attributes: metadata blocks, then a list of where those stand
//
// # Sources
//
// Followed: Linux 6.1, Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h; the xz file format 1.2.0 for
// blocks with a filter for machine code, which mksquashfs -Xbcj writes. mksquashfs 4.5.1 makes the fixtures, unsquashfs
// judges.
package squash
