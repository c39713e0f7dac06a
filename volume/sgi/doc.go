// Package sgi reads the volume headers of Silicon Graphics' disks.
//
// It promises to return the table with Valid set only when its checksum agrees and to return a broken one with a
// finding. The volume header is the first sector, with the high byte first; the sum of its words is 0:
//
//	0    0x0BE5A941, root and swap partition (2 + 2), name of the boot file (16)
//	72   directory of the volume header: 15 files
//	312  16 partitions: number of blocks (4), first block (4), type (4)
//	504  checksum
//
// Followed: the IRIX manual pages vh(7M) and dvhtool(1M).
package sgi
