// Package trx reads Broadcom's TRX images, versions 1 and 2, and the trailer that ASUS puts into them.
//
// It promises that the checksum is computed over the bytes from the flags to the end that the header says.
//
// # Layout
//
//	0  "HDR0"
//	4  length with the header, bytes
//	8  CRC-32 from byte 12 to the end, without the last inversion
//	12 flags (16 bits), version (16 bits)
//	16 where the parts begin, three numbers (version 1) or four (version 2), 0 for none
//
//	ASUS, the last 64 bytes: version of 4 bytes, product of 12 bytes, 48 bytes of other uses
//
// All numbers are little-endian. Parts end where the next one begins. Three parts are loader, kernel and root file
// system; two the latter.
//
// # Sources
//
// Followed: otrx.c and asustrx.c of OpenWrt's firmware-utils (2023), drivers/mtd/parsers/parser_trx.c of Linux 6.1.
// Images are made by the tests from these, and not checked against the maker's tool.
package trx
