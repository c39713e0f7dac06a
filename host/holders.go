package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HolderKind says in which way something holds a device.
type HolderKind string

// The kinds of holders.
const (
	HeldByMount HolderKind = "mount"
	HeldBySwap  HolderKind = "swap"
	HeldByMD    HolderKind = "md"    // a software RAID
	HeldByDM    HolderKind = "dm"    // the device mapper: LVM, LUKS, multipath
	HeldByLoop  HolderKind = "loop"  // a loop device over the image file or the device
	HeldByOther HolderKind = "other" // the kernel says that it is held, not by what
)

// Holder is something of the running system that uses a device, a part of it, or what is made of it.
type Holder struct {
	Kind     HolderKind
	Device   string // what is held, "/dev/sda1"
	Name     string // mount point, or path of the device that holds it
	FS       string // type of a mounted file system
	ReadOnly bool
	// CanWrite says that the holder may write to the source by itself or for a program: what is mounted
	// read-write, a journal that a read-only mount replays, swap, an array.
	CanWrite bool
	Next     string // what a person does to end it
}

func (h Holder) String() string {
	switch h.Kind {
	case HeldByMount:
		how := "read-write"
		if h.ReadOnly {
			how = "read-only"
			if h.CanWrite {
				how = "read-only, which still replays its journal"
			}
		}
		return fmt.Sprintf("%s is mounted at %s (%s, %s)", h.Device, h.Name, h.FS, how)
	case HeldBySwap:
		return fmt.Sprintf("%s is in use as swap", h.Device)
	case HeldByMD:
		return fmt.Sprintf("%s is part of the running RAID %s", h.Device, h.Name)
	case HeldByDM:
		return fmt.Sprintf("%s is held by %s (LVM, LUKS or another mapping)", h.Device, h.Name)
	case HeldByLoop:
		return fmt.Sprintf("%s is attached to %s", h.Device, h.Name)
	}
	return fmt.Sprintf("%s is in use by the system", h.Device)
}

// system reports whether the holder is one that this computer runs by.
func (h Holder) system() bool {
	if h.Kind == HeldBySwap {
		return true
	}
	return h.Kind == HeldByMount &&
		slices.Contains([]string{"/", "/usr", "/var", "/boot", "/boot/efi", "/boot/firmware", "/efi"}, h.Name)
}

// replayers are file systems that write to their device when they are mounted read-only, unless one of the
// options says that they do not. A kind without options has none that is sure.
var replayers = map[string][]string{
	"ext3":     {"noload", "norecovery"},
	"ext4":     {"noload", "norecovery"},
	"xfs":      {"norecovery"},
	"btrfs":    {"norecovery", "nologreplay", "rescue=nologreplay", "rescue=all"},
	"f2fs":     {"norecovery", "disable_roll_forward"},
	"jfs":      nil,
	"reiserfs": {"nolog"},
	"ntfs3":    nil,
	"nilfs2":   {"norecovery"},
	"bcachefs": {"norecovery", "nochanges"},
	"gfs2":     {"norecovery", "spectator"},
	"ocfs2":    nil,
	"ubifs":    nil,
}

// replays reports whether a read-only mount of this kind may have written, or may yet.
func replays(m Mount) bool {
	off, ok := replayers[m.FS]
	if !ok {
		// A reader outside of the kernel (fuseblk) opens read-only what it mounts read-only, as far as
		// known; NTFS by ntfs-3g is the exception that replays.
		return m.FS == "fuseblk"
	}
	return !slices.ContainsFunc(m.Options, func(o string) bool { return slices.Contains(off, o) })
}

// Holders returns what uses the device or the image file at path, a part of it, or what is made of it. An
// image file is held by the loop devices that it is attached to and by what stands on those.
func Holders(path string) ([]Holder, error) { return System{}.Holders(path) }

// Holders is as the function [Holders], for this system.
func (s System) Holders(path string) ([]Holder, error) {
	roots, err := s.rootsOf(path)
	if err != nil {
		return nil, err
	}
	var out []Holder
	for _, r := range roots {
		if r.loopOver != "" {
			out = append(out, s.loopHolder(r.name, r.loopOver))
		}
		more, err := s.holdersOf(r.name)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

type root struct {
	name     string
	loopOver string // path of the image, when name is the loop device over it
}

// rootsOf returns the block devices that path is: itself, or the loop devices over it.
func (s System) rootsOf(path string) ([]root, error) {
	real := realPath(path)
	if st, err := os.Stat(path); err != nil && s.Root == "" {
		return nil, openError(path, err)
	} else if s.Root != "" || st.Mode()&os.ModeDevice != 0 {
		if name, err := s.deviceName(real); err == nil {
			return []root{{name: name}}, nil
		} else if s.Root == "" && st.Mode()&os.ModeDevice != 0 {
			return nil, err
		}
	}
	var out []root
	for _, l := range s.loopsOver(real) {
		out = append(out, root{l, real})
	}
	return out, nil
}

// loopsOver returns the loop devices whose backing file is path, links resolved.
func (s System) loopsOver(path string) []string {
	want, _ := os.Stat(path)
	var out []string
	for _, name := range s.list("sys/class/block") {
		if !strings.HasPrefix(name, "loop") || s.has("sys/class/block", name, "partition") {
			continue
		}
		back := s.attribute(name, "loop", "backing_file")
		if back == "" {
			continue
		}
		same := back == path
		if st, err := os.Stat(back); err == nil && want != nil && !same {
			same = os.SameFile(st, want) // another name of the same file
		}
		if same {
			out = append(out, name)
		}
	}
	return out
}

func (s System) loopHolder(name, over string) Holder {
	return Holder{
		Kind: HeldByLoop, Device: over, Name: devPath(name), ReadOnly: s.attribute(name, "ro") == "1",
		Next: "sudo losetup -d " + devPath(name),
	}
}

// link is a device made of another one.
type link struct {
	under, name string
}

// above returns the devices that stand on name, each with what it stands on: name itself first (with
// nothing under it), then its partitions, arrays, mappings and loop devices, to any depth.
func (s System) above(name string) []link {
	seen := map[string]bool{name: true}
	out := []link{{"", name}}
	for i := 0; i < len(out); i++ {
		n := out[i].name
		next := slices.Concat(s.partitions(n), s.list("sys/class/block", n, "holders"), s.loopsOver(devPath(n)))
		for _, m := range next {
			if !seen[m] && m != "" {
				seen[m] = true
				out = append(out, link{n, m})
			}
		}
	}
	return out
}

func (s System) holdersOf(name string) ([]Holder, error) {
	mounts, err := s.Mounts()
	if err != nil {
		return nil, err
	}
	chain := s.above(name)
	var out []Holder
	for _, l := range chain {
		if h, ok := s.structureHolder(l); ok {
			out = append(out, h)
		}
	}
	for _, m := range mounts {
		if dev := s.mountedFrom(m, chain); dev != "" {
			h := Holder{Kind: HeldByMount, Device: devPath(dev), Name: m.Point, FS: m.FS, ReadOnly: m.ReadOnly,
				Next: "sudo umount " + quote(m.Point)}
			h.CanWrite = !m.ReadOnly || replays(m) && s.attribute(dev, "ro") != "1"
			out = append(out, h)
		}
	}
	for _, path := range s.swaps() {
		// A swap file stands in a mount, which is a holder already.
		if dev, err := s.deviceName(path); err == nil && inChain(chain, dev) {
			out = append(out, Holder{Kind: HeldBySwap, Device: devPath(dev), Name: path, CanWrite: true,
				Next: "sudo swapoff " + devPath(dev)})
		}
	}
	return out, nil
}

// structureHolder returns the array or mapping at the upper end of a link; partitions hold nothing.
func (s System) structureHolder(l link) (Holder, bool) {
	h := Holder{Device: devPath(l.under), Name: devPath(l.name), ReadOnly: s.attribute(l.name, "ro") == "1"}
	switch {
	case l.under == "" || s.has("sys/class/block", l.name, "partition"):
		return h, false
	case s.has("sys/class/block", l.name, "md"):
		h.Kind, h.Next = HeldByMD, "sudo mdadm --stop "+h.Name
		h.ReadOnly = h.ReadOnly || s.attribute(l.name, "md", "array_state") == "readonly"
		h.CanWrite = !h.ReadOnly
	case s.has("sys/class/block", l.name, "dm"):
		h.Kind, h.CanWrite = HeldByDM, !h.ReadOnly
		if n := clean(s.attribute(l.name, "dm", "name")); n != "" {
			h.Name = "/dev/mapper/" + n
		}
		switch uuid := s.attribute(l.name, "dm", "uuid"); {
		case strings.HasPrefix(uuid, "LVM-"):
			h.Next = "sudo lvchange -an " + quote(h.Name)
		case strings.HasPrefix(uuid, "CRYPT-"):
			h.Next = "sudo cryptsetup close " + quote(filepath.Base(h.Name))
		default:
			h.Next = "sudo dmsetup remove " + quote(filepath.Base(h.Name))
		}
	case strings.HasPrefix(l.name, "loop"):
		h.Kind, h.Next = HeldByLoop, "sudo losetup -d "+h.Name
	default:
		h.Kind, h.CanWrite = HeldByOther, !h.ReadOnly
	}
	return h, true
}

// mountedFrom returns the device of chain that m is mounted from, "" when it is none of them.
func (s System) mountedFrom(m Mount, chain []link) string {
	for _, l := range chain {
		if s.attribute(l.name, "dev") == m.Device && m.Device != "" {
			return l.name
		}
	}
	// Btrfs and others have a number of their own; the source tells one device, /sys all of them.
	if !strings.HasPrefix(m.Source, "/dev/") {
		return ""
	}
	name, err := s.deviceName(m.Source)
	if err != nil {
		return ""
	}
	if inChain(chain, name) {
		return name
	}
	if m.FS != "btrfs" {
		return ""
	}
	for _, uuid := range s.list("sys/fs/btrfs") {
		members := s.list("sys/fs/btrfs", uuid, "devices")
		if !slices.Contains(members, name) {
			continue
		}
		for _, l := range chain {
			if slices.Contains(members, l.name) {
				return l.name
			}
		}
	}
	return ""
}

func inChain(chain []link, name string) bool {
	return slices.ContainsFunc(chain, func(l link) bool { return l.name == name })
}

// quote makes s safe to paste into a shell.
func quote(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+:=@%", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
	if plain && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
