// Package cramfs checks cramfs images.
//
// It promises that the CRC-32 is computed over the whole image with its own field as zero, in both byte orders, with or
// without 512 bytes of boot code before the superblock; and that an image is only seen where magic, signature and size hold
// together. Images of the first version carry no checksum, and are told to carry none.
//
// # Layout
//
//	0   magic 0x28CD3D45 in the byte order of the device, 4 size, 8 flags (1: second version), 12 zero
//	16  "Compressed ROMFS"
//	32  CRC-32 of the image, 36 edition, 40 blocks, 44 files, 48 name (16 bytes)
//	64  inode of the root
//
// # Sources
//
// Followed: Linux 6.1, include/uapi/linux/cramfs_fs.h and fs/cramfs/README; mkfs.cramfs of util-linux 2.38 makes the images
// of the tests.
package cramfs
