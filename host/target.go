package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Target is the place that a case is to be put in.
type Target struct {
	Dir     string // absolute, links resolved; the nearest folder that is there
	Exists  bool   // the folder asked for is there itself
	Device  string // "/dev/sdb1", "" where no device of this system holds it
	FS      string // type of file system as the system names it, "" where unknown
	Free    int64  // bytes that this user may fill; -1 where unknown
	Total   int64  // bytes; -1 where unknown
	Network bool   // a share of another computer
	Memory  bool   // gone when the computer is switched off
	// ReadOnly says that nothing can be written there.
	ReadOnly bool
	// MaxFileSize is the largest file in bytes that the file system takes; 0 where no limit is known.
	MaxFileSize int64

	// What the file system can hold besides names and bytes; false until [Target.Probe] found out.
	Symlinks, Sparse, Modes, CaseSensitive bool
	// WindowsNames says that names which Windows cannot hold are refused, or come back as others.
	WindowsNames bool
}

// fatMaxFile is 4 GiB - 1: the size in a FAT directory entry has 32 bits.
const fatMaxFile = 1<<32 - 1

var (
	fatNames     = []string{"vfat", "msdos", "fat", "fat12", "fat16", "fat32", "umsdos"}
	networkNames = []string{"nfs", "nfs4", "cifs", "smb3", "smbfs", "smb2", "afpfs", "webdav", "fuse.sshfs", "9p", "ceph", "fuse.davfs", "afs"}
	memoryNames  = []string{"tmpfs", "ramfs"}
)

// InspectTarget says what is known of the place of dir, which need not be there yet. It changes nothing.
func InspectTarget(dir string) (Target, error) { return System{}.InspectTarget(dir) }

// InspectTarget is as the function [InspectTarget], for this system.
func (s System) InspectTarget(dir string) (Target, error) {
	t := Target{Dir: existing(dir), Free: -1, Total: -1}
	st, err := os.Stat(t.Dir)
	if err != nil {
		return t, fmt.Errorf("host: %w", err)
	}
	if !st.IsDir() {
		return t, usage("host.target.nofolder", fmt.Sprintf("%s is not a folder.", t.Dir), "Name a folder for the case.")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return t, fmt.Errorf("host: %w", err)
	}
	if own, err := os.Stat(abs); err == nil {
		t.Exists = own.IsDir()
	}
	if err := t.statfs(); err != nil {
		return t, fmt.Errorf("host: %s: %w", t.Dir, err)
	}
	if mounts, err := s.Mounts(); err == nil {
		if m, ok := mountOf(mounts, t.Dir); ok {
			t.FS = m.FS
			t.ReadOnly = t.ReadOnly || m.ReadOnly
			if name, err := s.deviceName(m.Source); err == nil && strings.HasPrefix(m.Source, "/dev/") {
				t.Device = devPath(name)
			}
		}
	}
	fsName := strings.ToLower(t.FS)
	if slices.Contains(fatNames, strings.TrimPrefix(strings.TrimPrefix(fsName, "fuse."), "fuse")) {
		t.MaxFileSize = fatMaxFile
	}
	t.Network = t.Network || slices.Contains(networkNames, fsName)
	t.Memory = slices.Contains(memoryNames, fsName)
	return t, nil
}

// Check refuses a target that nothing can be written to, or that has less than need bytes free. What is
// already there of the case counts in need no more.
func (t *Target) Check(need int64) error {
	if t.ReadOnly {
		return &RefusedError{Exit: ExitRefused, Code: "host.target.readonly",
			Why:  fmt.Sprintf("Nothing can be written to %s: it is mounted read-only.", t.Dir),
			Next: "Choose a folder on another disk with --to."}
	}
	if t.Free >= 0 && need > t.Free {
		return &RefusedError{Exit: ExitRefused, Code: "host.target.full",
			Why:  fmt.Sprintf("%s has %s free, and %s are needed.", t.Dir, Bytes(t.Free), Bytes(need)),
			Next: "Make room there, or choose a folder on a larger disk with --to."}
	}
	return nil
}

// Bytes writes n for a person: "1.4 GiB".
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, u := float64(n)/1024, 0
	for v >= 1023.95 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	return fmt.Sprintf("%.1f %ciB", v, units[u])
}

// Probe finds out what the folder t.Dir can hold, by a folder of its own in it that it removes again. It is
// for targets only: call [Contains] before.
func (t *Target) Probe() (err error) {
	dir, err := os.MkdirTemp(t.Dir, ".salvor-probe-")
	if err != nil {
		if isReadOnlyFS(err) {
			t.ReadOnly = true
		}
		return t.probeError(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "probe-a")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return t.probeError(err)
	}
	const hole = 4 << 20
	_, werr := f.WriteAt([]byte{1}, hole)
	serr := f.Sync() // only then it is settled which blocks the file takes
	st, err := f.Stat()
	if err := errors.Join(werr, serr, err, f.Close()); err != nil {
		return t.probeError(err)
	}
	t.Sparse = allocated(st) < hole
	if os.Chmod(path, 0o640) == nil {
		if st, err := os.Stat(path); err == nil && st.Mode().Perm() == 0o640 {
			t.Modes = os.Chmod(path, 0o604) == nil && modeOf(path) == 0o604
		}
	}
	t.Symlinks = os.Symlink("probe-a", filepath.Join(dir, "link")) == nil
	t.WindowsNames = t.refusesNames(dir)
	if t.MaxFileSize == 0 && (t.Sparse || t.Network) {
		// What stands behind a share, or behind a driver of its own, does not show by its name. A hole costs nothing to ask with.
		t.MaxFileSize = probeSize(path)
	}
	_, err = os.Lstat(filepath.Join(dir, "PROBE-A"))
	t.CaseSensitive = errors.Is(err, fs.ErrNotExist)
	return nil
}

// strangeNames are names that a Unix file system takes, and those of Windows do not.
var strangeNames = []string{"a:b", "a?b", "a ", "a.", "a\\b"}

// refusesNames reports whether one of the strange names cannot be had in dir, or is given to something else.
func (t *Target) refusesNames(dir string) bool {
	names := filepath.Join(dir, "names")
	if os.Mkdir(names, 0o700) != nil {
		return true
	}
	for _, name := range strangeNames {
		f, err := os.OpenFile(names+string(filepath.Separator)+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return true
		}
		f.Close() // nothing was written
	}
	entries, err := os.ReadDir(names)
	if err != nil {
		return true
	}
	for _, e := range entries {
		if !slices.Contains(strangeNames, e.Name()) {
			return true
		}
	}
	return len(entries) != len(strangeNames)
}

// probeSize returns the most bytes that the file at path can have where that is less than 4 GiB, else 0.
func probeSize(path string) int64 {
	if os.Truncate(path, fatMaxFile+1) == nil {
		_ = os.Truncate(path, 0) // it is removed next
		return 0
	}
	if os.Truncate(path, fatMaxFile) == nil {
		_ = os.Truncate(path, 0)
		return fatMaxFile
	}
	return 0 // it refuses for another reason: no more room, or no file can be made longer
}

func modeOf(path string) fs.FileMode {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Mode().Perm()
}

func (t *Target) probeError(err error) error {
	switch {
	case t.ReadOnly:
		return t.Check(0)
	case errors.Is(err, fs.ErrPermission):
		return &RefusedError{Exit: ExitError, Code: "host.target.permission",
			Why:  fmt.Sprintf("You may not write to %s.", t.Dir),
			Next: "Choose another folder with --to, or change its permissions.", Err: err}
	case IsFull(err):
		return &RefusedError{Exit: ExitRefused, Code: "host.target.full",
			Why: fmt.Sprintf("%s is full.", t.Dir), Next: "Make room there, or choose another folder with --to.", Err: err}
	}
	return fmt.Errorf("host: %s: %w", t.Dir, err)
}

// SyncDir makes the names in dir last through a loss of power, where the system can.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	err = syncFolder(d)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("host: %s: %w", dir, err)
	}
	return nil
}

// SyncFS makes everything that was written to the file system of dir last through a loss of power, where
// the system can do that for a whole file system.
func SyncFS(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	err = syncFileSystem(d)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("host: %s: %w", dir, err)
	}
	return nil
}

// OnBattery reports whether the computer runs on its battery; known is false where it does not say.
func OnBattery() (battery, known bool) { return System{}.OnBattery() }

// OnBattery is as the function [OnBattery], for this system.
func (s System) OnBattery() (battery, known bool) {
	for _, n := range s.list("sys/class/power_supply") {
		switch s.read("sys/class/power_supply", n, "type") {
		case "Mains", "USB":
			switch s.read("sys/class/power_supply", n, "online") {
			case "1":
				return false, true
			case "0":
				battery, known = true, true
			}
		}
	}
	return battery, known
}
