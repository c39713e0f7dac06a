package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Disk is one disk of this computer.
type Disk struct {
	Path                           string // "/dev/sda"
	Name                           string // "sda"
	Size                           int64  // bytes; 0 for a reader without a card
	SectorSize, PhysicalSectorSize int    // bytes; 0 where unknown
	Model, Serial                  string // "" where unknown
	Transport                      string // "usb", "sata", "nvme", "mmc", "virtio", ... or ""
	Removable, ReadOnly            bool
	// System says that this computer runs from it, or swaps to it.
	System bool
	// Virtual says that it is no hardware of its own: a loop device over a file, a network block device.
	Virtual bool
	Holders []Holder // mounts, swap, arrays, on it or on a part of it
	Health  Health
}

// Disks returns the disks of this computer by name: whole disks, with hardware or a file behind them.
func Disks(ctx context.Context) ([]Disk, error) { return System{}.Disks(ctx) }

// Disks is as the function [Disks], for this system.
func (s System) Disks(ctx context.Context) ([]Disk, error) {
	entries, err := os.ReadDir(s.path("sys/class/block"))
	if err != nil {
		return nil, fmt.Errorf("host: disks: %w", listError(err))
	}
	var out []Disk
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := e.Name()
		if s.has("sys/class/block", name, "partition") || notDisk(name) || s.attribute(name, "hidden") == "1" {
			continue
		}
		d := s.describe(name)
		if d.Virtual && d.Size == 0 {
			continue // a loop or network device that nothing is attached to
		}
		if d.Holders, err = s.holdersOf(name); err != nil {
			return nil, err
		}
		d.System = slices.ContainsFunc(d.Holders, Holder.system)
		out = append(out, d)
	}
	return out, nil
}

// DiskOf returns what is known of the disk that the device at path is, or is a part of.
func DiskOf(ctx context.Context, path string) (Disk, bool) { return System{}.DiskOf(ctx, path) }

// DiskOf is as the function [DiskOf], for this system.
func (s System) DiskOf(ctx context.Context, path string) (Disk, bool) {
	name, err := s.deviceName(path)
	if err != nil || ctx.Err() != nil {
		return Disk{}, false
	}
	return s.describe(s.wholeDisk(name)), true
}

// notDisk reports whether name belongs to memory, or to what is put together from other devices.
func notDisk(name string) bool {
	for _, p := range []string{"ram", "zram", "dm-", "md", "bcache"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	// Boot areas and the replay-protected area of an eMMC are devices of their own, seldom meant.
	return strings.HasPrefix(name, "mmcblk") && (strings.Contains(name, "boot") || strings.Contains(name, "rpmb"))
}

// describe reads what /sys says of a whole disk.
func (s System) describe(name string) Disk {
	d := Disk{Name: name, Path: devPath(name)}
	if n, ok := s.number("sys/class/block", name, "size"); ok && n > 0 && n < 1<<54 {
		d.Size = n * 512 // /sys counts in 512 bytes, whatever the sector size is
	}
	size := func(attr string) int {
		n, _ := s.number("sys/class/block", name, "queue", attr)
		return int(min(max(n, 0), 1<<24))
	}
	d.SectorSize, d.PhysicalSectorSize = size("logical_block_size"), size("physical_block_size")
	d.Removable = s.attribute(name, "removable") == "1"
	d.ReadOnly = s.attribute(name, "ro") == "1"
	d.Virtual = strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "nbd")
	d.Transport = s.transport(name)
	d.Model = s.model(name)
	d.Serial = s.serial(name)
	if d.Transport == "usb" {
		d.Removable = true // it can be pulled out, whatever its firmware says of its medium
	}
	d.Health = s.cardHealth(name)
	return d
}

func (s System) model(name string) string {
	if b := s.attribute(name, "loop", "backing_file"); b != "" {
		return "image " + filepath.Base(b)
	}
	model := s.attribute(name, "device", "model")
	if model == "" {
		model = s.attribute(name, "device", "name") // MMC
	}
	vendor := s.attribute(name, "device", "vendor")
	// ATA disks have "ATA" for a vendor, PCI devices a number: neither is a maker's name.
	if vendor == "" || vendor == "ATA" || strings.HasPrefix(vendor, "0x") || strings.HasPrefix(model, vendor) {
		return model
	}
	return strings.TrimSpace(vendor + " " + model)
}

// serial asks the places where kernels of different ages put it.
func (s System) serial(name string) string {
	for _, attr := range [][]string{{"serial"}, {"device", "serial"}, {"device", "vpd_pg80"}} {
		if v := strings.TrimSpace(strings.TrimLeft(clean(s.attribute(name, attr...)), "0x")); v != "" {
			return clean(s.attribute(name, attr...))
		}
	}
	return s.serialByID(name)
}

// clean leaves out the bytes that are no text: a SCSI page begins with four of them.
func clean(v string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, v))
}

// serialByID takes the serial number out of the link that udev made: "usb-Maker_Model_SERIAL-0:0".
func (s System) serialByID(name string) string {
	for _, link := range s.list("dev/disk/by-id") {
		bus, rest, ok := strings.Cut(link, "-")
		if !ok || strings.Contains(link, "-part") || bus == "wwn" || bus == "dm" || bus == "md" || bus == "lvm" {
			continue
		}
		to, err := os.Readlink(s.path("dev/disk/by-id", link))
		if err != nil || filepath.Base(to) != name {
			continue
		}
		if bus == "usb" {
			if i := strings.LastIndexByte(rest, '-'); i > 0 {
				rest = rest[:i]
			}
		}
		if i := strings.LastIndexByte(rest, '_'); i >= 0 && i+1 < len(rest) {
			return rest[i+1:]
		}
	}
	return ""
}

func (s System) transport(name string) string {
	class := s.class(name)
	switch {
	case strings.HasPrefix(name, "loop"):
		return "loop"
	case strings.HasPrefix(name, "nbd"):
		return "nbd"
	case strings.HasPrefix(name, "nvme"):
		return "nvme"
	case strings.HasPrefix(name, "mmcblk"):
		if strings.EqualFold(s.attribute(name, "device", "type"), "SD") {
			return "sd card"
		}
		return "mmc"
	case strings.HasPrefix(name, "mtdblock"):
		return "mtd"
	case strings.Contains(class, "/usb"):
		return "usb"
	case strings.Contains(class, "/virtio"):
		return "virtio"
	case strings.Contains(class, "/ata"):
		return "sata"
	case strings.Contains(class, "/host"):
		return "scsi"
	}
	return ""
}

// listError says what a missing list of disks means.
func listError(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &RefusedError{Exit: ExitError, Code: "host.disks.unknown",
		Why: "This system does not tell which disks it has.", Next: "Name an image file.", Err: errors.ErrUnsupported}
}
