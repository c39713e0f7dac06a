// Package uimage reads U-Boot's legacy images: a header of 64 bytes, then the data, which may be several images, a
// script, or compressed.
//
// It promises that both checksums are computed, over the header with its own field as zero and over the data by the size
// that the header says, and that an image is only seen where the header's checksum fits. It unpacks what U-Boot unpacks: the
// first file, and no ramdisk; what the header says of the others does no harm where it is wrong.
//
// # Layout
//
//	0   magic 27 05 19 56
//	4   CRC-32 of the 64 bytes, these four as zeros
//	8   time, seconds since 1970
//	12  size of the data, bytes
//	16  load address, 20 entry point
//	24  CRC-32 of the data
//	28  operating system, architecture, type, compression: one byte each
//	32  name, 32 bytes
//	64  data: of type 4 and 6 (several files, script) a list of sizes that ends with 0, then the files, each
//	    filled up to 4 bytes
//
// All numbers are big-endian.
//
// # Sources
//
// Followed: U-Boot 2023.01, include/image.h (struct legacy_img_hdr and the numbers of systems, architectures, types and
// compressions) and boot/image.c; mkimage(1) of the same version makes the fixtures and judges them.
package uimage
