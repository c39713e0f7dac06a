// Package bsd reads the disklabels of FreeBSD, NetBSD and OpenBSD, as they stand at the start of a disk or inside
// of a slice of an MBR.
//
// It promises to return a label with Valid set only when its checksum agrees, to return one whose checksum does
// not with a finding, and to take the offsets of entries, which most systems count from the start of the disk,
// from the start of the slice, as the label's own raw partition tells where that is. An entry that would begin before the
// slice is returned without an extent.
//
// All numbers have the low byte first; the label begins in sector 1, or 64 or 128 bytes into sector 0:
//
//	0    magic 0x82564557       40   bytes of a sector      132  magic again
//	4    type of the drive      44   geometry               136  checksum: all words of the label give 0
//	8    names (16 + 16)        60   sectors of the disk    138  number of partitions (2)
//	148  partitions of 16 bytes: sectors, first sector, fragment size, type (1), fragments (1), group (2)
//
// OpenBSD keeps the high 16 bits of the numbers of a partition where others have sizes of fragments.
//
// Followed: disklabel(5) of FreeBSD 4.11, NetBSD 10 and OpenBSD 7.5, and their sys/disklabel.h.
package bsd
