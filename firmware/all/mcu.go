package all

import (
	"slices"

	"salvor/firmware"
	"salvor/firmware/cab"
	"salvor/firmware/matter"
	"salvor/firmware/mcuboot"
	"salvor/firmware/nordic"
	"salvor/firmware/uefi"
	"salvor/firmware/zigbee"
)

// mcu are the formats of microcontrollers, of PC firmware and of fwupd.
func mcu() []firmware.Format {
	return slices.Concat([]firmware.Format{mcuboot.Format(), cab.Format()}, uefi.Formats(), []firmware.Format{zigbee.Format(), matter.Format(), nordic.Format()})
}
