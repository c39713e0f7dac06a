//go:build !linux

package host

import (
	"os"

	"salvor/block"
)

// writeBehind does nothing: no hint is known for this system.
type writeBehind struct{}

func (*writeBehind) wrote(*os.File, block.Extent) {}

// preallocate does nothing: the file takes space as it is written.
func preallocate(*os.File, int64) error { return nil }
