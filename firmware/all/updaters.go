package all

import (
	"salvor/firmware"
	"salvor/firmware/mender"
	"salvor/firmware/rauc"
	"salvor/firmware/swu"
)

// updaters are the packages of update programs for Linux.
func updaters() []firmware.Format {
	return []firmware.Format{swu.Format(), rauc.Format(), mender.Format()}
}
