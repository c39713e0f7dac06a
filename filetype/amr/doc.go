// Package amr judges AMR sound, narrow-band and wide-band.
//
// It promises that every frame has a kind that exists and lies where the one before ends. The format tells no length: a file looks
// whole only when the source, or a fill, follows its last frame. Of random bytes behind the last frame one in 25 looks like the head of
// another; such a file is told to break off. Frames that are marked as bad by whoever received them end a file.
//
// The best verdict is Consistent: an AMR file carries no checksum, and any bits are sound.
//
//	"#!AMR\n" or "#!AMR-WB\n", frames of 20 ms: kind and quality(1) data, whose size the kind tells
//
// Followed: RFC 4867, section 5.
package amr
