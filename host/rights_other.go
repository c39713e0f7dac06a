//go:build !linux

package host

import (
	"context"
	"errors"
	"os"
)

// canElevate: on this system devices are not opened at all, with whatever rights.
const canElevate = false

type grant struct{}

func (*grant) fits() bool                    { return false }
func (*grant) retain() bool                  { return false }
func (*grant) release()                      {}
func (*grant) drop()                         {}
func (*grant) descriptor() (*os.File, error) { return nil, errors.ErrUnsupported }

func (*grant) askHealth(context.Context, *os.File, string) (healthPages, error) {
	return healthPages{}, errors.ErrUnsupported
}

func startOpener(context.Context, elevator, string) (*grant, string, error) {
	return nil, "", errors.ErrUnsupported
}

func mayUse(string) bool { return true }

func hasTerminal() bool { return false }

func serveOpener(string) error { return errors.ErrUnsupported }

func serveKeeper() error { return errors.ErrUnsupported }
