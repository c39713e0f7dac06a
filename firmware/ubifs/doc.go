// Package ubifs checks UBIFS images: alone, as mkfs.ubifs makes them, and in volumes of UBI images.
//
// It promises that the CRC-32 of each node is computed, that the index is followed from the master node on, so that every
// node of every file is there and is the one that the index means, and that only nodes and bytes that are free count as
// covered. The table of properties of the blocks (LPT) has sums of 16 bits of its own, which are not computed: those
// blocks are never covered.
//
// # Layout
//
// Blocks of the size that the superblock says; in each of them nodes, filled up to 8 bytes, then 0xFF:
//
//	0   magic 31 18 10 06, 4 CRC-32 of all behind it, 8 sequence, 16 length, 20 type, 21 group
//
//	type 6, superblock, block 0: 32 page size, 36 block size, 40 blocks, 56 log blocks, 60 LPT blocks, 64 orphan
//	    blocks, 80 version
//	type 7, master, blocks 1 and 2: 48 root of the index: block, offset, length
//	type 9, index: 24 number of branches, 26 level, 28 branches: block, offset, length, key (8 bytes)
//	type 5, padding: 24 bytes that are passed over; short gaps hold 0xCE
//
// All numbers are little-endian. CRC-32s begin with all ones and are not turned at the end.
//
// # Sources
//
// Followed: Linux 6.1, fs/ubifs/ubifs-media.h and Documentation/filesystems/ubifs.rst; mkfs.ubifs of mtd-utils 2.1.5 makes
// the images of the tests.
package ubifs
