package all

import (
	"salvor/firmware"
	"salvor/firmware/cab"
	"salvor/firmware/mcuboot"
	"salvor/firmware/uefi"
)

// mcu are the formats of microcontrollers, of PC firmware and of fwupd.
func mcu() []firmware.Format {
	return append([]firmware.Format{mcuboot.Format(), cab.Format()}, uefi.Formats()...)
}
