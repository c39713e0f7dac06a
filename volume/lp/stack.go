package lp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// stackName is what a super partition is called as a member: the scheme has the name of the package.
const stackName = "super"

// Stack returns the row for logical partitions in several pieces, which no entry of a table can stand for. Those in
// one piece are entries of the scheme.
func Stack() volume.Stack {
	return volume.Stack{
		Name: stackName,
		Probes: []probe.Probe{
			{ID: "super.geometry", Bytes: []byte{0x67, 0x44, 0x6C, 0x61, geometrySize, 0, 0, 0}, Align: 4096},
		},
		Members:  members,
		Assemble: assemble,
	}
}

// members returns a super partition for each place where one begins that has logical partitions in several pieces.
func members(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Member, error) {
	bases := []int64{0}
	for _, h := range landmarks {
		bases = append(bases, h.Offset-firstGeometry, h.Offset-otherGeometry)
	}
	var out []volume.Member
	used := map[int64]bool{}
	for _, base := range bases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if base < 0 || len(out) >= 64 {
			continue
		}
		t := best(slots(src, base, used))
		if t == nil || !slices.ContainsFunc(t.Entries, split) {
			continue
		}
		size := src.Size() - base
		if t.MediaSize > 0 && t.MediaSize < size {
			size = t.MediaSize
		}
		e := block.Extent{Offset: base, Length: size}
		for i := range t.Entries {
			for j := range t.Entries[i].Runs {
				t.Entries[i].Runs[j].Physical -= base
			}
		}
		id := identity(*t)
		out = append(out, volume.Member{
			Stack: stackName, Format: "Android super", Set: id, ID: id, Label: "super", Role: t.Copy, Header: base + firstGeometry,
			Extent: e, Source: block.Section(src, e), Valid: t.Valid, Backup: t.Copy != "slot0", Detail: *t,
			Findings: append([]finding.Finding{}, t.Findings...),
		})
	}
	return out, ctx.Err()
}

// split reports whether an entry stands in several pieces.
func split(e volume.Entry) bool { return e.Runs != nil && e.Extent.Length > 0 }

// best returns the first valid table, primary copies before backups; nil without one.
func best(tables []volume.Table) *volume.Table {
	for i := range tables {
		if tables[i].Valid && len(tables[i].Entries) > 0 {
			return &tables[i]
		}
	}
	return nil
}

// identity makes an identifier of what a table says, since the format has none.
func identity(t volume.Table) string {
	h := sha256.New()
	for _, e := range t.Entries {
		fmt.Fprintf(h, "%q %d %v\n", e.Name, e.Extent.Length, e.Flags)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

// assemble makes the logical partitions in several pieces of each super partition.
func assemble(ctx context.Context, list []volume.Member) ([]volume.Set, error) {
	var out []volume.Set
	for i, m := range list {
		t, ok := m.Detail.(volume.Table)
		if !ok || m.Source == nil {
			continue
		}
		s := volume.Set{Stack: stackName, UUID: m.Set, Label: m.Label, Level: "Android logical partitions", Members: []int{i}}
		for _, e := range t.Entries {
			if split(e) {
				s.Volumes = append(s.Volumes, volume.Logical{Name: e.Name, Kind: "logical partition", Size: e.Extent.Length, Source: joined(m, i, e)})
			}
		}
		out = append(out, s)
	}
	return out, ctx.Err()
}

// joined puts the pieces of an entry behind each other. Their places are those on the member.
func joined(m volume.Member, index int, e volume.Entry) block.Source {
	leaf := array.Leaf(m.Source, index)
	var pieces []array.Piece
	for _, r := range e.Runs {
		p := array.Piece{Length: r.Length}
		switch r.Kind {
		case block.Data:
			p.Part = array.Window(leaf, block.Extent{Offset: r.Physical, Length: r.Length})
		case block.Zero:
			p.Part = array.Zeros(r.Length)
		}
		pieces = append(pieces, p)
	}
	if c := array.Concat(pieces); c != nil {
		return c
	}
	return nil
}
