// Package unpack takes the image out of a compressed file: gzip, xz, Zstandard, bzip2, LZ4, LZO, LZMA and Brotli, in one pass from
// front to back.
//
// It promises:
//
//   - Whatever came out before the file breaks, ends or cannot be read is given, and [Result] says why it ended.
//     Data behind the last whole stream is counted and not taken for a part of the image.
//   - Memory is bounded by the window of the format, at most [MaxWindow], not by the size of the file.
//   - What comes out is bounded by the limit of the caller: a file of kilobytes can hold petabytes.
//
// It never seeks in the output, never writes to the source, and never guesses what a broken stream held.
//
// # Formats
//
// gzip: RFC 1952, any number of members. xz: The .xz File Format 1.2.1, LZMA2 without other filters, any number of
// streams with their padding. Zstandard: RFC 8878, with skippable frames, without dictionaries. bzip2: as bzip2
// 1.0.8 writes it, any number of streams. LZ4: LZ4 Frame Format 1.6.4, and the legacy frames of the kernel. LZO:
// the files of lzop 1.04, with LZO1X. LZMA: the file format of LZMA Utils ("alone"), one stream.
// Brotli: RFC 7932, one stream; it has no magic number, so that only whoever knows of it names it.
package unpack
