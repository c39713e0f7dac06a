// Package aac judges AAC sound in ADTS frames.
//
// It promises that every frame lies where the one before ends and is of the same kind. The format tells no length: a file
// looks whole only when the source, or a fill, follows its last frame, or a tag does. Tags before and behind (ID3) belong to the file.
//
// The best verdict is Consistent: the check of a frame is optional, has 16 bits, and covers only parts that a decoder finds.
//
//	frame: FF F0 (4 bits of version, layer and check), kind, rate, channels, length(13 bits), fullness(11 bits), blocks(2 bits)
//
// Followed: ISO/IEC 13818-7:2006, ISO/IEC 14496-3:2019 (1.A.3.2).
package aac
