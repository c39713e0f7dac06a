//go:build !linux

package host

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

const permissionNext = "Run the same command as an administrator, or let one give you the right to read it."

const directVariable = "SALVOR_READER_DIRECT"

// readerEnvironment is what a reader needs of the environment.
func readerEnvironment() []string {
	if root := os.Getenv("SYSTEMROOT"); root != "" { // Windows starts no program without it
		return []string{"SYSTEMROOT=" + root}
	}
	return nil
}

func readerAttributes() *syscall.SysProcAttr { return nil }

func prepareDescriptor(int) (int64, error) { return 0, checkReadOnly() }

// rawDevicePath reports whether path names a device by a form that os.Stat does not recognise.
func rawDevicePath(path string) bool {
	return runtime.GOOS == "windows" && (strings.HasPrefix(path, `\\.\`) || strings.HasPrefix(path, `//./`))
}

func noRawDevices(path string) error {
	return &RefusedError{Exit: ExitUsage, Code: "host.source.rawdevice",
		Why: fmt.Sprintf("%s is a device, and on this system only image files can be read.", path),
		Next: "Make an image of it first (on macOS: sudo dd if=/dev/rdiskN of=disk.img bs=1m conv=noerror,sync; " +
			"on Windows: any disk imager), or start the computer with Linux, and name the image."}
}

func isNoMedium(error) bool { return false }

func isGone(err error) bool { return errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO) }

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func deviceSize(*os.File) (int64, error) { return 0, errors.ErrUnsupported }

func describeDevice(o *Opened, _ *os.File, _ System) error { return noRawDevices(o.Path) }

func claimedExclusively(string) bool { return false }

func deviceNumber(string) (string, error) { return "", errors.ErrUnsupported }

func holdingDevice(string) (string, error) { return "", errors.ErrUnsupported }

// ClearReadOnly has nothing to do on this system, which opens image files only.
func ClearReadOnly(*Opened) error { return nil }

// LockReadOnly has nothing to do on this system, which opens image files only.
func LockReadOnly(*Opened) (restore func() error, err error) {
	return func() error { return nil }, nil
}

func widen(*os.File) {}
