package fit

import (
	"context"
	"errors"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
	"salvor/firmware/internal/region"
)

const (
	lookBytes = 32 << 10
	maxImages = 4096
	// maxHashed is how often the whole file may be hashed: images that share their data, each with many hashes, would
	// keep a computer busy for ever.
	maxHashed = 64
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "fit", Title: "FIT image",
		Probes: []probe.Probe{{ID: "firmware.fit.header", Bytes: []byte{0xD0, 0x0D, 0xFE, 0xED}, Align: 4}},
		Look:   look, Open: open,
	}
}

// head reads the header of a tree that has images.
func head(ctx context.Context, src block.Source) (*fdt.Header, error) {
	h, err := fdt.ReadHeader(src)
	if err != nil {
		return nil, region.NotHere(err)
	}
	depth, found := -1, false
	err = h.Scan(ctx, src, lookBytes, func(t *fdt.Token) error {
		switch t.Kind {
		case fdt.BeginNode:
			if depth++; depth == 0 && t.Name != "" {
				return cursor.ErrNot
			}
			found = found || depth == 1 && t.Name == "images"
		case fdt.EndNode:
			depth--
		case fdt.Property:
			if depth < 0 {
				return cursor.ErrNot
			}
		}
		if found {
			return errFound
		}
		return nil
	})
	switch {
	case found:
		return h, nil
	case err == nil:
		return nil, cursor.ErrNot
	}
	return nil, region.NotHere(err)
}

// errFound ends a scan.
var errFound = errors.New("the images were found")

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := head(ctx, src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	s := firmware.Sighting{Title: "FIT image", Size: h.TotalSize}
	if h.TotalSize > lookBytes {
		return s, nil
	}
	// A small tree has its images behind it, and is read whole to know how long they are.
	if t, err := fdt.Read(ctx, src); err == nil {
		s.Name = t.Root.Text("description")
		for _, n := range t.Root.At("/images").Children {
			if e, ok := dataOf(t, n); ok {
				s.Size = max(s.Size, e.End())
			}
		}
	}
	return s, nil
}

// reading is a FIT that is being opened.
type reading struct {
	ctx     context.Context
	src     block.Source
	o       *firmware.Opening
	t       *fdt.Tree
	part    *firmware.Part
	images  []*image
	configs []*fdt.Node
	// proven are the signature nodes of configurations whose signature fits a key.
	proven []*fdt.Node
	left   int64 // bytes that may still be hashed
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := head(ctx, src); err != nil {
		return nil, err
	}
	t, err := fdt.Read(ctx, src)
	_, broken := cursor.IsCorrupt(err)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case t == nil:
		return nil, region.NotHere(err)
	case err != nil && !broken && t.Root.At("/images") == nil:
		return nil, err
	}
	r := &reading{ctx: ctx, src: src, o: o, t: t, left: maxHashed * src.Size(), part: &firmware.Part{Title: "FIT image", Name: t.Root.Text("description"), Role: firmware.Package, Size: src.Size(), Announced: t.TotalSize}}
	switch {
	case t.TotalSize > src.Size():
		r.part.Checks = append(r.part.Checks, firmware.Cut(r.cutIn(), t.TotalSize, src.Size()))
	case broken:
		r.failed("tree", "structure", "a whole device tree", err.Error())
	case err != nil:
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "tree", Method: "structure", State: firmware.Cannot, Extent: t.Struct, Why: err.Error()})
	default:
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "tree", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: t.TotalSize}, Expected: "a whole device tree", Found: "one"})
	}
	if n := t.Root.At("/images"); n != nil {
		r.readImages(n)
	}
	if n := t.Root.At("/configurations"); n != nil {
		r.configs = n.Children
		r.checkDefault(n)
	}
	r.references()
	r.gaps()
	r.signatures()
	r.settle()
	r.claims()
	r.unsummed()
	return r.part, ctx.Err()
}

// cutIn names the part in which a tree is cut off that is longer than the file.
func (r *reading) cutIn() string {
	end := r.src.Size()
	if n := r.t.Root.At("/images"); n != nil {
		for _, c := range n.Children {
			for _, v := range c.Properties {
				if v.Extent.Offset <= end && v.Extent.End() > end {
					return "image " + c.Name
				}
			}
		}
	}
	if end >= r.t.Strings.Offset {
		return "names of the tree"
	}
	return "tree"
}

// gaps checks what stands between the images that are behind the tree, and opens what stands behind them.
func (r *reading) gaps() {
	var used block.Set
	end := r.t.TotalSize
	used.Add(block.Extent{Length: r.t.TotalSize})
	for _, m := range r.images {
		if m.found {
			used.Add(m.data)
			end = max(end, m.data.End())
		}
	}
	r.part.Announced = max(r.part.Announced, end)
	for e := range used.Complement(block.Extent{Length: end}).All() {
		r.padding("padding between the images", e)
	}
	// Room inside of the tree that belongs to none of its blocks. mkimage leaves there what was in its memory.
	r.part.Unused.Add(block.Between(max(r.t.Strings.End(), r.t.Struct.End(), r.t.ReservedEnd), r.t.TotalSize))
	if fill := block.Between(end, (end+3)&^3); fill.Length > 0 && r.padding("filling behind the images", fill) {
		end = fill.End()
	}
	behind := block.Between(end, r.src.Size())
	if behind.Length == 0 || r.padding("padding behind the images", behind) {
		return
	}
	rest := region.Part(r.src, "behind the image", firmware.Data, behind)
	r.o.Inner(r.ctx, rest)
	r.part.Children = append(r.part.Children, rest)
}

// padding adds a passed check for e when it is filled with 0 or with FF, and reports whether it is. The format does not
// promise it, and data at a fixed position of a flash may have others in front of them, so that it is no failure.
func (r *reading) padding(what string, e block.Extent) bool {
	c, ok := region.Filled(r.ctx, r.src, what, e)
	if ok {
		r.part.Checks = append(r.part.Checks, region.Missed(r.o, c))
	}
	return ok
}

// failed adds a failed check of what the tree says.
func (r *reading) failed(what, method, expected, found string) {
	r.part.Checks = append(r.part.Checks, firmware.Check{What: what, Method: method, State: firmware.Failed, Extent: r.t.Struct, Expected: expected, Found: found})
}

// hasPrefix reports whether a node is one of a sort, as U-Boot decides: by how its name begins.
func hasPrefix(n *fdt.Node, sort string) bool { return strings.HasPrefix(n.Name, sort) }
