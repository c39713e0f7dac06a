// Package atari reads the root sectors of Atari's hard disks (AHDI), with their extended partitions and the further
// entries of ICD's driver.
//
// The format has no magic number and no checksum. The package promises to take a sector for one only when its
// entries have known identifiers, lie behind the sector, do not overlap, and fit the number of sectors that
// it gives; it never sets Valid for anything less.
//
// The root sector, with the high byte first:
//
//	0x156  8 entries of ICD, when the first of them has a known identifier
//	0x1c2  sectors of the disk (4)
//	0x1c6  4 entries: flags (bit 0: exists, bit 7: bootable), identifier (3), first sector (4), sectors (4)
//
// An entry with the identifier XGM leads to a further root sector; its first entry counts from that
// sector, the next XGM from the start of the first.
//
// Followed: Atari's AHDI 3.00 release notes (1990) and the ICD formatter's documentation.
package atari
