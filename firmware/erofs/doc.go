// Package erofs checks EROFS images, the read-only file systems of Android and of small Linux systems.
//
// It promises that the CRC-32C of the superblock is computed where the image has one, over the rest of its block, and that
// the image is held against the number of its blocks. Nothing else in an EROFS carries a sum, so that an image is never OK
// alone.
//
// # Layout
//
//	1024  magic E2 E1 F5 E0, 4 CRC-32C of all up to the end of the block with this field as zero, 8 features (1: the
//	      sum is there), 12 logarithm of the block size, 14 root, 16 inodes (8 bytes), 24 time, 36 blocks, 48 UUID,
//	      64 name (16 bytes), 80 features that a reader must know
//
// All numbers are little-endian. The sum begins with all ones and is not turned at the end.
//
// # Sources
//
// Followed: Linux 6.1, fs/erofs/erofs_fs.h and super.c; mkfs.erofs 1.5 makes the images of the tests.
package erofs
