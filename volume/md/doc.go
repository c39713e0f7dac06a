// Package md reads sets of Linux's software RAID (md) without the kernel: it finds the superblocks of members,
// compares what they say of each other, and gives the bytes of the array.
//
// It promises:
//
//   - A member is used only when it belongs to the newest state of its set. What stands on members that were dropped
//     earlier is older; they are named as stale and left out. The same member found twice (a disk and its copy) is
//     used once.
//   - Bytes that a member cannot give are computed out of the others as long as the level's redundancy lasts, and are
//     unreadable otherwise. Bad block logs and unfinished rebuilds are obeyed: what a member says not to hold is not
//     read from it.
//   - Members may come in any order and of any sets. What lacks is named by its role.
//   - Sizes, counts and offsets of superblocks are bounded before they are used.
//
// It never writes, never starts an array, never replays a journal, and never joins two states of a set.
//
// Where superblocks stand, of a member of size bytes:
//
//	0.90  4096 bytes in the last 64 KiB that begin at a multiple of 64 KiB; numbers in the order of bytes of the
//	      machine that made it
//	1.0   at the last multiple of 4 KiB that leaves 8 KiB behind it
//	1.1   at 0
//	1.2   at 4096
//
// A superblock of version 1 is little-endian: magic, version and features; UUID, name, level, layout, size and number
// of disks of the set; what a reshape changes; where data, bad block log and bitmap of this device stand; the count of
// events and a checksum; then the role of each device by its number.
//
// Containers of other makers are recognised by their signature and not read: Intel's (IMSM, "isw") in the second
// last sector, SNIA's DDF in the last one.
//
// Followed: md(4), mdadm(8) of mdadm 4.2; the documented structures of include/uapi/linux/raid/md_p.h and
// Documentation/admin-guide/md.rst of Linux 6.1; the Linux RAID wiki, "RAID superblock formats".
package md
