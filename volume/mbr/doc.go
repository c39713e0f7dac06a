// Package mbr reads the partition table of the PC's master boot record, with its extended partitions.
//
// It promises to return every entry that the record and the chain of extended boot records still name, each
// with the findings that speak against it; to come to an end on any chain (each record is entered once, at
// most [MaxLogical] logical partitions are read); and to say when the record is only there to protect a
// GPT. It never takes the boot sector of a FAT, exFAT or NTFS volume, which ends with the same two bytes,
// for a table, and it never decides between this table and another one.
//
// The record is the first sector of the medium; each number counts sectors:
//
//	0x000  boot code
//	0x1b8  4  disk signature
//	0x1be  16 entry 1: status (0x80 is bootable), CHS, type, CHS, first sector, number of sectors
//	0x1ce  16 entry 2 ... 0x1ee entry 4
//	0x1fe  2  55 AA
//
// An extended partition (types 0x05, 0x0f, 0x85) begins with a record of the same form: its first entry is
// a logical partition, counted from that record; its second entry leads to the next record, counted from
// the start of the extended partition. The record has no checksum, and it does not say how large a sector
// is: 512 and 4096 bytes are both tried, and where nothing decides both readings are returned.
//
// Followed: the UEFI Specification 2.10, section 5.2, for the record; the Linux kernel's and fdisk(8)'s
// documented behaviour for extended partitions, numbers from 5, and partition identifiers.
package mbr
