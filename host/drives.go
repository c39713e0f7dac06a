package host

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Drive is a place on which a person may save: a mounted file system of this computer, or a share of another one.
type Drive struct {
	Target
	Point     string // the folder in which it is mounted
	Model     string // of its disk; "" where unknown
	Removable bool   // its disk can be pulled out
	System    bool   // this computer runs from it
}

// maxDrives bounds the list, and askDrive how long one may take to answer: a share of another computer, a disk that is dying.
const (
	maxDrives = 64
	askDrive  = 2 * time.Second
)

// ownPoints are mounts of the system that hold nothing of a person.
var ownPoints = []string{"/boot", "/efi", "/usr", "/var", "/snap", "/proc", "/sys", "/dev", "/run/credentials", "/etc", "/System", "/private/var/vm"}

// Drives returns the places on which a person may save, removable ones first. A drive or a share that does not answer is left out.
func Drives(ctx context.Context) ([]Drive, error) { return System{}.Drives(ctx) }

// Drives is as the function [Drives], for this system.
func (s System) Drives(ctx context.Context) ([]Drive, error) {
	points := s.points()
	found := make([]*Drive, len(points))
	var all sync.WaitGroup
	for i, point := range points {
		all.Go(func() {
			if d, ok := s.drive(ctx, point); ok {
				found[i] = &d
			}
		})
	}
	all.Wait()
	var out []Drive
	for _, d := range found {
		if d != nil && len(out) < maxDrives && !slices.ContainsFunc(out, func(o Drive) bool { return d.Device != "" && o.Device == d.Device }) {
			out = append(out, *d)
		}
	}
	slices.SortStableFunc(out, func(a, b Drive) int {
		switch {
		case a.Removable == b.Removable:
			return 0
		case a.Removable:
			return -1
		}
		return 1
	})
	return out, ctx.Err()
}

// DriveOf returns the drive that dir lies on, where the system tells.
func DriveOf(ctx context.Context, dir string) (Drive, bool) { return System{}.DriveOf(ctx, dir) }

// DriveOf is as the function [DriveOf], for this system.
func (s System) DriveOf(ctx context.Context, dir string) (Drive, bool) {
	mounts, err := s.Mounts()
	if err != nil {
		return Drive{}, false
	}
	m, ok := mountOf(mounts, existing(dir))
	if !ok {
		return Drive{}, false
	}
	return s.drive(ctx, m.Point)
}

// points returns the folders in which something may be mounted that a person saves on.
func (s System) points() []string {
	mounts, err := s.Mounts()
	if err != nil { // a system that has other ways to say it
		return otherPoints()
	}
	var out []string
	for _, m := range mounts {
		fs := strings.ToLower(m.FS)
		if !strings.HasPrefix(m.Source, "/dev/") && !slices.Contains(networkNames, fs) {
			continue
		}
		own := slices.ContainsFunc(ownPoints, func(p string) bool { return m.Point == p || strings.HasPrefix(m.Point, p+"/") })
		if own || fs == "squashfs" || fs == "erofs" || fs == "iso9660" || fs == "udf" {
			continue
		}
		out = append(out, m.Point)
	}
	return out
}

func otherPoints() []string {
	if runtime.GOOS != "windows" {
		list, err := filepath.Glob("/Volumes/*")
		if err != nil {
			return nil
		}
		return list
	}
	var out []string
	for letter := 'A'; letter <= 'Z'; letter++ {
		if p := string(letter) + `:\`; Exists(p) {
			out = append(out, p)
		}
	}
	return out
}

// drive describes the file system mounted at point.
func (s System) drive(ctx context.Context, point string) (Drive, bool) {
	type answer struct {
		t   Target
		err error
	}
	got := make(chan answer, 1)
	go func() {
		t, err := s.InspectTarget(point)
		if err == nil && !t.Network {
			var st fs.FileInfo
			if st, err = os.Stat(s.path(point)); err == nil && !st.IsDir() {
				err = fs.ErrInvalid // a file over which another one was mounted
			}
		}
		got <- answer{t, err}
	}()
	wait := time.NewTimer(askDrive)
	defer wait.Stop()
	select {
	case a := <-got:
		if a.err != nil || a.t.Total == 0 { // what shows the files of a program, and holds nothing
			return Drive{}, false
		}
		d := Drive{Target: a.t, Point: point, System: point == "/"}
		if d.Device != "" {
			if disk, ok := s.DiskOf(ctx, d.Device); ok {
				d.Model, d.Removable = disk.Model, disk.Removable || disk.Transport == "usb"
			}
		}
		return d, true
	case <-wait.C:
		return Drive{}, false
	}
}

// OnSameDisk reports whether dir, or where dir would be made, lies on the source or, when the source is a part of a disk,
// on any part of the same disk.
func OnSameDisk(source, dir string) (bool, error) { return System{}.OnSameDisk(source, dir) }

// OnSameDisk is as the function [OnSameDisk], for this system.
func (s System) OnSameDisk(source, dir string) (bool, error) {
	inside, err := s.Contains(source, dir)
	if inside || err != nil {
		return inside, err
	}
	if s.Root == "" && !IsDevice(source) {
		return false, nil
	}
	name, err := s.deviceName(realPath(source))
	if err != nil {
		return false, nil // an image file: the disk that it lies on is another matter
	}
	if whole := s.wholeDisk(name); whole != name {
		return s.Contains(devPath(whole), dir)
	}
	return false, nil
}

// TreeSize returns how many bytes the regular files in dir and below it have. What cannot be looked at takes no part; a
// folder that is not there has none.
func TreeSize(ctx context.Context, dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ctx.Err()
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return ctx.Err()
	})
	return n, err
}
