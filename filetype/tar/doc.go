// Package tar judges tar archives: ustar, pax and GNU.
//
// Every header is held to its checksum, every size is followed, and the archive ends behind its two blocks of zeros,
// with the zeros that fill up a record of 20 blocks where they are there. Content carries no check and the sum of a
// header is a plain addition, so that Consistent is the most that is said. An archive without the blocks of zeros is
// cut, even where it ends behind a member. The formats from before ustar have no signature and are not recognised.
//
// Layout, in blocks of 512 bytes:
//
//	header: name(100) mode(8) uid(8) gid(8) size(12) mtime(12) sum(8) type(1) link(100) "ustar"(6) version(2) ... prefix(155)
//	content, filled up to a block        ... next header ...      two blocks of zeros
//
// Numbers are octal text, or binary when the first bit is set. Types x and g hold pax records ("length key=value\n"),
// L and K a long name for the header that follows, S a map of holes.
//
// Followed: POSIX.1-2017 pax, "Basic Tar Format" and "Extensions" of the GNU tar manual 1.34.
package tar
