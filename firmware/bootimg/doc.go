// Package bootimg reads the images that Android's boot loaders start: boot and recovery of header versions 0 to 4,
// init_boot, vendor_boot of versions 3 and 4, and the table of device tree overlays of a dtbo partition.
//
// It promises that the ID of versions 0 to 2, a SHA-1 or SHA-256 over kernel, ramdisk and what else the version has, is
// computed over those very bytes, that the gaps up to the next page are zeros as mkbootimg leaves them, and that a file
// which was cut off is told by the part that it ends in. Versions 3 and 4 carry no sum of their own: without Android
// Verified Boot around them, nothing says that they are whole.
//
// # Layout of boot images, little-endian
//
//	versions 0 to 2                         versions 3 and 4
//	0    ANDROID!                           0    ANDROID!
//	8    kernel: size, address              8    kernel: size
//	16   ramdisk: size, address             12   ramdisk: size
//	24   second stage: size, address        16   system version and patch level
//	32   tags address, page size            20   header's size
//	40   header version                     40   header version
//	44   system version and patch level     44   command line, 1536
//	48   name, 16; command line, 512        1580 signature's size (version 4)
//	576  ID, 32; more command line, 1024
//	1632 overlay: size, place (from 1 on); header's size
//	1648 device tree: size, address (2)
//
// Each part begins at a page: kernel, ramdisk, second stage, overlay, device tree; pages of versions 3 and 4 have 4096
// bytes, and behind the ramdisk of version 4 stands the signature of generic kernels, which is a vbmeta image. Before
// there were versions, that field was the size of a table of device trees behind the second stage, as some makers used it.
//
// # vendor_boot
//
//	0 VNDRBOOT, version, page size, addresses, 24 ramdisk's size, 28 command line, 2048, 2076 tags address, 2080 name, 16,
//	2096 header's size, 2100 device tree: size, address; version 4: 2112 table of ramdisks: size, number and size of
//	entries, 2124 size of the bootconfig
//
// # dtbo, big-endian
//
//	0 d7b7ab1e, total size, header's size, size, number and place of entries, page size, version
//	entry: size, place, id, revision, flags or custom, custom
//
// # Sources
//
// Followed: Android Open Source Project, system/tools/mkbootimg, include/bootimg/bootimg.h; source.android.com, "Boot image
// header", "DTB and DTBO partitions". mkbootimg 29.0.6 and abootimg 0.6 make the fixtures of versions 0 to 3;
// unpack_bootimg judges the parts. Version 4 and dtbo are made by test code from the description: not checked against
// the maker's tool.
package bootimg
