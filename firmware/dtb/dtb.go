package dtb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
	"salvor/firmware/internal/region"
)

const lookBytes = 32 << 10

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "dtb", Title: "device tree",
		Probes: []probe.Probe{{ID: "firmware.dtb.header", Bytes: []byte{0xD0, 0x0D, 0xFE, 0xED}, Align: 4}},
		Look:   look, Open: open,
	}
}

// head reads the header of a tree whose first tokens hold together, and that holds no images.
func head(ctx context.Context, src block.Source) (*fdt.Header, error) {
	h, err := fdt.ReadHeader(src)
	if err != nil {
		return nil, region.NotHere(err)
	}
	depth, nodes := -1, 0
	err = h.Scan(ctx, src, lookBytes, func(t *fdt.Token) error {
		switch t.Kind {
		case fdt.BeginNode:
			depth++
			nodes++
			if depth == 0 && (nodes > 1 || t.Name != "") || depth == 1 && t.Name == "images" {
				return cursor.ErrNot
			}
		case fdt.EndNode:
			if depth--; depth < -1 {
				return cursor.ErrNot
			}
		case fdt.Property:
			if depth < 0 {
				return cursor.ErrNot
			}
		}
		return nil
	})
	if _, broken := cursor.IsCorrupt(err); broken && nodes > 2 {
		err = nil // it holds together so far; what is broken is told when it is opened
	}
	if err != nil {
		return nil, region.NotHere(err)
	}
	return h, nil
}

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := head(ctx, src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	s := firmware.Sighting{Title: "device tree", Size: h.TotalSize}
	// Models stand at the end of the strings, so that only small trees are read whole to tell theirs.
	if h.TotalSize <= lookBytes {
		if t, err := fdt.Read(ctx, src); err == nil {
			s.Title, s.Name = title(t.Root), t.Root.Text("model")
		}
	}
	return s, nil
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
	case t == nil || errors.Is(err, cursor.ErrNot):
		return nil, region.NotHere(err)
	}
	p := &firmware.Part{Title: title(t.Root), Name: t.Root.Text("model"), Role: firmware.DeviceTree, Size: src.Size(), Announced: t.TotalSize}
	check := firmware.Check{What: "tree", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: t.TotalSize}, Expected: "a whole device tree", Found: "one"}
	switch {
	case t.TotalSize > src.Size():
		check = firmware.Cut(cutIn(t, src.Size()), t.TotalSize, src.Size())
	case broken:
		check.State, check.Found = firmware.Failed, err.Error()
	case err != nil:
		check.State, check.Found, check.Why = firmware.Cannot, "", err.Error()
	}
	p.Checks = append(p.Checks, check)
	if all := t.Root.Texts("compatible"); len(all) > 0 && all[0] != "" && !overlay(t.Root) {
		p.Claims = append(p.Claims, firmware.Claim{Kind: firmware.Compatible, Values: all[:1]})
	}
	if t.TotalSize <= src.Size() {
		around(ctx, src, t, p, o)
	}
	return p, ctx.Err()
}

// cutIn names where a tree is cut off.
func cutIn(t *fdt.Tree, size int64) string {
	if size >= t.Struct.End() {
		return "names of the tree"
	}
	last := t.Root
	for len(last.Children) > 0 {
		last = last.Children[len(last.Children)-1]
	}
	if last.Name == "" {
		return "tree"
	}
	return "tree, at node " + last.Name
}

// around checks the filling of the tree, and opens what stands behind it.
func around(ctx context.Context, src block.Source, t *fdt.Tree, p *firmware.Part, o *firmware.Opening) {
	fill := func(e block.Extent) bool {
		c, ok := region.Filled(ctx, src, "padding", e)
		if ok {
			p.Checks = append(p.Checks, c)
		}
		return ok
	}
	fill(block.Between(max(t.Strings.End(), t.Struct.End(), t.ReservedEnd), t.TotalSize))
	behind := block.Between(t.TotalSize, src.Size())
	if behind.Length == 0 || fill(behind) {
		return
	}
	if start := block.Between(t.TotalSize, (t.TotalSize+3)&^3); fill(start) {
		behind = block.Between(start.End(), src.Size())
	}
	rest := region.Part(src, "behind the device tree", firmware.Data, behind)
	o.Inner(ctx, rest)
	p.Children = append(p.Children, rest)
}

// overlay reports whether a tree is laid over another.
func overlay(root *fdt.Node) bool {
	for _, c := range root.Children {
		if strings.HasPrefix(c.Name, "fragment") && c.Child("__overlay__") != nil {
			return true
		}
	}
	return root.Child("__fixups__") != nil && root.Child("__local_fixups__") != nil
}

// title says what sort of tree it is.
func title(root *fdt.Node) string {
	switch n := root.Child("signature"); {
	case overlay(root):
		return "device tree overlay"
	case n != nil && len(n.Children) > 0:
		return fmt.Sprintf("device tree of a boot loader, with %d keys", len(n.Children))
	}
	return "device tree"
}

// Compatible returns all that the root of a tree at offset 0 of src says of its board: the board first, its chip last. It
// is empty for an overlay, and answers cursor.ErrNot for what is no tree.
func Compatible(ctx context.Context, src block.Source) ([]string, error) {
	if _, err := head(ctx, src); err != nil {
		return nil, err
	}
	t, err := fdt.Read(ctx, src)
	if t == nil || overlay(t.Root) {
		return nil, err
	}
	return t.Root.Texts("compatible"), err
}
