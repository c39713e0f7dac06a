// Package ubi checks UBI images, as ubinize makes them and as they are read from NAND flash: erase blocks with headers,
// which hold the blocks of volumes in any order.
//
// It promises that the CRC-32 of each header, of each record of both copies of the volume table and of the data of each
// block of a static volume is computed; that the size of the erase blocks is found from the headers themselves; that missing
// and doubled blocks of volumes, and volumes whose last update was not finished, are told; and that each volume is opened
// as a part of its own, in the order of its blocks. Blocks of a dynamic volume that are not there read as 0xFF, as in UBI.
//
// Data of dynamic volumes carries no sum in UBI: what proves it is what stands in it (UBIFS), and only that counts.
//
// # Layout
//
// Each erase block, all numbers big-endian:
//
//	0     "UBI#", version, 8 erase counter (8 bytes), 16 offset of the second header, 20 offset of the data, 24 number
//	      of the image, 60 CRC-32 of the 60 bytes before it
//	off   "UBI!", version, 5 kind (1 dynamic, 2 static), 6 copied, 8 volume, 12 number of the block, 20 size of the
//	      data, 24 blocks of a static volume, 28 padding, 32 CRC-32 of the data, 40 sequence (8 bytes), 60 CRC-32
//	data  volume 0x7FFFEFFF has the table in each of two blocks: 128 records of 172 bytes: 0 reserved blocks,
//	      4 alignment, 8 padding, 12 kind, 13 an update is running, 14 length and name, 144 flags, 168 CRC-32
//
// CRC-32s begin with all ones and are not turned at the end.
//
// # Sources
//
// Followed: Linux 6.1, drivers/mtd/ubi/ubi-media.h and attach.c; ubinize of mtd-utils 2.1.5 makes the images of the tests.
package ubi
