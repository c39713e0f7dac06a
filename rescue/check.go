package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/host"
)

// CheckOptions say which package is checked, and for what.
type CheckOptions struct {
	File    string
	For     []string // cases, records, words of a label, or facts such as "board=acme,router-3"
	Labels  []string // words that stand on the device, never a path or a fact
	Texts   []Text   // records and logs of a boot, as a person gives them
	Current string   // the version that is installed; "" when not known
	Keys    []string // folders of public keys, or single such files
	// Available are folders of packages, single packages, or lists of versions, that may be installed on the way.
	Available []string
	Program   string
	// Progress is told how much of the package was read for the first time; nil for none.
	Progress func(done, total int64)
}

// Text is what a person gives without a file: the lines of a boot, or a record of a device.
type Text struct {
	Name string // what it is called where a fact of it is told
	Data []byte
}

// Checked is what is known of a package.
type Checked struct {
	Part                 *firmware.Part
	Whole, Genuine, Fits firmware.Verdict
	ForAsked             bool // a device was named
	Warnings             []string
	Loud                 []firmware.Row // the same as data
	Device               *firmware.Device
	Notes                []finding.Finding // of what was named with the package
	// Way leads from the installed version to the package, which is its last step; empty without one. WayAsked says that
	// it was looked for.
	Way      []firmware.Step
	WayAsked bool
	close    func() error
}

// Close removes what was unpacked.
func (c *Checked) Close() error { return c.close() }

// CheckPackage opens a package, recomputes its checks and answers the three questions. The caller closes the answer.
func CheckPackage(ctx context.Context, o CheckOptions) (c *Checked, err error) {
	opened, err := host.Open(ctx, o.File, host.OpenOptions{})
	if err != nil {
		return nil, err
	}
	room := &scratchRoom{}
	closeAll := func() error { return errors.Join(opened.Close(), room.close()) }
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	c = &Checked{Device: &firmware.Device{}, ForAsked: len(o.For)+len(o.Labels)+len(o.Texts) > 0 || o.Current != "", close: closeAll}
	var keys []firmware.Key
	for _, path := range o.Keys {
		more, err := c.readKeys(ctx, path)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
	}
	for _, text := range o.For {
		known := len(c.Device.Facts) + len(c.Device.Spaces) + len(c.Device.Keys)
		if err := c.addDevice(ctx, text, o.Program); err != nil {
			return nil, err
		}
		if host.Exists(text) && known == len(c.Device.Facts)+len(c.Device.Spaces)+len(c.Device.Keys) {
			c.Notes = append(c.Notes, tellsNothing.New(finding.Arg("file", filepath.Base(text))))
		}
	}
	for _, l := range o.Labels {
		c.Device.Facts = append(c.Device.Facts, firmware.Label(l, "label")...)
	}
	for _, x := range o.Texts {
		if !c.addDeviceText(x.Name, x.Data) {
			c.Notes = append(c.Notes, tellsNothing.New(finding.Arg("file", x.Name)))
		}
	}
	if o.Current != "" {
		c.Device.Facts = append([]firmware.Fact{{Kind: firmware.Installed, Value: o.Current, From: "--current"}}, c.Device.Facts...)
	}
	keys = append(keys, c.Device.Keys...)
	src := opened.Source
	if o.Progress != nil {
		src = &firstReads{Source: src, told: o.Progress}
	}
	c.Part, err = firmware.Open(ctx, src, filepath.Base(o.File), firmware.Options{Formats: fwall.Table(), Keys: keys, Scratch: room.make})
	if err != nil {
		return nil, err
	}
	if err := checkBeside(ctx, c.Part, o.File, keys); err != nil {
		return nil, err
	}
	c.Whole, c.Genuine, c.Warnings, c.Loud = firmware.Whole(c.Part), firmware.Genuine(c.Part), firmware.Warnings(c.Part), firmware.Loud(c.Part)
	if c.Fits = firmware.Fits(c.Part, c.Device); !c.ForAsked {
		nowhere := firmware.Reason{Offset: -1}
		c.Fits = firmware.Verdict{Answer: firmware.CannotTell, Reasons: append([]string{"no device was named: --for says which"}, c.Fits.Reasons...), Lead: nowhere,
			Rows: append([]firmware.Row{{Code: "fits.nodevice", Answer: firmware.CannotTell, Reason: nowhere}}, c.Fits.Rows...)}
	}
	return c, c.findWay(ctx, o)
}

// readKeys reads the public keys at path, which is a file or a folder of files; the device tree of a boot loader holds some
// too. What is no key in a folder is passed over, and so is a private key, with a note.
func (c *Checked) readKeys(ctx context.Context, path string) ([]firmware.Key, error) {
	names := []string{path}
	folder := host.IsFolder(path)
	if folder {
		var err error
		if names, err = host.ListFiles(path); err != nil {
			return nil, err
		}
	}
	var out []firmware.Key
	for _, name := range names {
		_, err := host.ReadFile(name, func(r io.Reader, _ io.ReaderAt, size int64) error {
			const most = 1 << 20
			if size > most {
				return fmt.Errorf("rescue: %s has %d bytes, a key file has at most %d", name, size, most)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			keys, err := firmware.ParseKeys(filepath.Base(name), data)
			if held, wrong := fwall.DeviceKeys(ctx, block.Bytes(data)); err != nil && len(held) > 0 {
				keys, err = held, wrong
			}
			out = append(out, keys...)
			return err
		})
		if err != nil && folder {
			c.Notes = append(c.Notes, noKey.New(finding.Arg("file", filepath.Base(name)), finding.Expected(nil, err)))
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.keys", Why: fmt.Sprintf("%s holds no public key.", path), Next: "Name a folder of certificates or public keys with --keys."}
	}
	return out, nil
}

// scratchRoom keeps what is unpacked in files of a folder that is thrown away.
type scratchRoom struct {
	dir   string
	files []*host.ScratchFile
}

func (r *scratchRoom) make() (firmware.Scratch, error) {
	if r.dir == "" {
		dir, err := host.TempFolder()
		if err != nil {
			return nil, err
		}
		r.dir = dir
	}
	f, err := host.NewScratch(r.dir, len(r.files))
	if err != nil {
		return nil, err
	}
	r.files = append(r.files, f)
	return f, nil
}

func (r *scratchRoom) close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.Close())
	}
	if r.dir != "" {
		errs = append(errs, host.RemoveTemp(r.dir))
	}
	return errors.Join(errs...)
}

// PartSum returns the SHA-256 of a part.
func PartSum(p *firmware.Part) string {
	h := sha256.New()
	if _, err := io.Copy(h, block.Reader(p.Source)); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

var packageWarning = &finding.Def{Code: "rescue.check.warning", Severity: finding.Warning, Text: "{found}"}

// PackageWarning is a warning about a package as a finding.
func PackageWarning(text string) finding.Finding {
	return packageWarning.New(finding.Expected(nil, text))
}
