// Package all is the table of firmware formats.
package all

import (
	"slices"

	"salvor/firmware"
	"salvor/firmware/archive"
	"salvor/firmware/chk"
	"salvor/firmware/combined"
	"salvor/firmware/damage"
	"salvor/firmware/dfu"
	"salvor/firmware/dtb"
	"salvor/firmware/esp"
	"salvor/firmware/fit"
	"salvor/firmware/fwtool"
	"salvor/firmware/hexfile"
	"salvor/firmware/routers"
	"salvor/firmware/seama"
	"salvor/firmware/sysupgrade"
	"salvor/firmware/tplink"
	"salvor/firmware/trx"
	"salvor/firmware/ubootenv"
	"salvor/firmware/uf2"
	"salvor/firmware/uimage"
)

// Table returns all formats, in the order in which they are asked: what wraps any content by a trailer first, weak signs
// last.
func Table() []firmware.Format {
	return slices.Concat(
		android(),
		[]firmware.Format{dfu.Format(), fwtool.Format(), routers.Footer(), sysupgrade.Format(), chk.Format(), seama.Format(), trx.Format(), combined.Format(), uimage.Format(), fit.Format(), dtb.Format(), ubootenv.Format(), uf2.Format()},
		tplink.Formats(),
		routers.Formats(),
		updaters(),
		mcu(),
		hexfile.Formats(),
		esp.Formats(),
		fileSystems(),
		archive.Formats(),                  // behind those that are an archive with a meaning
		[]firmware.Format{damage.Format()}, // what none of the others takes
	)
}
