// Package png judges PNG and APNG pictures.
//
// It promises that a Proven picture had the CRC-32 of every chunk computed, its chunks in an order that a
// decoder accepts, its pixels inflated to exactly the size that the header asks for, with the Adler-32 of
// the stream and a valid filter in every row; for an animation the same for each frame, in sequence. The
// end is the end of IEND, whatever follows. Work is bounded by the size of the source times the best ratio
// of deflate, memory by a few hundred KiB: pixels are looked at and thrown away.
//
// It never builds a picture, and never calls a picture whole that has a critical chunk it does not know.
//
// Layout, all numbers big-endian:
//
//	89 "PNG" 0D 0A 1A 0A
//	chunk: length (4) type (4) data (length) CRC-32 of type and data (4)
//	IHDR, [PLTE], IDAT..., IEND; others between; the data of all IDATs is one zlib stream of rows, each a
//	filter byte (0 to 4) and packed samples; with interlace 1 seven smaller pictures, one after another
//
// Followed: Portable Network Graphics (PNG) Specification, third edition (W3C Recommendation, 24 June
// 2025; ISO/IEC 15948), zlib RFC 1950, deflate RFC 1951.
package png
