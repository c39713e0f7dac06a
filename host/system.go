package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// System is a machine as it shows itself under /sys, /proc and /dev. The zero value is this one.
type System struct {
	// Root is put before every path; "" is "/". A test brings a folder with a tree of its own.
	Root string
	// UPS is the address of the UPS's server, "" for the usual one on this computer.
	UPS string
}

// maxSystemFile bounds what is read of one file of /sys or /proc, in bytes.
const maxSystemFile = 8 << 20

func (s System) path(elem ...string) string {
	return filepath.Join(append([]string{s.Root, "/"}, elem...)...)
}

// read returns the trimmed content of a small file, "" when there is none.
func (s System) read(elem ...string) string {
	f, err := os.Open(s.path(elem...))
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 4096)
	n, _ := f.Read(b) // an attribute that cannot be read is unknown
	return strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "\uFFFD"))
}

func (s System) number(elem ...string) (int64, bool) {
	n, err := strconv.ParseInt(s.read(elem...), 10, 64)
	return n, err == nil
}

func (s System) list(elem ...string) []string {
	entries, err := os.ReadDir(s.path(elem...))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names // in order: os.ReadDir sorts
}

func (s System) has(elem ...string) bool {
	_, err := os.Lstat(s.path(elem...))
	return err == nil
}

// class returns the folder of a block device, links resolved: its last but one element is the whole disk
// of a partition.
func (s System) class(name string) string {
	p := s.path("sys/class/block", name)
	if r, err := filepath.EvalSymlinks(p); err == nil {
		return r
	}
	return p
}

// attribute reads a file below the folder of a block device.
func (s System) attribute(name string, elem ...string) string {
	return s.read(append([]string{"sys/class/block", name}, elem...)...)
}

// wholeDisk returns the name of the disk that a partition is on, or name itself.
func (s System) wholeDisk(name string) string {
	if !s.has("sys/class/block", name, "partition") {
		return name
	}
	if parent := filepath.Base(filepath.Dir(s.class(name))); s.has("sys/class/block", parent) {
		return parent
	}
	return name
}

// partitions returns the names of the partitions of a disk.
func (s System) partitions(name string) []string {
	var out []string
	for _, n := range s.list("sys/class/block", name) {
		if s.has("sys/class/block", name, n, "partition") {
			out = append(out, n)
		}
	}
	return out
}

// deviceName returns the name under /sys/class/block of the block device at path, which is a node under
// /dev or a link to one.
func (s System) deviceName(path string) (string, error) {
	if s.Root == "" {
		if number, err := deviceNumber(path); err == nil {
			if name := s.nameOfNumber(number); name != "" {
				return name, nil
			}
		}
	}
	name := sysName(filepath.Base(path))
	if s.has("sys/class/block", name) {
		return name, nil
	}
	if r, err := filepath.EvalSymlinks(s.path(path)); err == nil {
		if name := sysName(filepath.Base(r)); s.has("sys/class/block", name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("host: %s: %w", path, errNoDevice)
}

var errNoDevice = errors.New("not a block device of this system")

// sysName is how /sys writes a device name: "cciss/c0d0" becomes "cciss!c0d0".
func sysName(dev string) string { return strings.ReplaceAll(dev, "/", "!") }

func devPath(name string) string { return "/dev/" + strings.ReplaceAll(name, "!", "/") }

// nameOfNumber returns the name of the block device "major:minor", "" when there is none.
func (s System) nameOfNumber(number string) string {
	if r, err := filepath.EvalSymlinks(s.path("sys/dev/block", number)); err == nil {
		return filepath.Base(r)
	}
	for _, name := range s.list("sys/class/block") {
		if s.attribute(name, "dev") == number {
			return name
		}
	}
	return ""
}

// Mount is a line of the table of mounts.
type Mount struct {
	Device  string   // "major:minor" of its file system
	Source  string   // what was mounted, as the system says it
	Point   string   // where
	FS      string   // type of file system, as the kernel names it
	Options []string // of the mount and of the file system together
	// ReadOnly says that nothing can be written through this mount.
	ReadOnly bool
}

// Mounts returns the mounts that this process sees, in the order in which they were made.
func (s System) Mounts() ([]Mount, error) {
	b, err := readSmall(s.path("proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("host: mounts: %w", err)
	}
	return parseMountinfo(b), nil
}

// parseMountinfo reads lines such as
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// Lines of another shape are left out: the kernel may add some.
func parseMountinfo(b []byte) []Mount {
	var out []Mount
	for line := range strings.Lines(string(b)) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		if !ok {
			continue
		}
		l, r := strings.Split(left, " "), strings.Split(right, " ")
		if len(l) < 6 || len(r) < 2 {
			continue
		}
		m := Mount{Device: l[2], Point: unoctal(l[4]), FS: r[0], Source: unoctal(r[1])}
		m.Options = strings.Split(l[5], ",")
		m.ReadOnly = slices.Contains(m.Options, "ro")
		if len(r) > 2 {
			super := strings.Split(r[2], ",")
			m.ReadOnly = m.ReadOnly || slices.Contains(super, "ro")
			m.Options = append(m.Options, super...)
		}
		out = append(out, m)
	}
	return out
}

// unoctal undoes the kernel's escapes of blanks: a backslash and three octal digits.
func unoctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// swaps returns the paths of active swap areas.
func (s System) swaps() []string {
	b, err := readSmall(s.path("proc/swaps"))
	if err != nil {
		return nil // a system without swap has no such file
	}
	var out []string
	first := true
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 0 && !first {
			out = append(out, unoctal(f[0]))
		}
		first = false
	}
	return out
}
