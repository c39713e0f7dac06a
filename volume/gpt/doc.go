// Package gpt reads GUID partition tables: the primary copy behind the protective MBR, the backup at the
// end of the medium, and copies elsewhere, as they remain when a disk was enlarged, cut or copied.
//
// It promises to return each copy as a table of its own, with Valid set only when both of its checksums and
// its own place agree; to return the entries of a copy whose checks fail all the same, with findings; and
// to read entries that have lost their header. It never joins copies and never prefers one.
//
// The numbers count sectors of 512 or 4096 bytes, which the place of the header tells:
//
//	sector 0        protective MBR
//	sector 1        header: "EFI PART", revision, header size, CRC-32 of the header, own sector, sector of
//	                the other header, first and last usable sector, disk GUID, sector of the array, number
//	                of entries, size of an entry, CRC-32 of the array
//	sectors 2..33   array of 128 entries of 128 bytes: type GUID, partition GUID, first and last sector,
//	                attributes, 36 UTF-16 units of name
//	last 33         the same array, then the backup header in the last sector
//
// Followed: UEFI Specification 2.10, section 5.3; the Discoverable Partitions Specification (UAPI Group,
// 2024) for the type GUIDs of Linux.
package gpt
