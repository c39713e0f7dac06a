//go:build !linux

package recovery

import "os"

// forget asks the system to drop what it holds of f in memory; here it cannot be asked.
func forget(*os.File) {}

// setAttributes gives f extended attributes, where this system has them; here they stay in the catalogue.
func setAttributes(*os.File, map[string][]byte) (supported bool) { return false }
