// Package gzip judges gzip files: every member inflated to the end of its deflate stream, with the CRC-32
// and the length of its content, and the CRC-16 of its header where there is one.
//
// It promises that a Proven file had all content summed, and that no other compressed bytes could stand
// for it (see internal/inflate); that it carries no name, time or note, which readers use and no sum
// covers; and that its end is exact, whatever follows. A file with a name or a time is at most Consistent,
// and says that its content is proven all the same. Content is looked at and thrown away; what is read is
// bounded by the source, what is inflated by maxContent.
//
// The bytes XFL and OS of a header are named as uncovered: no reader uses them.
//
// Layout of a member, numbers little-endian:
//
//	1F 8B 08 flags(1) time(4) XFL(1) OS(1)
//	[extra: length(2), bytes] [name, zero] [comment, zero] [CRC-16 of all before]
//	deflate stream, CRC-32 of the content(4), length of the content modulo 2^32(4)
//
// Members stand one behind another. Followed: RFC 1952, RFC 1951.
package gzip
