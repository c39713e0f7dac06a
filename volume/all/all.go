// Package all holds the table of partitioning schemes that the program knows. Only the top rooms and tests
// import it; the rooms between get the table as an argument.
package all

import (
	"salvor/volume"
	"salvor/volume/apm"
	"salvor/volume/atari"
	"salvor/volume/bsd"
	"salvor/volume/gpt"
	"salvor/volume/lp"
	"salvor/volume/mbr"
	"salvor/volume/mtdparts"
	"salvor/volume/pmt"
	"salvor/volume/sgi"
	"salvor/volume/sun"
)

// Table returns a row for each scheme, the more telling ones first.
func Table() []volume.Scheme {
	return []volume.Scheme{
		gpt.Scheme(), mbr.Scheme(), apm.Scheme(), bsd.Scheme(), sun.Scheme(), sgi.Scheme(), atari.Scheme(),
		lp.Scheme(), mtdparts.Scheme(), pmt.Scheme(),
	}
}
