// Package webp judges WebP pictures and animations.
//
// It promises that the chunks fill the size that the file announces, in an order that a decoder accepts, that pictures lie inside of
// the canvas, and that each picture of up to [maxPixels] was decoded without an error. The end is that of the RIFF chunk.
//
// The best verdict is Consistent: a WebP carries no checksum, and the decoder of lossy pictures takes nearly any bits.
//
//	"RIFF" size(4) "WEBP"
//	"VP8 " or "VP8L": one picture; or "VP8X" flags(4) width-1(3) height-1(3), [ICCP], [ANIM, ANMF...] or [ALPH] VP8/VP8L, [EXIF] [XMP ]
//
// Followed: WebP Container Specification (Google, 2023), RFC 9649 (WebP image format, 2024), RFC 6386 (VP8).
package webp
