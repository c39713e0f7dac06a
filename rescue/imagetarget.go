package rescue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
)

// output is what a copy is written to.
type output interface {
	imaging.Target
	block.Source
	io.Closer
}

// outputKind says what kind of output the name of an image, or what stands there, asks for.
type outputKind uint8

const (
	toFile   outputKind = iota
	toParts             // files of one size: IMAGE.001, IMAGE.002, ...
	toEWF               // the Expert Witness format, by way of a raw copy beside it
	toDevice            // a disk, which is overwritten
)

func (c *imageCopy) kindOf() outputKind {
	switch {
	case host.IsDevice(c.Image):
		return toDevice
	case strings.EqualFold(filepath.Ext(c.Image), ".e01"):
		return toEWF
	case c.Split > 0 || host.FileSize(c.Image) < 0 && host.PartUnit(c.Image) > 0:
		return toParts
	}
	return toFile
}

// target returns the file that the bytes of the copy go to: of several the first.
func (c *imageCopy) target() string {
	switch c.kind {
	case toParts:
		return host.PartName(c.Image, 1)
	case toEWF:
		return c.Image + ".raw"
	}
	return c.Image
}

// end returns how many bytes the image has at least when all of it is copied.
func (c *imageCopy) end() int64 {
	end := c.m.Size()
	if d := c.Plan.Domain; d != nil && c.kind != toEWF {
		end = 0
		if e := d.Extents(); len(e) > 0 {
			end = e[len(e)-1].End()
		}
	}
	return max(end+c.shift, c.Extend)
}

// openImage opens what the copy goes to. A file that is there already, and of which no map speaks, is not touched: most
// often the arguments are swapped.
func (c *imageCopy) openImage(ctx context.Context) error {
	if err := c.checkSwapped(ctx); err != nil {
		return err
	}
	if c.Sparse && (c.kind == toDevice || host.FileSize(c.target()) > 0 && !c.Truncate) {
		// What is there already need not be zeros where the source has them: only what is different is written.
		c.Sparse, c.Compare = false, true
	}
	if c.kind == toDevice {
		return c.openDevice(ctx)
	}
	if c.kind == toEWF {
		if c.shift != 0 || c.Position > 0 || c.m.Size()%512 != 0 {
			return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.image.ewf",
				Why: "an image in the Expert Witness format holds a whole medium, in whole sectors", Next: "name a raw image (" + strings.TrimSuffix(c.Image, filepath.Ext(c.Image)) + ".img), or leave out the positions"}
		}
		if done, err := c.packedBefore(); done || err != nil {
			return err
		}
	}
	if err := c.checkUnknown(); err != nil {
		return err
	}
	if err := c.checkRoom(); err != nil {
		return err
	}
	// The map comes first, so that there is never an image of which no map speaks.
	if !c.had {
		if err := c.keep(context.Background(), imaging.Snapshot{Map: c.m.Clone()}); err != nil {
			return err
		}
	}
	return c.openFiles()
}

func (c *imageCopy) openFiles() error {
	o := host.ImageFileOptions{Size: c.end(), Preallocate: c.Preallocate, Truncate: c.Truncate, Synchronous: c.Synchronous}
	if c.kind == toParts {
		unit := c.Split
		if unit == 0 {
			unit = host.PartUnit(c.Image)
		}
		parts, err := host.OpenImageParts(c.Image, unit, o)
		if err == nil {
			c.image = parts
		}
		return err
	}
	file, err := host.OpenImageFile(c.target(), o)
	if err == nil {
		c.image = file
	}
	return err
}

// checkUnknown refuses to write over what is there, when no map says that it is a copy.
func (c *imageCopy) checkUnknown() error {
	path := c.target()
	if c.kind == toEWF && host.FileSize(path) < 0 {
		path = c.Image
	}
	n := host.FileSize(path)
	if n <= 0 || c.had || c.Force || c.Truncate {
		return nil
	}
	newer := ""
	if host.Newer(path, c.Source) {
		newer = ", it is newer than the source"
	}
	return &host.RefusedError{Exit: host.ExitRefused, Code: codeNoMap,
		Why:  fmt.Sprintf("%s is there already (%s)%s, and there is no map %s that says it is a copy of %s: perhaps source and image are swapped", path, host.Bytes(n), newer, c.Map, c.Source),
		Next: "name another file for the image, or the map that belongs to it; with --force it is written over"}
}

// checkRoom refuses a disk that cannot hold the image.
func (c *imageCopy) checkRoom() error {
	target, err := host.InspectTarget(filepath.Dir(c.Image))
	if err != nil {
		return err
	}
	largest := c.end()
	if c.kind == toParts && c.Split > 0 {
		largest = min(largest, c.Split)
	}
	if limit := target.MaxFileSize; limit > 0 && largest > limit {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.file-size",
			Why:  fmt.Sprintf("%s at %s holds files up to %s only, and the image has %s", target.FS, target.Dir, host.Bytes(limit), host.Bytes(largest)),
			Next: "split the image (--split 2Gi), or name a file on a disk with exFAT, NTFS, ext4 or another file system for large files"}
	}
	have := int64(0)
	for n := 1; ; n++ {
		path := c.target()
		if c.kind == toParts {
			path = host.PartName(c.Image, n)
		}
		if host.FileSize(path) < 0 {
			break
		}
		if have += host.Allocated(path); c.kind != toParts {
			break
		}
	}
	// Of an image that is partly there, its holes may stay holes: what is not copied yet is what may be needed.
	left := c.m.Size() - c.m.Of(imaging.Finished).Bytes()
	return target.Check(max(min(c.end()-have, left), 0) + 1<<20)
}

func (c *imageCopy) closeImage() error {
	if c.image == nil {
		return nil
	}
	return c.image.Close()
}

// titlePrefix begins the heading line of the map that says which device is overwritten, and by which code that was
// confirmed.
const titlePrefix = "Salvor target: "

// openDevice opens a device for overwriting it, when that was confirmed.
func (c *imageCopy) openDevice(ctx context.Context) error {
	if err := host.CheckOverwrite(ctx, c.Source, c.Image, c.end()); err != nil {
		return err
	}
	opened, err := host.Open(ctx, c.Image, host.OpenOptions{})
	if err != nil {
		return err
	}
	title, code, content, err := erasing(ctx, opened)
	if e := opened.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if confirmed := c.confirmed(title); confirmed != "" {
		code = confirmed // what stands there now is what this copy wrote
	}
	if c.Erase != code {
		return &host.RefusedError{Exit: host.ExitRefused, Code: codeErase,
			Why:  fmt.Sprintf("all that stands on %s would be erased: %s, which holds %s", c.Image, title, content),
			Next: fmt.Sprintf("if this is the disk that you mean, and all of that may go, run the same command with --erase %s", code)}
	}
	c.title = code + " " + title
	if !c.had {
		if err := c.keep(context.Background(), imaging.Snapshot{Map: c.m.Clone()}); err != nil {
			return err
		}
	}
	device, err := host.OpenImageDevice(c.Image, c.end(), c.Synchronous)
	if err == nil {
		c.image = device
	}
	return err
}

// confirmed returns the code by which an earlier run of this copy was allowed to overwrite the device of that title; ""
// when there was none.
func (c *imageCopy) confirmed(title string) string {
	for _, line := range c.m.Comments {
		rest, ok := strings.CutPrefix(line, titlePrefix)
		if code, was, _ := strings.Cut(rest, " "); ok && c.had && was == title {
			return code
		}
	}
	return ""
}

// manyLayers is how many of the things that stand on a device are named.
const manyLayers = 8

// erasing says which device it is, what it holds, and the code for exactly that: another device, or the same with another
// content, has another one.
func erasing(ctx context.Context, o *host.Opened) (title, code, content string, err error) {
	title = host.Disk{Model: o.Model, Serial: o.Serial, Size: o.Size}.Title()
	id, err := o.Identity(ctx)
	if err != nil {
		return "", "", "", err
	}
	tables, err := NewTables()
	if err != nil {
		return "", "", "", err
	}
	tree, err := layers.Resolve(ctx, layers.Disk{Number: 1, Source: o.Source}, nil, tables.Layers)
	if err != nil {
		return "", "", "", err
	}
	var things []string
	tree.Walk(func(l *layers.Layer, depth int) bool {
		if depth > 0 && !l.Rival && l.Kind != "partition" && l.Kind != "free" {
			thing := l.Kind
			if l.Label != "" {
				thing += fmt.Sprintf(" %q", l.Label)
			}
			things = append(things, thing+" of "+host.Bytes(l.Extent.Length))
		}
		return true
	})
	switch n := len(things); {
	case n > manyLayers:
		things = append(things[:manyLayers], fmt.Sprintf("%d more", n-manyLayers))
		fallthrough
	case n > 0:
		content = strings.Join(things, ", ")
	case blank(o.Source):
		content = "nothing: it looks blank"
	default:
		content = "data in which no table and no file system shows"
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{title, content, id.First, id.Last}, "\n")))
	digits := hex.EncodeToString(sum[:4])
	return title, digits[:4] + "-" + digits[4:], content, nil
}

// shifted writes at another place, and where that is asked for only what is not there yet.
type shifted struct {
	output
	by      int64
	compare bool
}

func (s *shifted) WriteAt(p []byte, off int64) (int, error) {
	if s.compare {
		is := make([]byte, len(p))
		if n, _ := s.ReadAt(is, off+s.by); n == len(p) && bytes.Equal(is, p) {
			return n, nil
		}
	}
	return s.output.WriteAt(p, off+s.by)
}
