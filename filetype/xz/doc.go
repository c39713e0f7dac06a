// Package xz judges xz files: every stream with its header, blocks, index and footer, each block unpacked and held to
// its check (CRC-32, CRC-64 or SHA-256), and the sizes of all blocks compared with the index.
//
// A file is Proven when every block was unpacked and passed a check of at least 32 bits, and no other compressed bytes
// could stand for it: a chunk of LZMA2 ends with the state of its range decoder at zero, which is a check of 32 bits
// over the chunk's own bytes, and the control bytes of the chunks leave no choice. Else it is Consistent, and says what
// was checked. The end is exact. Zeros between streams are not taken for part of the file.
//
// What it does not do: filters before LZMA2 (x86, delta, …) are not undone, so that the check of such blocks is not
// computed; dictionaries above maxDict and content above maxContent are not unpacked.
//
// Layout of a stream, numbers little-endian, "multibyte" numbers with 7 bits a byte:
//
//	FD "7zXZ" 00 flags(2) CRC-32(4)
//	block: size(1) flags(1) [packed size] [content size] filters, zeros, CRC-32(4) | LZMA2 chunks, zeros up to 4 | check
//	index: 00 count (unpadded size, content size)... zeros, CRC-32(4)
//	footer: CRC-32(4) size of the index(4) flags(2) "YZ"
//
// Followed: The .xz File Format 1.2.1; LZMA2 as in the XZ Embedded sources' description.
package xz
