//go:build !linux

package ui

// beside: this system has no rights to ask for.
func beside() {}
