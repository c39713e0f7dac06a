// Package extimg checks images of ext2, ext3 and ext4 as parts of packages.
//
// It promises that the checksums of the superblock, of each group descriptor, of the bitmaps and of each inode in use are
// computed where the image has them (metadata_csum, or gdt_csum for the descriptors), that the image is held against the
// number of its blocks, and that nothing else counts as covered: the content of files carries no sum in any ext, and
// directories and extents, which do, are not checked here. An image is therefore never OK alone. salvor/filesystem/ext reads
// the files; this package does not.
//
// # Layout
//
//	1024  superblock, 1 KiB: 0 inodes, 4 blocks, 20 first block, 24 block size, 32 and 40 blocks and inodes of a group,
//	      56 magic 53 EF, 58 state, 88 inode size, 92, 96, 100 features, 104 UUID, 120 name, 254 size of a descriptor,
//	      336 blocks (high), 624 seed, 1020 CRC-32C
//	      next block: descriptors: 0, 4, 8 bitmaps and inodes (high words from 32 on), 18 flags, 24, 26 sums of the
//	      bitmaps, 28 inodes at the end that were never used, 30 sum
//
// All numbers are little-endian. CRC-32Cs begin with all ones and are not turned at the end.
//
// # Sources
//
// Followed: Linux 6.1, Documentation/filesystems/ext4/ (super, group_descr, bitmaps, inodes, checksums); mke2fs 1.47.0 makes
// the images of the tests.
package extimg
