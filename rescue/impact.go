package rescue

import (
	"context"
	"fmt"
	"io"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
	"salvor/recovery"
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

// FindImpact lists the files of a case, or of an image with its map, and tells each of them with the bytes of it that
// the copy lacks. It needs no catalogue, so that it works while a copy is made.
func FindImpact(ctx context.Context, path, mapPath, program string, each func(Hurt) error) (Impact, error) {
	var m *imaging.Map
	var err error
	if host.IsFolder(path) {
		m, err = MapOf(path, program)
	} else {
		if mapPath == "" {
			mapPath = path + ".map"
		}
		had := false
		had, err = host.ReadFile(mapPath, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
			m, err = imaging.ReadMap(r)
			return err
		})
		if err == nil && !had {
			err = &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.impact.map",
				Why: fmt.Sprintf("there is no map %s for %s", mapPath, path), Next: "name its map with --map"}
		}
	}
	if err != nil {
		return Impact{}, err
	}
	med, err := openMedium(ctx, path, program, m)
	if err != nil {
		return Impact{}, err
	}
	defer med.close()
	unread := m.Of(imaging.NonTried, imaging.NonTrimmed, imaging.NonScraped, imaging.BadSector)
	im := Impact{Unread: unread.Bytes(), Ranges: unread.Count(), Elsewhere: unread}
	for _, v := range med.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		for f, err := range v.FS.Files(ctx) {
			if ctx.Err() != nil {
				return im, ctx.Err()
			}
			if err != nil {
				im.Broken++
				continue
			}
			if !f.Mode.IsRegular() {
				continue
			}
			h := hurt(f, v, unread)
			if h.Missing.Empty() {
				im.Untouched++
			} else {
				im.Hurt++
				im.Elsewhere = im.Elsewhere.Subtract(block.Places(h.Entry.Runs))
			}
			if err := each(h); err != nil {
				return im, err
			}
		}
	}
	return im, nil
}

// hurt returns what of f stands in unread.
func hurt(f *filesystem.File, v *layers.Layer, unread block.Set) Hurt {
	e := &recovery.Entry{ID: fmt.Sprintf("v%d/%s", v.Volume, f.ID), Source: firstSource, Volume: v.Volume, Path: f.Path,
		Name: nameOf(f.Path), Origin: recovery.FromFileSystem, State: f.State, Mode: f.Mode, HasOwner: f.HasOwner, UID: f.UID, GID: f.GID,
		Times: f.Times, Size: f.Size(), Sound: f.Sound, Class: filetype.Other}
	h := Hurt{Entry: e}
	if len(f.Streams) > 0 {
		for _, r := range f.Streams[0].Runs {
			if r.Kind.Stands() {
				r.Physical += v.Extent.Offset
			}
			e.Runs = append(e.Runs, r)
		}
	}
	encoded := len(f.Streams) > 0 && f.Streams[0].Encoding != ""
	for _, r := range e.Runs {
		for u := range unread.Within(r.PhysicalExtent()).All() {
			if encoded {
				// Which bytes of the content a stored byte is for only decoding tells: all may be.
				h.Missing.Add(block.Extent{Length: e.Size})
				continue
			}
			h.Missing.Add(u.Shift(r.Logical - r.Physical).Intersect(block.Extent{Length: e.Size}))
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
