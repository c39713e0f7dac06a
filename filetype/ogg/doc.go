// Package ogg judges Ogg files: Vorbis, Opus, Speex and FLAC sound, Theora film.
//
// It promises that a Proven file had the CRC-32 of every page computed, and that the pages of each stream are all
// there, from the one that begins it to the one that ends it, in sequence, with packets continued where they were
// broken off. Every byte of an Ogg file stands in a page, and the check of a page covers all of it. Whether the packets
// can be decoded is not looked at: they are proven to be those that were written.
//
// A stream that lacks its last page is Partial, even where nothing else shows that it is cut. Further streams that
// follow directly (chained files) belong to the file.
//
//	page: "OggS" 0 flags(1) position(8) stream(4) number(4) CRC-32(4) n(1) n lengths, data
//
// Followed: RFC 3533 (Ogg), RFC 7845 (Opus), Vorbis I specification (Xiph.org, 2020), Theora specification (2017).
package ogg
