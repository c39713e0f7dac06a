package all

import (
	"slices"

	"salvor/firmware"
	"salvor/firmware/asparse"
	"salvor/firmware/avb"
	"salvor/firmware/bootimg"
	"salvor/firmware/payload"
)

// android are the formats of Android devices: the footer of a partition's image in front of what the image begins with.
func android() []firmware.Format {
	return slices.Concat(avb.Formats(), bootimg.Formats(), []firmware.Format{asparse.Format(), payload.Format()})
}
