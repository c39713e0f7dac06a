package all

import (
	"slices"

	"salvor/firmware"
	"salvor/firmware/asparse"
	"salvor/firmware/avb"
	"salvor/firmware/bootimg"
	"salvor/firmware/ota"
	"salvor/firmware/payload"
	"salvor/firmware/super"
)

// android are the formats of Android devices: the footer of a partition's image in front of what the image begins with,
// zips and tars with a meaning in front of those without.
func android() []firmware.Format {
	return slices.Concat(avb.Formats(), ota.Formats(), bootimg.Formats(), []firmware.Format{asparse.Format(), payload.Format(), super.Format()})
}
