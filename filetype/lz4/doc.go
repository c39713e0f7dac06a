// Package lz4 judges files of LZ4 frames: every frame followed block by block to its end, unpacked, and held to the
// checksums that it has of its header, its blocks and its content.
//
// The sum of the header has 8 bits, the others may be left out: Consistent is the most that is said, with what passed.
// The end is exact. Files in the legacy form, which has no end of its own, are not recognised.
//
// Layout: 04 22 4D 18, flags, sizes, [content size(8)], [dictionary(4)], header checksum; blocks: size(4), content,
// [checksum(4)]; zero(4), [checksum(4)]. Followed: LZ4 Frame Format Description 1.6.4.
package lz4
