// Package bzip2 judges bzip2 files: every stream unpacked to its end, each block with the CRC-32 of its content and
// all of them with the combined CRC.
//
// The end is exact to the byte. The sums cover the content and not its compressed form, which has freedom (lengths of
// codes that are not used, selectors behind the last group, the bits that fill up the last byte), so that Consistent
// is the most that is said, with the sentence that the content passes its checks. What is unpacked is looked at and
// thrown away; it is bounded by maxContent.
//
// Layout: "BZh" level('1' to '9'), then blocks, bit by bit: 0x314159265359, CRC-32, ..., and behind the last one
// 0x177245385090 with the combined CRC, filled up to a byte. Streams may follow each other.
//
// Followed: the documentation of bzip2 1.0.8 and its file format as described by J. Tsai, "BZIP2: Format
// Specification" (2016).
package bzip2
