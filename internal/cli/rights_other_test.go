//go:build !linux

package cli_test

// rolesBeside: this system has no rights to ask for.
func rolesBeside() {}
