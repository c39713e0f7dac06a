package rescue

import (
	"context"
	"fmt"
	"io"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
	"salvor/recovery"
	"salvor/volume"
)

// Hurt is a file and the bytes of it that stand where a copy has none. Entry is that of the catalogue as far as the
// file system tells it: its content was not judged.
type Hurt struct {
	Entry   *recovery.Entry
	Missing block.Set // bytes of the file
}

// Impact is what the unread ranges of a copy hurt.
type Impact struct {
	Unread          int64 // bytes
	Ranges          int
	Hurt, Untouched int64     // files
	Broken          int       // structures that could not be read
	Elsewhere       block.Set // unread, and in no file that is named
}

// region is a medium that files are looked for on, and what of it is not there.
type region struct {
	source int
	src    block.Source
	tree   *layers.Layer
	unread func(within block.Extent) block.Set
	hits   []probe.Hit
}

// FindImpact lists the files of a case, or of an image with its map, and tells each of them with the bytes of it that
// the copy lacks. It needs no catalogue, so that it works while a copy is made. On a case, the volumes that its disks
// give together are among them: bytes that the redundancy of a set makes good hurt no file. keys open encrypted
// volumes; nil opens none.
func FindImpact(ctx context.Context, path, mapPath, program string, keys volume.Keyring, each func(Hurt) error) (Impact, error) {
	tables, err := NewTables()
	if err != nil {
		return Impact{}, err
	}
	if host.IsFolder(path) {
		c, err := OpenCase(path, program)
		if err != nil {
			return Impact{}, err
		}
		defer c.Close()
		c.Keys = keys
		return c.impact(ctx, tables, each)
	}
	if mapPath == "" {
		mapPath = path + ".map"
	}
	var m *imaging.Map
	had, err := host.ReadFile(mapPath, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		m, err = imaging.ReadMap(r)
		return err
	})
	if err == nil && !had {
		err = &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.impact.map",
			Why: fmt.Sprintf("there is no map %s for %s", mapPath, path), Next: "name its map with --map"}
	}
	if err != nil {
		return Impact{}, err
	}
	med, err := openMedium(ctx, path, program, m)
	if err != nil {
		return Impact{}, err
	}
	defer med.close()
	im := Impact{}
	r := &region{source: firstSource, src: med.source, tree: med.tree}
	im.missing(r, m)
	return im, im.files(ctx, r, each)
}

// missing notes what a map says of a medium.
func (im *Impact) missing(r *region, m *imaging.Map) {
	unread := m.Of(imaging.NonTried, imaging.NonTrimmed, imaging.NonScraped, imaging.BadSector)
	r.unread = unread.Within
	im.Unread += unread.Bytes()
	im.Ranges += unread.Count()
	if r.source == firstSource {
		im.Elsewhere = unread
	}
}

// impact does the work of FindImpact on a case.
func (c *Case) impact(ctx context.Context, tables *Tables, each func(Hurt) error) (Impact, error) {
	im := Impact{}
	var regions []*region
	var trees []*layers.Layer
	rows, err := c.Catalog.Layers(ctx)
	if err != nil {
		return im, err
	}
	first := map[int]int{} // volume of each source, as the main job numbered them
	volumes := 0
	for _, row := range rows {
		if row.Volume > 0 && (first[row.Source] == 0 || row.Volume < first[row.Source]) {
			first[row.Source] = row.Volume
		}
		volumes = max(volumes, row.Volume)
	}
	resolve := func(r *region, name string) error {
		keep := tables.isLandmark()
		for h, err := range c.Catalog.Landmarks(ctx, r.source) {
			if err != nil {
				return err
			}
			if keep(h) {
				r.hits = append(r.hits, h)
			}
		}
		d := layers.Disk{Number: r.source, Name: name, Source: r.src, Volumes: volumes}
		if n := first[r.source]; n > 0 {
			d.Volumes = n - 1
		}
		var err error
		r.tree, err = layers.Resolve(ctx, d, r.hits, tables.Layers)
		if err == nil {
			volumes = max(volumes, d.Volumes+len(r.tree.Volumes()))
			regions = append(regions, r)
		}
		return err
	}
	record := c.Record()
	last := 0
	for _, s := range record.Sources {
		last = max(last, s.Number)
		m, err := c.mapOf(s.Number)
		if err != nil {
			return im, err
		}
		if m == nil {
			continue // nothing was copied of it yet
		}
		r := &region{source: s.Number}
		if r.src, err = c.Medium(ctx, s.Number); err != nil {
			return im, err
		}
		if err := resolve(r, sourceName(c.Case, s.Number)); err != nil {
			return im, err
		}
		im.missing(r, m.Fit(r.src.Size()))
		trees = append(trees, r.tree)
	}
	if len(regions) == 0 {
		return im, noMapYet(c.Dir())
	}
	for _, v := range record.Virtual {
		last = max(last, v.Number)
	}
	found, err := layers.Nest(ctx, trees, layers.Nesting{Tables: tables.Layers, Keys: c.Keys, Resolve: func(ctx context.Context, v *layers.Volume) (*layers.Layer, error) {
		if v.Source.Size() <= 0 {
			return nil, nil
		}
		r := &region{src: v.Source, unread: func(within block.Extent) block.Set {
			var set block.Set
			for _, u := range block.UnreadableIn(v.Source, within) {
				set.Add(u.Extent)
			}
			return set
		}}
		for _, o := range record.Virtual {
			if o.Key == v.Key {
				r.source = o.Number
			}
		}
		if r.source == 0 {
			last++
			r.source = last
		}
		if err := resolve(r, v.String()); err != nil {
			return nil, err
		}
		return r.tree, nil
	}})
	if err != nil {
		return im, err
	}
	for _, v := range found {
		im.Elsewhere = im.Elsewhere.Subtract(v.Claimed[firstSource]) // what it hurts is told by the files of the volume
	}
	for _, r := range regions {
		if err := im.files(ctx, r, each); err != nil {
			return im, err
		}
	}
	return im, nil
}

// files tells of each file on a medium.
func (im *Impact) files(ctx context.Context, r *region, each func(Hurt) error) error {
	for _, v := range r.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		for f, err := range v.FS.Files(ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				im.Broken++
				continue
			}
			if !f.Mode.IsRegular() {
				continue
			}
			h := hurt(f, v, r)
			if h.Missing.Empty() {
				im.Untouched++
			} else {
				im.Hurt++
				if r.source == firstSource {
					im.Elsewhere = im.Elsewhere.Subtract(block.Places(h.Entry.Runs))
				}
			}
			if err := each(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// hurt returns what of f stands where r has nothing.
func hurt(f *filesystem.File, v *layers.Layer, r *region) Hurt {
	e := &recovery.Entry{ID: fmt.Sprintf("v%d/%s", v.Volume, f.ID), Source: r.source, Volume: v.Volume, Path: f.Path,
		Name: nameOf(f.Path), Origin: recovery.FromFileSystem, State: f.State, Mode: f.Mode, HasOwner: f.HasOwner, UID: f.UID, GID: f.GID,
		Times: f.Times, Size: f.Size(), Sound: f.Sound, Class: filetype.Other}
	h := Hurt{Entry: e}
	if len(f.Streams) > 0 {
		for _, run := range f.Streams[0].Runs {
			if run.Kind.Stands() {
				run.Physical += v.Extent.Offset
			}
			e.Runs = append(e.Runs, run)
		}
	}
	encoded := len(f.Streams) > 0 && f.Streams[0].Encoding != ""
	for _, run := range e.Runs {
		if !run.Kind.Stands() {
			continue
		}
		for u := range r.unread(run.PhysicalExtent()).All() {
			if encoded {
				// Which bytes of the content a stored byte is for only decoding tells: all may be.
				h.Missing.Add(block.Extent{Length: e.Size})
				continue
			}
			h.Missing.Add(u.Shift(run.Logical - run.Physical).Intersect(block.Extent{Length: e.Size}))
		}
	}
	if e.GoodUntil = e.Size; !h.Missing.Empty() {
		e.Missing, e.Verdict, e.GoodUntil = h.Missing, filetype.Partial, h.Missing.Extents()[0].Offset
	}
	return h
}

func nameOf(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}
