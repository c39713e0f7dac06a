// Package tplink reads TP-Link's images for routers: the headers of versions 1, 2 and 3, and SafeLoader.
//
// It promises that the MD5 of each is computed with TP-Link's salts over the bytes that the format names, that the
// hardware which an image is for is told as claims, and that what an image would write over a boot loader or over the data
// of one unit is said. Signatures that stock images of version 3 and SafeLoader may carry are told to be there only.
//
// # Layout
//
//	header of 512 bytes, numbers big-endian:
//	version 1 (also marked 2)          versions 2 and 3
//	0   01 00 00 00                    02 or 03 00 00 00
//	4   maker, 24 bytes                4   version, 48 bytes
//	28  version, 36 bytes
//	64  hardware, revision, region     52  hardware, revision, addition
//	76  MD5, 16 bytes                  64  MD5
//	96  second MD5                     84  second MD5, of no known use
//	116 load address, entry            104 load address, entry
//	124 length of all                  112 length of all
//	128 kernel, root file system, boot loader: offset and length each   116 the same
//	152 version: three numbers of 16 bits      145 version: three numbers of 8 bits
//	288 region as text: "00000000;" and four letters in hex, then ";"
//
//	The MD5 is over the whole file with a salt in its own place; one salt for images with a boot loader, one for others.
//	A header whose MD5 is zero is of a kernel alone and has no check.
//
//	SafeLoader:
//	0    length of all, big-endian
//	4    MD5 of a salt of 16 bytes and all from byte 20
//	20   length of the maker's text, then the text, filled with 0xFF
//	4116 table: lines "fwup-ptn NAME base 0xN size 0xN\t\r\n", a zero, 0xFF; bases count from here
//	6164 parts, one behind the other. partition-table has the layout of the flash: 4 bytes, then lines "partition NAME
//	     base 0xN size 0xN\n". soft-version, support-list and others begin with their length and a zero, 4 bytes each.
//
// # Sources
//
// Followed: mktplinkfw.c, mktplinkfw2.c, mktplinkfw-lib.c and tplink-safeloader.c of OpenWrt's firmware-utils (2023). Images
// are made by the tests from these, and not checked against the maker's tools.
package tplink
