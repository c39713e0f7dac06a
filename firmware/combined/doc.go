// Package combined reads images that are written to the flash as they are: a kernel, a root file system behind it, and
// filling in which OpenWrt marks where its own file system may begin.
//
// It promises that the parts are told with their places, that each is held to the checks of what it is, and that what lies
// between and behind them is filling. An image is only seen where a superblock of squashfs or a header of UBI stands at
// an edge that the kernel's own header, or the erase blocks of flash, give. One that was cut off in the filling behind its
// kernel is therefore a kernel to it.
//
// # Layout
//
//	kernel: a U-Boot legacy image, a FIT image, or LZMA; or nothing
//	filling up to an erase block
//	root file system: squashfs, or UBI up to the end
//	0xFF up to 4, 8, 16, 64, 128 and 256 KiB, with DE AD C0 DE at each of these edges
//
// # Sources
//
// Followed: padjffs2.c and mktplinkfw-lib.c of OpenWrt's firmware-utils (2023), include/image-commands.mk of OpenWrt 23.05
// (pad-rootfs, append-kernel, append-rootfs), drivers/mtd/mtdsplit of OpenWrt's Linux. mkimage and mksquashfs make the parts
// for the tests; the marks are made by the tests, and not checked against the maker's tool.
package combined
