package mbr

import "fmt"

// Types with a meaning for this package.
const (
	typeEmpty      = 0x00
	typeProtective = 0xee
)

var typeNames = map[byte]string{
	0x01: "FAT12",
	0x04: "FAT16 below 32 MB",
	0x05: "Extended",
	0x06: "FAT16",
	0x07: "NTFS, exFAT or HPFS",
	0x0b: "FAT32",
	0x0c: "FAT32 (LBA)",
	0x0e: "FAT16 (LBA)",
	0x0f: "Extended (LBA)",
	0x11: "Hidden FAT12",
	0x12: "Vendor diagnostics",
	0x14: "Hidden FAT16 below 32 MB",
	0x16: "Hidden FAT16",
	0x17: "Hidden NTFS or exFAT",
	0x1b: "Hidden FAT32",
	0x1c: "Hidden FAT32 (LBA)",
	0x1e: "Hidden FAT16 (LBA)",
	0x27: "Windows recovery",
	0x39: "Plan 9",
	0x42: "Windows dynamic disk",
	0x4d: "QNX4",
	0x4e: "QNX4, second part",
	0x4f: "QNX4, third part",
	0x63: "GNU Hurd or System V",
	0x80: "Old Minix",
	0x81: "Minix",
	0x82: "Linux swap",
	0x83: "Linux filesystem",
	0x84: "Hibernation",
	0x85: "Linux extended",
	0x86: "NTFS volume set",
	0x87: "NTFS volume set",
	0x88: "Linux plain text",
	0x8e: "Linux LVM",
	0xa0: "Hibernation",
	0xa5: "FreeBSD",
	0xa6: "OpenBSD",
	0xa8: "Darwin UFS",
	0xa9: "NetBSD",
	0xab: "Darwin boot",
	0xaf: "HFS or HFS+",
	0xb7: "BSDI",
	0xb8: "BSDI swap",
	0xbe: "Solaris boot",
	0xbf: "Solaris",
	0xc0: "Secured or U-Boot",
	0xda: "Data without file system",
	0xde: "Dell utility",
	0xea: "Linux extended boot",
	0xeb: "BeOS",
	0xee: "GPT protective",
	0xef: "EFI system",
	0xf0: "Linux PA-RISC boot",
	0xf2: "DOS secondary",
	0xfb: "VMware VMFS",
	0xfc: "VMware VMKCORE",
	0xfd: "Linux RAID",
	0xfe: "LANstep",
	0xff: "Xenix bad block table",
}

func typeCode(t byte) string { return fmt.Sprintf("0x%02x", t) }

func isExtended(t byte) bool { return t == 0x05 || t == 0x0f || t == 0x85 }

// hasBootSector reports whether volumes of type t begin with a sector that ends in 55 AA.
func hasBootSector(t byte) bool {
	switch t {
	case 0x01, 0x04, 0x06, 0x07, 0x0b, 0x0c, 0x0e, 0xef:
		return true
	}
	return false
}
