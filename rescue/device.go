package rescue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/layers"
)

// maxFacts bounds a file that says what a device is, in bytes.
const maxFacts = 256 << 10

// addDevice adds what text says of a device: a case or an image, whose volumes are asked; a record or a boot log; facts as
// "kind=value"; or the words on its label.
func (c *Checked) addDevice(ctx context.Context, text, program string) error {
	d := c.Device
	if told, err := c.addDeviceFile(text); told || err != nil {
		return err
	}
	if host.IsFolder(text) || host.FileSize(text) > 0 {
		m, err := mendMedium(ctx, MendOptions{Path: text, Program: program}, silent{})
		if err != nil {
			return err
		}
		defer m.close()
		return deviceOf(ctx, d, m.medium)
	}
	kind, value, isFact := strings.Cut(text, "=")
	if !isFact {
		if strings.ContainsAny(text, " \t") || !strings.Contains(text, ",") {
			d.Facts = append(d.Facts, firmware.Label(text, "--for")...)
		} else {
			d.Facts = append(d.Facts, firmware.Fact{Kind: firmware.Board, Value: text, From: "--for"})
		}
		return nil
	}
	known := map[string]firmware.ClaimKind{"compatible": firmware.Compatible, "board": firmware.Board, "hardware": firmware.Hardware, "chip": firmware.Chip,
		"architecture": firmware.Architecture, "region": firmware.Region, "flash": firmware.FlashSize, "version": firmware.Installed, "rollback": firmware.Rollback,
		"compat-version": firmware.CompatVersion, "boot-loader": firmware.LeastLoader, "build-time": firmware.NewerThanBuild, "model": firmware.Model, "usb": firmware.USB, "guid": firmware.GUID, "product": firmware.Product,
		"uf2-family": firmware.Family, "least-version": firmware.LeastAllowed}
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
	if kind == "temp" {
		n, err := imaging.ParseSize(value, sectorSize)
		d.Temp = n
		return err
	}
	if name, ok := strings.CutPrefix(kind, "space."); ok {
		n, err := imaging.ParseSize(value, sectorSize)
		if err != nil {
			return err
		}
		d.Spaces = append(d.Spaces, firmware.Space{Name: name, Offset: -1, Size: n, From: "--for"})
		return nil
	}
	return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.for", Why: fmt.Sprintf("--for %s: nothing is called %q.", text, kind),
		Next: "Name a case, an image, a model, or one of compatible=, board=, hardware=, chip=, architecture=, region=, flash=, version=, rollback=, compat-version=, boot-loader=, build-time=, model=, usb=, guid=, product=, uf2-family=, least-version=, temp=, space.NAME=."}
}

// silent hears nothing.
type silent struct{}

func (silent) Progress(wire.Progress) {}
func (silent) Layers([]wire.Layer)    {}
func (silent) Finding(wire.Finding)   {}

// deviceOf adds what the partitions and the files of a disk say of the device that it is in.
func deviceOf(ctx context.Context, d *firmware.Device, m *medium) error {
	m.tree.Walk(func(l *layers.Layer, _ int) bool {
		if l.Kind == "partition" && l.Label != "" && !l.Rival {
			d.Spaces = append(d.Spaces, firmware.Space{Name: l.Label, Offset: l.Extent.Offset, Size: l.Extent.Length, Role: spaceRole(l.Label), From: fmt.Sprintf("partition at %d", l.Extent.Offset)})
		}
		return true
	})
	for _, v := range m.tree.Volumes() {
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
		from := func(name string) string { return fmt.Sprintf("%s of volume %d", name, v.Volume) }
		for _, source := range factFiles {
			for _, name := range source.paths {
				data, err := readFact(files, name)
				if err != nil {
					continue
				}
				source.read(data, func(kind firmware.ClaimKind, value string) {
					if value = strings.TrimSpace(value); value != "" {
						d.Facts = append(d.Facts, firmware.Fact{Kind: kind, Value: value, From: from(name)})
					}
				})
				break
			}
		}
		if err := deviceTree(ctx, d, files, from); err != nil {
			return err
		}
	}
	if err := bootKeys(ctx, d, m); err != nil {
		return err
	}
	return bootSettings(ctx, d, m)
}

// slotSuffixes end the names of partitions that an update writes, one of two.
var slotSuffixes = []string{"_a", "_b", "-a", "-b", ".0", ".1"}

// uniqueNames are names of partitions with data of one unit, as makers of boards use them: calibration of radios, addresses,
// serial numbers, keys.
var uniqueNames = []string{"art", "factory", "cal", "caldata", "mac", "macaddr", "serial", "persist", "modemst1", "modemst2", "fsg", "efs", "nvram", "nvdata", "protect1", "protect2", "devinfo", "sn", "0:art", "board_data", "boarddata", "rgdb", "mfg", "prodinfo", "keys", "keystore", "devid"}

// spaceRole says what a partition is for, by its name; "" where that says nothing.
func spaceRole(name string) string {
	low := strings.ToLower(name)
	switch {
	case slices.Contains(uniqueNames, low):
		return "unique"
	case slices.ContainsFunc(slotSuffixes, func(s string) bool { return strings.HasSuffix(low, s) }):
		return "slot"
	case strings.Contains(low, "env"), strings.Contains(low, "overlay"), low == "config":
		return "settings"
	case strings.HasPrefix(low, "boot"), low == "esp", low == "efi":
		return "boot"
	case strings.HasSuffix(low, "data"), low == "home":
		return "data"
	}
	return ""
}

// deviceTree adds what the device tree of a volume says, when there is one alone: a volume with many serves many boards.
func deviceTree(ctx context.Context, d *firmware.Device, files fs.FS, from func(string) string) error {
	var found []string
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(strings.ToLower(name), ".dtb") {
			found = append(found, name)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, name := range found[:min(len(found), maxTrees)] {
		if data, err := readFact(files, name); err == nil {
			addKeys(ctx, d, block.Bytes(data))
		}
	}
	if len(found) != 1 {
		return nil
	}
	data, err := readFact(files, found[0])
	if err != nil {
		return nil
	}
	// All that it says, its chip too: a package names the board.
	boards, err := fwall.Boards(ctx, block.Bytes(data))
	for _, b := range boards {
		d.Facts = append(d.Facts, firmware.Fact{Kind: firmware.Compatible, Value: b, From: from(found[0])})
	}
	if _, broken := cursor.IsCorrupt(err); broken || errors.Is(err, cursor.ErrNot) {
		return nil
	}
	return err
}

// bootSettings adds what stands in the partitions of a boot loader's settings.
func bootSettings(ctx context.Context, d *firmware.Device, m *medium) error {
	for _, s := range slices.Clone(d.Spaces) {
		if s.Role != "settings" || s.Offset < 0 || s.Size > maxEnvironment {
			continue
		}
		if err := addClaims(ctx, d, block.Section(m.source, block.Extent{Offset: s.Offset, Length: s.Size}), s.Name, "partition "+s.Name); err != nil {
			return err
		}
	}
	return nil
}

// maxEnvironment bounds the settings of a boot loader, in bytes.
const maxEnvironment = 16 << 20

// addClaims takes what an image on the device says of the device that it is for.
func addClaims(ctx context.Context, d *firmware.Device, src block.Source, name, from string) error {
	p, err := firmware.Open(ctx, src, name, firmware.Options{Formats: fwall.Table()})
	if err != nil {
		return err
	}
	for _, c := range p.Claims {
		if c.Kind != firmware.Compatible && c.Kind != firmware.Board && c.Kind != firmware.Hardware {
			continue
		}
		for _, v := range c.Values {
			d.Facts = append(d.Facts, firmware.Fact{Kind: c.Kind, Value: v, From: from})
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
	{[]string{"var/log/dmesg", "var/log/dmesg.0", "var/log/kern.log", "var/log/messages", "var/log/syslog"}, readBootLog},
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
	if strings.HasSuffix(f.Path, ".dtb") {
		return true
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

// modelLines are what a kernel and U-Boot say of the board that they run on.
var modelLines = regexp.MustCompile(`(?m)(?:Machine model|MIPS: machine is|^Model|^Board|DMI): *([^\r\n]{2,100})`)

// readBootLog reads the name of the model out of the lines of a boot.
func readBootLog(data []byte, add func(firmware.ClaimKind, string)) {
	if m := modelLines.FindSubmatch(data); m != nil && utf8.Valid(m[1]) {
		add(firmware.Model, string(m[1]))
	}
}

// addDeviceFile adds what a text file says of a device: a record, or the log of a boot. It reports whether it was one.
func (c *Checked) addDeviceFile(name string) (bool, error) {
	if n := host.FileSize(name); host.IsFolder(name) || n <= 0 || n > 4*maxFacts {
		return false, nil
	}
	var data []byte
	if _, err := host.ReadFile(name, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		data, err = io.ReadAll(io.LimitReader(r, 4*maxFacts))
		return err
	}); err != nil {
		return false, err
	}
	return c.addDeviceText(filepath.Base(name), data), nil
}

// addDeviceText adds what a record, or the log of a boot, says of a device. It reports whether it says anything.
func (c *Checked) addDeviceText(from string, data []byte) bool {
	if bytes.IndexByte(data, 0) >= 0 {
		return false
	}
	if d, unknown, err := firmware.ParseRecord(data, from); err == nil {
		c.Device.Facts = append(c.Device.Facts, d.Facts...)
		c.Device.Spaces = append(c.Device.Spaces, d.Spaces...)
		c.Device.Temp, c.Device.Erase = max(c.Device.Temp, d.Temp), max(c.Device.Erase, d.Erase)
		for _, k := range unknown {
			c.Notes = append(c.Notes, unknownKey.New(finding.Arg("file", from), finding.Expected(nil, k)))
		}
		return true
	}
	found := false
	readBootLog(data, func(kind firmware.ClaimKind, value string) {
		c.Device.Facts, found = append(c.Device.Facts, firmware.Fact{Kind: kind, Value: value, From: from}), true
	})
	return found
}

// KnownDevice says what is known of the device that a case or an image comes from.
func KnownDevice(ctx context.Context, path, program string) (*firmware.Device, error) {
	m, err := mendMedium(ctx, MendOptions{Path: path, Program: program}, silent{})
	if err != nil {
		return nil, err
	}
	defer m.close()
	d := &firmware.Device{}
	return d, deviceOf(ctx, d, m.medium)
}
