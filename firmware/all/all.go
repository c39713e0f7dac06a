// Package all is the table of firmware formats.
package all

import (
	"salvor/firmware"
	"salvor/firmware/uimage"
)

// Table returns all formats, those that are recognised most surely first.
func Table() []firmware.Format {
	return []firmware.Format{
		uimage.Format(),
	}
}
