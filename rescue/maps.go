package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"salvor/block"
	"salvor/block/probe"
	"salvor/casefile"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/layers"
)

// firstSource is the number of the first source of a case.
const firstSource = 1

// MapOf returns the map of the first source of the case in dir.
func MapOf(dir, program string) (*imaging.Map, error) {
	c, err := casefile.Open(dir, casefile.Reader, casefile.Options{Program: program})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m, err := (&Case{Case: c}).mapOf(firstSource)
	if err == nil && m == nil {
		err = noMapYet(dir)
	}
	return m, err
}

func noMapYet(dir string) error {
	return fmt.Errorf("rescue: the case %s has no map yet: nothing was copied into it", dir)
}

// mapOf returns the map of a source, nil when nothing was copied of it yet.
func (c *Case) mapOf(source int) (m *imaging.Map, err error) {
	_, err = c.ReadMap(source, func(r io.Reader) error {
		m, err = imaging.ReadMap(r)
		return err
	})
	return m, err
}

// medium is something that volumes are looked for in: a case as far as it was copied, or an image or a disk.
type medium struct {
	source block.Source
	size   int64
	tree   *layers.Layer
	tables *Tables
	close  func() error
}

// openMedium opens a source or a case and finds its volumes. With m the source is only what m calls finished.
func openMedium(ctx context.Context, path, program string, m *imaging.Map) (*medium, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	out := &medium{tables: tables}
	var hits []probe.Hit
	if host.IsFolder(path) {
		c, err := OpenCase(path, program)
		if err != nil {
			return nil, err
		}
		out.close = c.Close
		if out.source, err = c.Medium(ctx, firstSource); err != nil {
			return nil, errors.Join(err, out.close())
		}
		keep := tables.isLandmark()
		for h, err := range c.Catalog.Landmarks(ctx, firstSource) {
			if err != nil {
				return nil, errors.Join(err, out.close())
			}
			if keep(h) {
				hits = append(hits, h)
			}
		}
	} else {
		opened, err := host.Open(ctx, path, host.OpenOptions{})
		if err != nil {
			return nil, err
		}
		out.source, out.close = opened.Source, opened.Close
		if m != nil {
			out.source = imaging.CopySource(opened.Source, m.Fit(max(m.Size(), opened.Size)), 0)
		}
	}
	out.size = out.source.Size()
	if out.tree, err = layers.Resolve(ctx, layers.Disk{Number: 1, Name: filepath.Base(path), Source: out.source}, hits, tables.Layers); err != nil {
		return nil, errors.Join(err, out.close())
	}
	return out, nil
}

// UsedMap returns a map that calls finished what file systems on a source or in a case use, or what the files stand on
// that pick names.
func UsedMap(ctx context.Context, path string, pick []string, program string) (*imaging.Map, error) {
	m, err := openMedium(ctx, path, program, nil)
	if err != nil {
		return nil, err
	}
	defer m.close()
	files := newWanted(pick, m.tables.Files)
	volumes := 0
	for _, v := range m.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		volumes++
		if len(pick) == 0 {
			used, err := v.FS.Used(ctx)
			if err != nil {
				return nil, fmt.Errorf("rescue: what %s at 0x%x uses: %w", v.Kind, v.Extent.Offset, err)
			}
			files.used = files.used.Union(used.Shift(v.Extent.Offset))
		}
		for f, err := range v.FS.Files(ctx) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err == nil {
				files.add(f, v.Extent.Offset)
			}
		}
	}
	if volumes == 0 {
		return nil, fmt.Errorf("rescue: %s shows no file system that says what it uses", path)
	}
	set := block.SetOf(files.first...)
	if len(pick) == 0 {
		set = files.used.Union(block.SetOf(files.all...))
	}
	return imaging.DomainMap(m.size, set), nil
}

// Merge says which partial copies of one medium are made into one.
type Merge struct {
	Images, Maps []string // Maps may be empty: the images' names and ".map"
	To, ToMap    string
	Sector       int64 // bytes
	Program      string
}

// MergeImages merges partial copies into a new image with its map. each is told of every stretch, in order.
func MergeImages(ctx context.Context, o Merge, each func(imaging.Merging) error) (wire.Result, error) {
	if host.FileSize(o.To) >= 0 {
		return wire.Result{}, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.merge.exists",
			Why: fmt.Sprintf("%s is there already", o.To), Next: "name a file that is not there yet with --to"}
	}
	if o.Sector <= 0 || o.Sector > imaging.ChunkSize || imaging.ChunkSize%o.Sector != 0 {
		return wire.Result{}, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.merge.sector",
			Why: fmt.Sprintf("a sector of %d bytes", o.Sector), Next: "name a power of two"}
	}
	if o.ToMap == "" {
		o.ToMap = o.To + ".map"
	}
	var copies []imaging.Partial
	size := int64(0)
	for i, path := range o.Images {
		opened, err := host.Open(ctx, path, host.OpenOptions{})
		if err != nil {
			return wire.Result{}, err
		}
		defer opened.Close()
		name := path + ".map"
		if len(o.Maps) > 0 {
			name = o.Maps[i]
		}
		var m *imaging.Map
		had, err := host.ReadFile(name, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
			m, err = imaging.ReadMap(r)
			return err
		})
		if err == nil && !had {
			err = &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.merge.map",
				Why: fmt.Sprintf("there is no map %s for %s", name, path), Next: "name the map with --map"}
		}
		if err != nil {
			return wire.Result{}, err
		}
		copies = append(copies, imaging.Partial{Map: m, Image: opened.Source})
		size = max(size, m.Size())
	}
	target, err := host.InspectTarget(filepath.Dir(o.To))
	if err != nil {
		return wire.Result{}, err
	}
	if err := target.Check(size); err != nil {
		return wire.Result{}, err
	}
	image, err := host.OpenImageFile(o.To, host.ImageFileOptions{Size: size})
	if err != nil {
		return wire.Result{}, err
	}
	disagree, places := int64(0), 0
	var failed error
	m, err := imaging.Merge(copies, size, o.Sector, image, func(g imaging.Merging) {
		if g.Disagree {
			disagree, places = disagree+g.Length, places+1
		}
		if failed == nil {
			failed = each(g)
		}
	})
	if err = errors.Join(err, failed, image.Sync(), image.Close(), ctx.Err()); err != nil {
		return wire.Result{}, err
	}
	m.Comments = []string{"Mapfile. Created by " + o.Program}
	if err := host.ReplaceFile(o.ToMap, true, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	}); err != nil {
		return wire.Result{}, err
	}
	missing := size - m.Of(imaging.Finished).Bytes()
	exit, state := ExitDone, fmt.Sprintf("%d copies were merged: %s", len(copies), host.Bytes(size))
	next := fmt.Sprintf("run `salvor rescue %s --to CASE` to save the files", o.To)
	if missing > 0 {
		exit = ExitReserved
		state += fmt.Sprintf(", of which %s are in no copy", host.Bytes(missing))
	}
	if places > 0 {
		exit = ExitReserved
		state += fmt.Sprintf("; copies disagree about %s in %d places", host.Bytes(disagree), places)
		next = "look at the files at the places where copies disagree: one of the copies holds wrong bytes there"
	}
	return wire.NewResult(exit, state, fmt.Sprintf("%s holds what any copy has, and %s its map; the copies were only read", o.To, o.ToMap), next), nil
}
