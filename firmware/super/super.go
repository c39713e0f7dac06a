package super

import (
	"bytes"
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/region"
	"salvor/volume"
	"salvor/volume/lp"
)

// magic begins the geometry, at each of places.
var (
	magic  = []byte{0x67, 0x44, 0x6C, 0x61, 52, 0, 0, 0}
	places = []int64{4096, 8192}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "android-super", Title: "Android super partition", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.android-super.geometry", Bytes: magic, At: places[0], Align: 4096}}}
}

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	t, _, err := read(ctx, src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "Android super partition", Size: t.MediaSize}, nil
}

// read returns the table that counts, and all of them.
func read(ctx context.Context, src block.Source) (*volume.Table, []volume.Table, error) {
	seen := false
	for _, at := range places {
		p, err := cursor.Read(src, "Android super: geometry", at, int64(len(magic)), int64(len(magic)))
		if _, short := cursor.IsCorrupt(err); err != nil && !short {
			return nil, nil, err
		}
		seen = seen || bytes.Equal(p, magic)
	}
	if !seen {
		return nil, nil, cursor.ErrNot
	}
	tables, err := lp.Scheme().Read(ctx, src, nil)
	if err != nil {
		return nil, nil, err
	}
	best := -1
	for i := range tables {
		if t := &tables[i]; len(t.Entries) > 0 && (best < 0 || t.Valid && !tables[best].Valid) {
			best = i
		}
	}
	if best < 0 {
		return nil, nil, cursor.ErrNot
	}
	return &tables[best], tables, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, tables, err := read(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: fmt.Sprintf("Android super partition with %d logical partitions", len(t.Entries)), Role: firmware.Table}
	part.Installs = append(part.Installs, firmware.Install{Where: "super", Needs: t.MediaSize})
	for i := range tables {
		part.Checks = append(part.Checks, check(&tables[i]))
	}
	for i := range t.Entries {
		if e := &t.Entries[i]; e.Extent.Length > 0 && ctx.Err() == nil {
			part.Children = append(part.Children, entry(src, part, e))
		}
	}
	for _, c := range part.Children {
		o.Inner(ctx, c)
	}
	return part, ctx.Err()
}

// check says whether the sums of one copy of the metadata fit.
func check(t *volume.Table) firmware.Check {
	c := firmware.Check{What: "metadata of " + t.Copy, Method: "SHA-256", State: firmware.Passed, Extent: block.Extent{Offset: t.Offset, Length: 1}, Expected: "sums that fit", Found: "sums that fit"}
	list := t.Findings
	for i := range t.Entries {
		list = append(list[:len(list):len(list)], t.Entries[i].Findings...)
	}
	for _, f := range list {
		if f.Severity >= finding.Error || f.Code == "lp.geometry" {
			c.State, c.Found = firmware.Failed, f.Text
		}
	}
	if !t.Valid && c.State == firmware.Passed {
		c.State, c.Found = firmware.Failed, "others"
	}
	return c
}

// entry makes a part of a logical partition.
func entry(src block.Source, part *firmware.Part, e *volume.Entry) *firmware.Part {
	if e.Runs == nil {
		if e.Extent.End() > src.Size() {
			part.Checks = append(part.Checks, firmware.Cut(e.Name, e.Extent.End(), src.Size()))
		}
		return region.Part(src, e.Name, android.Role(e.Name), e.Extent)
	}
	for _, r := range e.Runs {
		if end := r.Physical + r.Length; r.Kind == block.Data && end > src.Size() {
			part.Checks = append(part.Checks, firmware.Cut(e.Name, end, src.Size()))
			break
		}
	}
	return &firmware.Part{Name: e.Name, Role: android.Role(e.Name), Size: e.Extent.Length, Announced: e.Extent.Length, Source: block.Join(src, e.Runs, e.Extent.Length), Unpacked: true}
}
