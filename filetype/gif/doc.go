// Package gif judges GIF pictures and animations.
//
// It promises that a picture that looks whole had every LZW code of every frame decoded, without a code that stands
// for nothing, to at least as many pixels as the frame has, and that its blocks follow each other up to the trailer,
// which is the end of the file. Pixels are counted and thrown away: memory is that of one code table.
//
// The best verdict is Consistent: a GIF carries no checksum, and most flipped bits give other valid codes.
//
// Layout, numbers with the low byte first:
//
//	"GIF87a" or "GIF89a"
//	screen: width(2) height(2) flags(1) background(1) aspect(1), [palette: 3 bytes for each of 2^(n+1) colours]
//	2C  frame: left(2) top(2) width(2) height(2) flags(1), [palette], code size(1), sub-blocks
//	21  extension: label(1), sub-blocks
//	3B  the end
//	sub-blocks: length(1) data(length) ..., length 0 ends them
//
// Followed: Graphics Interchange Format, Version 89a (CompuServe, 31 July 1990).
package gif
