// Package disk opens images of whole disks and cards, as installers and single-board computers use them: a partition table
// and what stands in the partitions.
//
// It promises that a GPT's checksums are computed, of both headers and both lists of entries, and that the copies are held
// against each other; that partitions which reach behind the end are told by their name; that each partition, and what
// stands between them, is opened as a part of its own; and that a record with the two bytes of an MBR alone is no disk.
//
// An MBR has no checksum, and what stands before the first partition is only covered where it is filling.
//
// # Layout
//
//	0x1BE  four entries of 16 bytes: active, 4 type, 8 first sector, 12 sectors; 0x1FE 55 AA. Types 5, 15 and 0x85
//	       lead to further records: the first entry is a partition, the second the next record.
//	sector 1, and the last one, of 512 or 4096 bytes:
//	       "EFI PART", 12 length, 16 CRC-32 of the header with this field as zero, 24 its sector, 32 the other one's,
//	       72 where the list begins, 80 entries, 84 length of one, 88 CRC-32 of the list; an entry: 0 type, 32 first and
//	       40 last sector, 56 name in UTF-16
//
// All numbers are little-endian.
//
// # Sources
//
// Followed: UEFI Specification 2.10, chapter 5; sgdisk 1.0.9 and sfdisk 2.38 make the images of the tests.
package disk
