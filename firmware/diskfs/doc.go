// Package diskfs checks images of file systems that stand on cards and disks more than in flash: btrfs, F2FS and FAT.
//
// It promises that the checksums of the superblocks of btrfs (CRC-32C, SHA-256) and of F2FS are computed, of all copies that
// are there; that the copies of a FAT's table are held against each other; and that an image is held against the size that
// it says. Nothing else counts as covered, so that none of them is ever OK alone.
//
// # Layout
//
//	btrfs  65536 and 64 MiB: 0 sum, 48 place, 64 "_BHRfS_M", 112 size, 196 kind of sum, 299 name; 4096 bytes
//	F2FS   1024 and 5120: 0 magic 10 20 F5 F2, 16 logarithm of the block size, 32 place of the sum, 36 blocks, 124 name
//	FAT    0: 11 bytes of a sector, 13 sectors of a cluster, 14 reserved, 16 tables, 17 entries of the root, 19 and 32
//	       sectors, 22 and 36 sectors of a table, 43 or 71 name, 510 55 AA
//
// All numbers are little-endian.
//
// # Sources
//
// Followed: Linux 6.1, include/uapi/linux/btrfs_tree.h, fs/btrfs/disk-io.c, include/linux/f2fs_fs.h and fs/f2fs/super.c;
// Microsoft's FAT specification of 2000. mkfs.btrfs 6.2, mkfs.f2fs 1.15 and mkfs.fat 4.2 make the images of the tests.
package diskfs
