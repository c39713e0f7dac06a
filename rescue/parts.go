package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/host"
	"salvor/recovery"
)

var (
	partMissing = &finding.Def{Code: "rescue.unpack.missing", Severity: finding.Error,
		Text: "{file}: {count} bytes could not be read; they are zeros in it and listed beside it"}
	partBroken = &finding.Def{Code: "rescue.unpack.check", Severity: finding.Warning,
		Text: "{file}: {what} does not fit: expected {expected}, found {found}"}
)

// UnpackOptions say how a package is taken apart.
type UnpackOptions struct {
	File, To string
	// Depth is how deep parts are written: 1 for those of the package alone, 0 for all.
	Depth int
	// Limit bounds what is written in all, in bytes; 0 for 64 GiB. Parts may lie over each other, so that a small file
	// can hold a great many large ones.
	Limit   int64
	Program string
}

// Unpacked is a part that was written.
type Unpacked struct {
	Part   *firmware.Part
	ID     string // "0.2.1"
	Path   string // below the folder, with slashes; "" for the package itself
	SHA256 string // of what stands there; "" when bytes are missing
}

const (
	unpackLimit = 64 << 30
	partsSuffix = ".parts" // of the folder with what a part holds
	partNameMax = 120      // bytes of the name that a part gives itself
)

// UnpackPackage writes the parts of a package into a new folder, and hands each to told, the package itself first. Checks that
// fail are told, and hold nothing back.
func UnpackPackage(ctx context.Context, o UnpackOptions, told func(Unpacked) error) (notes []finding.Finding, err error) {
	opened, err := host.Open(ctx, o.File, host.OpenOptions{})
	if err != nil {
		return nil, err
	}
	room := &scratchRoom{}
	defer func() { err = errors.Join(err, opened.Close(), room.close()) }()
	if on, err := host.Contains(o.File, o.To); err != nil || on {
		return nil, errors.Join(err, refuseOn(on, o))
	}
	root, err := firmware.Open(ctx, opened.Source, filepath.Base(o.File), firmware.Options{Formats: fwall.Table(), Scratch: room.make, Limit: o.Limit})
	if err != nil {
		return nil, err
	}
	target, err := host.InspectTarget(o.To)
	if err != nil {
		return nil, err
	}
	u := &unpacking{o: o, told: told, target: target}
	if u.left = o.Limit; u.left <= 0 {
		u.left = unpackLimit
	}
	if err := u.fits(root); err != nil {
		return nil, err
	}
	if err := host.NewFolder(o.To); err != nil {
		return nil, err
	}
	if err := u.target.Probe(); err != nil {
		return nil, err
	}
	u.names = Limits(u.target)
	if err := u.tell(Unpacked{Part: root, ID: "0", SHA256: PartSum(root)}); err != nil {
		return nil, err
	}
	if err := u.children(ctx, root, "0", o.To, "", 1); err != nil {
		return u.notes, err
	}
	return u.notes, u.writeSums()
}

func refuseOn(on bool, o UnpackOptions) error {
	if !on {
		return nil
	}
	return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.unpack.source", Why: fmt.Sprintf("%s lies on %s itself.", o.To, o.File), Next: "Name a folder on another disk with --to."}
}

type unpacking struct {
	o      UnpackOptions
	told   func(Unpacked) error
	target host.Target
	names  recovery.Target
	left   int64 // bytes that may still be written
	notes  []finding.Finding
	sums   strings.Builder
}

// fits refuses what would be more than the limit or the room at the target.
func (u *unpacking) fits(root *firmware.Part) error {
	var need int64
	root.Walk(func(p *firmware.Part, depth int) bool {
		if depth > 0 && (u.o.Depth == 0 || depth <= u.o.Depth) {
			need += p.Size
		}
		return need <= u.left
	})
	if need > u.left {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.unpack.limit", Why: fmt.Sprintf("The parts of %s have more than %s together.", u.o.File, host.Bytes(u.left)),
			Next: "Raise it with --limit, or write fewer levels with --depth."}
	}
	return u.target.Check(need)
}

func (u *unpacking) tell(x Unpacked) error {
	for _, c := range x.Part.Checks {
		if c.State == firmware.Failed {
			name := x.Path
			if name == "" {
				name = filepath.Base(u.o.File)
			}
			u.notes = append(u.notes, partBroken.New(finding.Arg("file", name), finding.Arg("what", c.What+", "+c.Method), finding.Expected(c.Expected, c.Found)))
		}
	}
	return u.told(x)
}

// children writes the parts of p into dir, which is called below from the folder.
func (u *unpacking) children(ctx context.Context, p *firmware.Part, id, dir, below string, depth int) error {
	if u.o.Depth > 0 && depth > u.o.Depth {
		return nil
	}
	for i, c := range p.Children {
		name := fmt.Sprintf("%02d-%s", i, recovery.SafeName(partName(c), u.names, partNameMax))
		x := Unpacked{Part: c, ID: fmt.Sprintf("%s.%d", id, i), Path: path.Join(below, name)}
		sum, err := u.write(ctx, c, filepath.Join(dir, name), x.Path)
		if err != nil {
			return err
		}
		x.SHA256 = sum
		if err := u.tell(x); err != nil {
			return err
		}
		if len(c.Children) == 0 || u.o.Depth > 0 && depth == u.o.Depth {
			continue
		}
		inner, err := host.AddFolder(dir, name+partsSuffix)
		if err != nil {
			return err
		}
		if err := u.children(ctx, c, x.ID, inner, x.Path+partsSuffix, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// partName is what a part is called in the folder: its own name, or what it is.
func partName(p *firmware.Part) string {
	switch {
	case p.Name != "":
		return strings.ReplaceAll(strings.TrimLeft(p.Name, "/."), "/", "_")
	case p.Format != "":
		return p.Format
	case p.Role != "":
		return string(p.Role)
	}
	return "data"
}

// write writes one part and gives its hash, "" when bytes of it are missing.
func (u *unpacking) write(ctx context.Context, p *firmware.Part, name, told string) (sum string, err error) {
	f, err := host.CreateFile(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	filled := block.Filled(p.Source)
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), &stopped{ctx, block.Reader(filled)}); err != nil {
		return "", fmt.Errorf("rescue: %s: %w", told, err)
	}
	missing := filled.Used()
	if !missing.Empty() {
		u.notes = append(u.notes, partMissing.New(finding.Arg("file", told), finding.Arg("count", missing.Bytes())))
		return "", u.list(name+".missing.txt", missing)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	fmt.Fprintf(&u.sums, "%s  %s\n", sum, told)
	return sum, nil
}

// list writes which bytes of a part are missing: first and last byte, and how many.
func (u *unpacking) list(name string, missing block.Set) error {
	f, err := host.CreateFile(name)
	if err != nil {
		return err
	}
	for e := range missing.All() {
		if _, err := fmt.Fprintf(f, "%d\t%d\t%d\n", e.Offset, e.End()-1, e.Length); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// writeSums writes the hashes of all whole parts.
func (u *unpacking) writeSums() error {
	f, err := host.CreateFile(filepath.Join(u.o.To, "SHA256SUMS"))
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, u.sums.String())
	return errors.Join(err, f.Close())
}

// stopped ends reading with its context.
type stopped struct {
	ctx context.Context
	r   io.Reader
}

func (s *stopped) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}
