//go:build !linux

package host

import "errors"

// Caller is the user who started this program with the rights of another one. On this system nothing tells who that is.
type Caller struct{ Name, Home string }

// StartedBy returns nil.
func StartedBy() *Caller { return nil }

// Become fails.
func (*Caller) Become() error { return errors.ErrUnsupported }
