package all

import (
	"salvor/firmware"
	"salvor/firmware/cab"
	"salvor/firmware/mcuboot"
)

// mcu are the formats of microcontrollers, of PC firmware and of fwupd.
func mcu() []firmware.Format {
	return []firmware.Format{mcuboot.Format(), cab.Format()}
}
