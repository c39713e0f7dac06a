package rescue

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"salvor/filesystem"
	"salvor/firmware"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/layers"
)

// maxFacts bounds a file that says what a device is, in bytes.
const maxFacts = 256 << 10

// addDevice adds what text says of a device: a case or an image, whose volumes are asked, or facts as "kind=value", or the
// name of a model.
func addDevice(ctx context.Context, d *firmware.Device, text, program string) error {
	if host.IsFolder(text) || host.FileSize(text) > 0 {
		m, err := mendMedium(ctx, MendOptions{Path: text, Program: program}, silent{})
		if err != nil {
			return err
		}
		defer m.close()
		return deviceOf(ctx, d, m.tree)
	}
	kind, value, isFact := strings.Cut(text, "=")
	if !isFact {
		d.Facts = append(d.Facts, firmware.Fact{Kind: firmware.Board, Value: text, From: "--for"})
		return nil
	}
	known := map[string]firmware.ClaimKind{"compatible": firmware.Compatible, "board": firmware.Board, "hardware": firmware.Hardware, "chip": firmware.Chip,
		"architecture": firmware.Architecture, "region": firmware.Region, "flash": firmware.FlashSize, "version": firmware.Installed, "rollback": firmware.Rollback,
		"compat-version": firmware.CompatVersion, "boot-loader": firmware.LeastLoader, "build-time": firmware.NewerThanBuild}
	if k, ok := known[kind]; ok {
		if k == firmware.FlashSize {
			n, err := imaging.ParseSize(value, sectorSize)
			if err != nil {
				return err
			}
			value = fmt.Sprint(n)
		}
		d.Facts = append(d.Facts, firmware.Fact{Kind: k, Value: value, From: "--for"})
		return nil
	}
	if name, ok := strings.CutPrefix(kind, "space."); ok {
		n, err := imaging.ParseSize(value, sectorSize)
		if err != nil {
			return err
		}
		d.Spaces = append(d.Spaces, firmware.Space{Name: name, Size: n, From: "--for"})
		return nil
	}
	return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.for", Why: fmt.Sprintf("--for %s: nothing is called %q.", text, kind),
		Next: "Name a case, an image, a model, or one of compatible=, board=, hardware=, chip=, architecture=, region=, flash=, version=, rollback=, compat-version=, boot-loader=, build-time=, space.NAME=."}
}

// silent hears nothing.
type silent struct{}

func (silent) Progress(wire.Progress) {}
func (silent) Layers([]wire.Layer)    {}
func (silent) Finding(wire.Finding)   {}

// deviceOf adds what the partitions and the files of a disk say of the device that it is in.
func deviceOf(ctx context.Context, d *firmware.Device, tree *layers.Layer) error {
	tree.Walk(func(l *layers.Layer, _ int) bool {
		if l.Kind == "partition" && l.Label != "" && !l.Rival {
			d.Spaces = append(d.Spaces, firmware.Space{Name: l.Label, Size: l.Extent.Length, From: fmt.Sprintf("partition at %d", l.Extent.Offset)})
		}
		return true
	})
	for _, v := range tree.Volumes() {
		if v.FS == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		files, err := filesystem.Tree(v.FS, wantedFact)
		if err != nil {
			continue // a volume that cannot be listed tells nothing
		}
		for _, source := range factFiles {
			for _, name := range source.paths {
				data, err := readFact(files, name)
				if err != nil {
					continue
				}
				from := fmt.Sprintf("%s of volume %d", name, v.Volume)
				source.read(data, func(kind firmware.ClaimKind, value string) {
					if value = strings.TrimSpace(value); value != "" {
						d.Facts = append(d.Facts, firmware.Fact{Kind: kind, Value: value, From: from})
					}
				})
				break
			}
		}
	}
	return nil
}

func readFact(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFacts {
		return nil, fs.ErrNotExist
	}
	return fs.ReadFile(files, name)
}

// factFile is a file that says what a device is.
type factFile struct {
	paths []string // the first that is there counts
	read  func(data []byte, add func(firmware.ClaimKind, string))
}

// factFiles are known from their projects: os-release(5); OpenWrt's base-files; RAUC's reference, "System Configuration
// File"; SWUpdate's documentation, "Hardware compatibility"; Mender's "Device types"; Android's build system.
var factFiles = []factFile{
	{[]string{"etc/os-release", "usr/lib/os-release"}, assignments(map[string]firmware.ClaimKind{"VERSION_ID": firmware.Installed, "OPENWRT_BOARD": firmware.Chip})},
	{[]string{"etc/openwrt_release"}, assignments(map[string]firmware.ClaimKind{"DISTRIB_RELEASE": firmware.Installed})},
	{[]string{"etc/board.json"}, readBoard},
	{[]string{"etc/rauc/system.conf"}, assignments(map[string]firmware.ClaimKind{"compatible": firmware.Compatible})},
	{[]string{"etc/hwrevision"}, readRevision},
	{[]string{"var/lib/mender/device_type", "data/mender/device_type", "mender/device_type"}, assignments(map[string]firmware.ClaimKind{"device_type": firmware.Board})},
	{[]string{"etc/mender/artifact_info"}, assignments(map[string]firmware.ClaimKind{"artifact_name": firmware.Installed})},
	{[]string{"system/build.prop", "build.prop", "vendor/build.prop"}, assignments(map[string]firmware.ClaimKind{"ro.product.device": firmware.Board, "ro.product.system.device": firmware.Board,
		"ro.product.vendor.device": firmware.Board, "ro.build.version.incremental": firmware.Installed, "ro.build.date.utc": firmware.NewerThanBuild, "ro.product.cpu.abi": firmware.Architecture})},
}

// wantedFact keeps the files that are looked at, so that a large volume costs no more.
func wantedFact(f *filesystem.File) bool {
	for _, s := range factFiles {
		for _, p := range s.paths {
			if f.Path == p {
				return true
			}
		}
	}
	return f.Mode.IsDir() && len(f.Path) <= 64 && strings.Count(f.Path, "/") < 3 && path.Base(f.Path) != "proc"
}

// assignments reads lines of the form name=value, with or without quotes.
func assignments(names map[string]firmware.ClaimKind) func([]byte, func(firmware.ClaimKind, string)) {
	return func(data []byte, add func(firmware.ClaimKind, string)) {
		for _, line := range strings.Split(string(data), "\n") {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if kind, known := names[strings.TrimSpace(name)]; ok && known {
				add(kind, strings.Trim(strings.TrimSpace(value), `"'`))
			}
		}
	}
}

// readBoard reads OpenWrt's board.json.
func readBoard(data []byte, add func(firmware.ClaimKind, string)) {
	var board struct {
		Model struct{ ID, Name string }
	}
	if json.Unmarshal(data, &board) == nil {
		add(firmware.Board, board.Model.ID)
	}
}

// readRevision reads SWUpdate's file: the board and its revision.
func readRevision(data []byte, add func(firmware.ClaimKind, string)) {
	if f := strings.Fields(string(data)); len(f) >= 2 {
		add(firmware.Board, f[0])
		add(firmware.Hardware, f[1])
	}
}
