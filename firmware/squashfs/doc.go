// Package squashfs checks squashfs images, the root file systems of most firmware.
//
// It promises that an image is only seen where the superblock's numbers hold against each other; that every block of data
// and of metadata is decompressed to the size that is promised, and every table, name and inode is held against the others;
// that a cut image is told with the region that it ends in; and that bytes count as proven only where a sum over their
// content was checked: blocks of gzip (Adler-32) and xz. An image with zstd, LZ4, LZO or LZMA, or with blocks that are not
// packed, is therefore never OK alone: a package with a sum around it is. The time and the flags in the superblock are
// covered by nothing at all.
//
// Images of versions 1 to 3, big-endian ones and those of makers with their own LZMA are named and not checked.
//
// # Layout
//
// See salvor/firmware/internal/squash, which reads it.
//
// # Sources
//
// Followed: Linux 6.1, Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h; the order of fields of versions
// 1 to 3 is that of squashfs-tools 4.5.1, squashfs_compat.h. mksquashfs 4.5.1 makes the images of the tests.
package squashfs
