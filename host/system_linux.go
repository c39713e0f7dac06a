package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const permissionNext = "Run the same command with sudo, or let an administrator give you the right to read it."

// directVariable tells the reader the sector size in bytes by which it reads past the system's cache.
const directVariable = "SALVOR_READER_DIRECT"

// readerEnvironment is what a reader needs of the environment: nothing.
func readerEnvironment() []string { return nil }

// readerAttributes put the reader into a group of its own, so that Ctrl-C reaches the parent alone, which
// ends its work in order.
func readerAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// prepareDescriptor refuses a descriptor that can write, and turns direct reading on where the parent asks
// for it and the system can. It returns the alignment of direct reads, 0 without them.
func prepareDescriptor(fd int) (int64, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, err
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY {
		return 0, errWritable
	}
	align, err := strconv.ParseInt(os.Getenv(directVariable), 10, 32)
	if err != nil || align < 512 || align > 1<<16 || align&(align-1) != 0 {
		return 0, nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_DIRECT); err != nil {
		return 0, nil // this device has no direct reads
	}
	probe := pageAligned(int(align))
	if _, err := unix.Pread(fd, probe, 0); errors.Is(err, unix.EINVAL) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags); err != nil {
			return 0, err
		}
		return 0, nil
	}
	return align, nil
}

func rawDevicePath(string) bool { return false }

func noRawDevices(path string) error { return fmt.Errorf("host: %s: %w", path, errors.ErrUnsupported) }

func isNoMedium(err error) bool { return errors.Is(err, unix.ENOMEDIUM) }

func isGone(err error) bool {
	for _, e := range []error{unix.ENODEV, unix.ENXIO, unix.ENOMEDIUM, unix.ESTALE, unix.ENOTCONN, unix.ESHUTDOWN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unix.ETIMEDOUT)
}

// deviceSize returns the size of an open block device in bytes.
func deviceSize(f *os.File) (int64, error) {
	n, err := ioctl64(f, unix.BLKGETSIZE64)
	if err != nil {
		return 0, fmt.Errorf("size of device: %w", err)
	}
	if n > 1<<63-1 {
		return 0, fmt.Errorf("size of device: %d bytes", n)
	}
	return int64(n), nil
}

// describeDevice fills in what the ioctls and /sys say of the block device f.
func describeDevice(o *Opened, f *os.File, sys System) error {
	size, err := deviceSize(f)
	if err != nil {
		return fmt.Errorf("host: %s: %w", o.Path, err)
	}
	o.Size = size
	if o.SectorSize, err = ioctlInt(f, unix.BLKSSZGET); err != nil {
		return fmt.Errorf("host: %s: sector size: %w", o.Path, err)
	}
	if o.PhysicalSectorSize, err = ioctlInt(f, unix.BLKPBSZGET); err != nil {
		o.PhysicalSectorSize = o.SectorSize
	}
	if ro, err := ioctlInt(f, unix.BLKROGET); err == nil {
		o.ReadOnly = ro != 0
	}
	name, err := sys.deviceName(o.Real)
	if err != nil {
		return nil // an unnamed device can be read all the same
	}
	d := sys.describe(sys.wholeDisk(name))
	o.Model, o.Serial, o.Transport, o.Removable = d.Model, d.Serial, d.Transport, d.Removable
	return nil
}

// claimedExclusively reports whether something in the system holds the device at path for itself, in this
// mount namespace or in another.
func claimedExclusively(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, unix.EBUSY)
	}
	_ = unix.Close(fd) // it was only asked for
	return false
}

// deviceNumber returns "major:minor" of the block device at path.
func deviceNumber(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", errors.New("not a block device")
	}
	return numberOf(st.Rdev), nil
}

// numberOf writes the number of a device as the system does.
func numberOf(rdev uint64) string { return fmt.Sprintf("%d:%d", unix.Major(rdev), unix.Minor(rdev)) }

// holdingDevice returns "major:minor" of the file system that path is in.
func holdingDevice(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", err
	}
	return numberOf(st.Dev), nil
}

// widen makes room in a pipe for a whole answer; a system that does not allow that is slower.
func widen(f *os.File) {
	_ = control(f, func(fd uintptr) error {
		_, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, maxRequest)
		return err
	})
}
