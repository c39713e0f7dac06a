// Package all holds the table of partitioning schemes that the program knows. Only the top rooms and tests
// import it; the rooms between get the table as an argument.
package all

import (
	"salvor/volume"
	"salvor/volume/gpt"
	"salvor/volume/mbr"
)

// Table returns a row for each scheme, the more telling ones first.
func Table() []volume.Scheme { return []volume.Scheme{gpt.Scheme(), mbr.Scheme()} }
