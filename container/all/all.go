// Package all holds the table of containers that the program knows. Only the top rooms and tests import it; the rooms
// between get the table as an argument.
package all

import (
	"salvor/container"
	"salvor/container/dmg"
	"salvor/container/ewf"
	"salvor/container/qcow2"
	"salvor/container/sparse"
	"salvor/container/sparseimage"
	"salvor/container/vdi"
	"salvor/container/vhd"
	"salvor/container/vhdx"
	"salvor/container/vmdk"
)

// Table returns a row for each format. Those that are recognised by the end of a file come last: a file that begins
// as another format is of that one.
func Table() []container.Format {
	return []container.Format{ewf.Format(), qcow2.Format(), vmdk.Format(), vhdx.Format(), vdi.Format(), sparse.Format(), sparseimage.Format(), vhd.Format(), dmg.Format()}
}
