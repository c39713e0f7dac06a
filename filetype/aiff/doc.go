// Package aiff judges AIFF and AIFF-C sound.
//
// It promises that the chunks fill the size that the file announces, that the description of the sound agrees with the amount of
// data, and that every byte was read.
//
// The best verdict is Consistent: an AIFF carries no checksum, and every sample is a valid one.
//
//	"FORM" size(4) "AIFF" or "AIFC", chunks: name(4) size(4) data [0 when size is odd]; all numbers with the high byte first
//	COMM: channels(2) frames(4) bits(2) rate(10, extended float) [codec(4) name]; SSND: offset(4) block(4) samples
//
// Followed: Audio Interchange File Format 1.3 (Apple, 1989), AIFF-C draft (1991).
package aiff
