// Package bmp judges BMP pictures of Windows and OS/2.
//
// It promises that the end is where the rows of the picture end by its width, height and depth, or its run-length
// codes, or its colour profile: the size in the file header is compared, not believed. Run-length codes are followed
// to their end. A picture whose header only looks like one by chance is refused: the sizes in the headers must agree.
//
// The best verdict is Consistent: a BMP carries no checksum, and every value of a pixel is a valid one.
//
// Layout, numbers with the low byte first:
//
//	"BM" size(4) 0(4) offset of the pixels(4)
//	header: its size(4: 12, 40, 52, 56, 64, 108 or 124) width height planes(2: 1) depth(2) [compression ...]
//	[masks] [palette] pixels: rows of 4-byte multiples, the lowest first unless the height is negative
//	[colour profile]
//
// Icons and cursors (ICO, CUR) are a directory of pictures, each a PNG or a BMP without its first header:
//
//	0(2) 1 or 2(2) n(2), n entries: width(1) height(1) colours(1) 0(1) planes(2) depth(2) size(4) offset(4)
//
// Followed: Bitmap Storage, BITMAPINFOHEADER, BITMAPV5HEADER and Bitmap Compression of the Windows GDI documentation
// (Microsoft, 2021).
package bmp
