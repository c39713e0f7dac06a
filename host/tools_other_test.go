//go:build !linux

package host

// beside: this system has no rights to ask for.
func beside() {}
