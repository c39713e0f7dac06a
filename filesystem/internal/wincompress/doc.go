// Package wincompress undoes the compressions that Windows uses for files on NTFS: LZNT1 of compressed files,
// and XPRESS (Huffman) and LZX of files that the operating system packed ("CompactOS", WOF).
//
// Each function decompresses one unit that stands for itself from memory to memory. It never writes more than
// the destination has room for, never panics on any input, and answers with an error wrapping [ErrCorrupt]
// when the input cannot be what a compressor makes. None of the formats has a checksum: that an input
// decompresses does not prove that it is right.
//
//	LZNT1    chunks of up to 4096 bytes: header (12 bits size - 1, 3 bits 011, 1 bit compressed), groups of a
//	         byte of flags and 8 items; an item is a literal or 16 bits of offset and length, whose border
//	         moves with the position in the chunk
//	XPRESS   256 bytes with 512 code lengths of 4 bits; then codes in 16-bit words, the high bit first, mixed
//	         with whole bytes for long matches
//	LZX      blocks with a header of 3 bits type and their size; codes whose lengths are coded as differences;
//	         three recent offsets; afterwards the operands of x86 calls are made relative again
//
// Followed: [MS-XCA] Xpress Compression Algorithm, revision 9.0, for LZNT1 and XPRESS; for LZX the format of
// [MS-PATCH] LZX DELTA Compression and Decompression, revision 6.0, with the block sizes and the fixed
// translation size of 12,000,000 that Windows imaging (WIM) uses.
package wincompress

import "errors"

// ErrCorrupt is what an input is that no compressor makes.
var ErrCorrupt = errors.New("wincompress: corrupt data")
