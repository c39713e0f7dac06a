// Package array turns the parts of a set into one source of bytes: parts behind each other, striped, mirrored, with
// parity, and what RAID 10 makes of both.
//
// Each part is a [volume.Placer] or nil, which stands for a part that is missing. [Leaf] makes one of a member's
// source; [Window] and [Masked] take a piece out of a part and hide ranges that must not be trusted. What comes out
// is a Placer too, so that arrays stand on arrays: a RAID of logical volumes that are made of extents of disks.
//
// It promises:
//
//   - Bytes that one part cannot give come from its mirrors, or out of the other parts of the stripe, as long as the
//     level's redundancy lasts, decided for each byte by itself. What no part can give is a
//     [*block.UnreadableError]; it is never a zero.
//   - Places leads each byte to the part that it would be read from. Computed places are those that stand nowhere.
//   - Its memory is a few pieces of a stripe for each read in flight.
//
// It never decides which parts are right, and never compares mirrors or checks parity of bytes that can be read.
//
// Followed: md(4) of mdadm 4.2, the documented layouts of Linux's drivers md/raid0, raid5 and raid10 (the kernel's
// Documentation/admin-guide/md.rst, 6.1), SNIA's Common RAID Disk Data Format 2.0 section 4 for the layouts of RAID
// 6 that begin with DDF, and H. P. Anvin, "The mathematics of RAID-6" (2011).
package array
