// Package flv judges FLV films.
//
// It promises that every tag is followed by its own size, so that it lies where the one before ends, and that it belongs to a kind
// and to the stream that exist. The format tells no length: the end is where no further tag follows; what the notes of the film
// say of its length and size is compared.
//
// The best verdict is Consistent: an FLV carries no checksum.
//
//	"FLV" 1 flags(1) 9(4) 0(4)
//	tag: kind(1: 8 sound, 9 pictures, 18 notes) size(3) time(3+1) 0(3) data, size of the tag(4)
//
// Followed: Adobe Flash Video File Format Specification 10.1 (2010).
package flv
