package uefi

import (
	"salvor/block/probe"
	"salvor/finding"
	"salvor/firmware"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{lowest}

var lowest = &finding.Def{Code: "firmware.uefi.lowest", Severity: finding.Info,
	Text: "once it is installed, the device refuses versions below {found}"}

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "capsule", Title: "UEFI capsule", Look: lookCapsule, Open: openCapsule,
			Probes: []probe.Probe{{ID: "firmware.capsule.header", Bytes: []byte{0xed, 0xd5, 0xcb, 0x6d, 0x2d, 0xe8, 0x44, 0x4c, 0xbd, 0xa1, 0x71, 0x94, 0x19, 0x9a, 0xd9, 0x2a}}}},
		{Name: "intelflash", Title: "flash image with Intel's descriptor", Look: lookFlash, Open: openFlash,
			Probes: []probe.Probe{{ID: "firmware.intelflash.descriptor", Bytes: []byte{0x5a, 0xa5, 0xf0, 0x0f}, At: 16, Align: 4096}}},
		{Name: "efi", Title: "EFI program", Look: lookProgram, Open: openProgram},
		{Name: "uefi", Title: "UEFI volume", Look: lookVolume, Open: openVolume,
			Probes: []probe.Probe{{ID: "firmware.uefi.volume", Bytes: []byte("_FVH"), At: 40, Align: 8}}},
	}
}
