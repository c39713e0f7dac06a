// Package flac judges FLAC sound.
//
// It promises that every frame had its CRC-8 and CRC-16 computed, stands in sequence directly behind the one before, is
// of the kind that STREAMINFO says, and that as many samples are there as STREAMINFO announces. The last frame is followed bit by
// bit, so that the end is exact. Tags before and behind (ID3) belong to the file.
//
// The best verdict is Consistent. The checks of frames have 16 bits: of 65,536 damaged frames one would pass. STREAMINFO
// has an MD5 of the sound, but no check covers the blocks of metadata, whose texts and pictures readers show, so that even a
// decoded file with the right MD5 would not have every byte proven; the sound is therefore not decoded.
//
//	"fLaC", blocks of metadata: last(1 bit) type(7 bits) length(3) data; the first is STREAMINFO
//	frames: header with CRC-8, a subframe for each channel, CRC-16
//
// Followed: RFC 9639, Free Lossless Audio Codec (December 2024).
package flac
