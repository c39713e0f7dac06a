// Package routers reads the smaller headers that makers of routers put before their images: Ubiquiti, Broadcom's BCM963xx
// (many makers of DSL routers) and BCM4908, Xiaomi, Linksys, Senao (EnGenius), D-Link's JBOOT, Cameo
// (D-Link, Trendnet), Buffalo, Netgear's DNI, ZyXEL's RAS, Edimax; and names images that are encrypted.
//
// It promises that every sum which such a header has is computed. Sums of 8 and 16 bits are told as they are, but prove
// nothing by themselves: they miss too much. Of encrypted images nothing is told but what their header says.
//
// # Layout
//
//	Ubiquiti, big-endian: "UBNT", "OPEN" or "GEOS", version of 256 bytes, CRC-32 of these, zero; parts: "PART", name of 16
//	bytes, 12 bytes, address in memory, index, address in flash, entry, length, length of the partition (4 bytes each), data,
//	CRC-32 of all of the part, zero; at the end "END.", CRC-32 of all before, zero; or "ENDS", signature of 256 bytes, zero
//
//	BCM963xx, text and big-endian: 0 version, 4 maker, 24 version, 38 chip, 44 board, 60 endianness, 62 length of all, 72
//	address and length of the boot loader, 94 of the root file system, 116 of the kernel (12 and 10 digits), 216 CRC-32 of
//	the image or of the kernel alone, 236 CRC-32 of the 236 bytes before, both without the last inversion; 256 image
//
//	BCM4908, little-endian, at the end: CRC-32 of all before without the last inversion, version (0x5731, 0x5732), chip, kind
//	of flash, flags. A boot loader may stand before the first JFFS2, which begins at a multiple of 128 KiB
//
//	Xiaomi, little-endian: "HDR1", where the signature begins, CRC-32 of all from byte 12 without the last inversion, 2 bytes,
//	device, where up to 8 parts begin; each: 0xBABE, place in flash, length, type (2 bytes), 2 bytes, name of 32 bytes, data;
//	the signature: length in 16 bytes, then it
//
//	Linksys: board in 4 bytes, 4 bytes, date and version of 3 bytes each, "U2ND", hardware, flags; at byte 32 a TRX image. Or
//	"CHDR", length of all, CRC-32 of all from byte 12 without the last inversion, 1 (little-endian); image
//
//	Linksys' footer, the last 256 bytes: ".LINKSYS.", version of 8, model of 15, CRC of cksum(1) over all before as 8 hex digits,
//	8 and 16 bytes, zeros
//
//	DNI: 128 bytes of text: "device:", "version:V", "region:", "hd_id:", one in a line; the image; a byte that makes the sum
//	of all bytes 0xFF
//
//	Senao, big-endian: 4 bytes, maker, product, version of 16 bytes, type, length, zero, MD5 of the content, 32 bytes, sum of the
//	bytes of the header, key; with type 0 a header of 40 bytes more and the model behind it; the content, byte n XOR the key
//	shifted right by n mod 8
//
//	JBOOT, little-endian: device of 12 bytes, 14 sum of the data, 36 bytes that are erased, 40 place, 44 length, 64 0x4842, 66
//	version 2, 76 family, 78 sum of the header; at byte 80, or alone: mark, 4, 0x2B24, time, length, sum, sum of the header;
//	0x2124, way of packing, 2, address, length and CRC-32 of the kernel, start, address, length and CRC-32 of the root file
//	system, CRC-32 of this header with zeros here, its length (40), 2 bytes; kernel; root file system
//
//	Cameo, big-endian: sum of the bytes of the image, its length, length of the kernel, model of 20 bytes, signature of 30,
//	region of 4, version of 12, length of the header (84), 5 bytes; kernel; root file system
//
//	Buffalo, big-endian: product and brand of 32 bytes, two versions of 8, region of 2, 6 bytes, language and platform of 8,
//	"hwv" and a version of 4 bytes each, 24 bytes, length of all, CRC of cksum(1) over all with zeros here, 8 bytes, length
//	of the data, 4 bytes; data
//
//	RAS, big-endian: sum and length of the root file system, version of 32 bytes, sum of the header, model of 64 bytes, sum
//	and length of the kernel or 0xFF, 0xFF up to an erase block; root file system; kernel. Sums are those of System V
//
//	Edimax, big-endian: "eDiMaX" in 16 bytes, model of 32, force, sum of the header, sum of the data, length, start, end,
//	version of 14, type, partition of 16 bytes; data. Sums are of 8 bits, XOR 0xB9
//
//	D-Link: "SHRS", length decrypted, length encrypted, vector of 16 bytes, SHA-512 of three forms, the third of the encrypted
//	data, two signatures; data from byte 1756. "encrpted_img" and a length. OpenSSL: "Salted__". Buffalo:
//	"start" or "asar1" and a zero, seed, product, version and data encrypted, each behind its length, and a sum
//
// # Sources
//
// Followed: mkfwimage.c and fw.h, imagetag.c and bcm_tag.h, bcm4908img.c, xiaomifw.c, addpattern.c,
// linksys-addfwhdr.c, mksenaofw.c, mkdlinkfw.c, mkcameofw.c, buffalo-tag.c, mkdniimg.c, mkrasimage.c, edimax_fw_header.c, buffalo-lib.h,
// dlink-sge-image.h of OpenWrt's firmware-utils (2023), scripts/linksys-image.sh of OpenWrt 21.02; the public descriptions of D-Link's SHRS. Images are made by the
// tests from these, and not checked against the makers' tools.
package routers
