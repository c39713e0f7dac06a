package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"salvor/block"
)

// behindBytes is how much is written before it is sent to the disk.
const behindBytes = 8 << 20

// writeBehind sends what was written to the disk early. Without it the system would keep it until the end, and the
// disk would stand still while the source is read.
type writeBehind struct{ now block.Extent }

func (w *writeBehind) wrote(f *os.File, e block.Extent) {
	if e.Offset != w.now.End() {
		w.now = e
	} else {
		w.now.Length += e.Length
	}
	if w.now.Length < behindBytes {
		return
	}
	_ = control(f, func(fd uintptr) error { // a hint: where it is not taken, Sync does it all
		return unix.SyncFileRange(int(fd), w.now.Offset, w.now.Length, unix.SYNC_FILE_RANGE_WRITE)
	})
	w.now = block.Extent{Offset: w.now.End()}
}

// preallocate takes space on the disk; a file system that cannot is no error, as the copy can.
func preallocate(f *os.File, size int64) error {
	err := control(f, func(fd uintptr) error { return unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || size == 0 {
		return nil
	}
	return err
}
