// Package ubi reads the volumes of UBI on raw flash, as bytes: each volume is a source whose blocks stand where the
// headers on the flash say.
//
// It promises to take a block for a volume's only when the sums of both its headers agree; of two copies of one block,
// the newer one, or the older where the copy was not finished; and to give blocks that a volume has nowhere as what UBI
// reads there, 0xFF. It never writes, and never joins images of different numbers.
//
// An erase block, with its offsets in the first header:
//
//	0            "UBI#" version, 8 erase counter, 16 offset of the second header, 20 offset of the data, 24 number of the image, 60 CRC
//	the second   "UBI!" version, 5 type, 6 copy, 8 volume, 12 block of it, 20 size of the data, 24 used blocks, 28 pad, 32 CRC of the data, 40 sequence, 60 CRC
//	the data     of the volume; volume 0x7FFFEFFF holds the table: records of 172 bytes
//
// All numbers are big-endian; CRCs are CRC-32 begun with ones and not inverted at the end. Followed: Linux 6.1,
// drivers/mtd/ubi/ubi-media.h.
package ubi
