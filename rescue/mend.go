package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/guard"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/mend"
)

// MendOptions say what is mended and where the mended copy goes.
type MendOptions struct {
	Path    string // of a case or an image
	Source  int    // of a case: whose disk, from 1
	Out     string // the new image; there must be none yet
	Undo    string // "" is the new image's name and ".undo"
	DryRun  bool   // list the patches, write nothing
	Program string
}

// Mended is what mending came to.
type Mended struct {
	Patches []mend.Patch
	Notes   []string
	Size    int64
	// Unread are the bytes that the source could not give: zeros in the new image, and bad in the map beside it.
	Unread        int64
	Out, Undo     string // "" when nothing was written
	Map           string // "" when everything could be read
	Before, After string // SHA-256, with zeros for what could not be read
	// Checked are the volumes that were opened on the new image, and Broken those of which a boot structure is
	// still not what it should be.
	Checked, Broken int
}

// mendTime is how long one volume may take.
const mendTime = 10 * time.Minute

// Mend finds what boot structures and tables of a case's image, or of an image, should be, makes a new image with them
// and an undo file beside it. Nothing else is written to.
func Mend(ctx context.Context, o MendOptions, events Events) (*Mended, error) {
	if o.Undo == "" {
		o.Undo = o.Out + ".undo"
	}
	mapPath := o.Out + ".map"
	m, err := mendMedium(ctx, o, events)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if !o.DryRun {
		if err := refuseOut(m.files, m.size, o.Out, o.Undo, mapPath); err != nil {
			return nil, err
		}
	}
	list, err := m.patches(ctx)
	if err != nil {
		return nil, err
	}
	out := &Mended{Patches: list.Patches, Notes: list.Notes, Size: m.size}
	if o.DryRun || len(list.Patches) == 0 {
		return out, nil
	}
	out.Out, out.Undo, out.Map = o.Out, o.Undo, mapPath
	if err := m.write(ctx, list, out, events); err != nil {
		return nil, errors.Join(err, host.RemoveFile(o.Out), host.RemoveFile(o.Undo), host.RemoveFile(mapPath))
	}
	return out, nil
}

// write makes the new image and what stands beside it, and checks it.
func (m *mendable) write(ctx context.Context, list mend.List, out *Mended, events Events) error {
	unread, err := writeMended(ctx, m.source, list, out, events)
	if err != nil {
		return err
	}
	if out.Unread = unread.Bytes(); out.Unread == 0 {
		out.Map = ""
	} else if err := writeHoles(out.Map, m.size, unread); err != nil {
		return err
	}
	undo := mend.Undo{Size: m.size, Before: out.Before, After: out.After, Patches: list.Patches}
	if err := host.ReplaceFile(out.Undo, false, func(w io.Writer) error {
		_, err := undo.WriteTo(w)
		return err
	}); err != nil {
		return err
	}
	return m.check(ctx, list, out)
}

// mendable is a medium whose structures are to be given back.
type mendable struct {
	*medium
	files []string // that it is read from
}

// mendMedium opens the medium and says what stands in what.
func mendMedium(ctx context.Context, o MendOptions, events Events) (*mendable, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	m := &mendable{medium: &medium{tables: tables}}
	var hits []probe.Hit
	keep := tables.isLandmark()
	if host.IsFolder(o.Path) {
		c, err := OpenCase(o.Path, o.Program)
		if err != nil {
			return nil, err
		}
		m.close = c.Close
		if m.source, err = c.Medium(ctx, max(o.Source, firstSource)); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		for _, opened := range c.opened {
			m.files = append(m.files, files(opened, opened.Real)...)
		}
		for h, err := range c.Catalog.Landmarks(ctx, max(o.Source, firstSource)) {
			if err != nil {
				return nil, errors.Join(err, c.Close())
			}
			if keep(h) {
				hits = append(hits, h)
			}
		}
	} else {
		opened, err := host.Open(ctx, o.Path, host.OpenOptions{})
		if err != nil {
			return nil, err
		}
		if _, err := tables.into(ctx, opened, func(f finding.Finding) { events.Finding(wireFinding(f)) }); err != nil {
			return nil, errors.Join(err, opened.Close())
		}
		m.source, m.close, m.files = opened.Source, opened.Close, files(opened, o.Path)
		if hits, err = sweepAll(ctx, tables, opened.Source, func(done int64) {
			p := wire.NewProgress("search", done, opened.Size, "bytes")
			p.Words = "looking at " + o.Path
			events.Progress(p)
		}); err != nil {
			return nil, errors.Join(err, opened.Close())
		}
	}
	m.size = m.source.Size()
	m.tree, err = layers.Resolve(ctx, layers.Disk{Number: 1, Name: filepath.Base(o.Path), Source: m.source}, hits, tables.Layers)
	if err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// sweepAll returns the landmarks of all of src that can be read.
func sweepAll(ctx context.Context, t *Tables, src block.Source, progress func(done int64)) ([]probe.Hit, error) {
	var hits []probe.Hit
	landmark := t.isLandmark()
	s := t.matcher.NewSweep(src.Size(), func(h probe.Hit) {
		if landmark(h) {
			hits = append(hits, h)
		}
	})
	buf := make([]byte, mebi)
	for at := int64(0); at < src.Size(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := src.ReadAt(buf[:min(mebi, src.Size()-at)], at)
		if n > 0 {
			s.Observe(block.Extent{Offset: at, Length: int64(n)}, buf[:n])
		}
		at += int64(n)
		if err != nil && at < src.Size() {
			u, ok := block.IsUnreadable(err)
			if !ok {
				return nil, fmt.Errorf("rescue: %w", err)
			}
			end := (at/sectorSize + 1) * sectorSize
			for _, r := range u.Ranges {
				if r.Has(at) {
					end = max(end, r.End())
				}
			}
			at = end
		}
		progress(at)
	}
	return hits, nil
}

// refuseOut ends a job that would write over something, or onto what it reads.
func refuseOut(sources []string, size int64, paths ...string) error {
	for _, path := range paths {
		if n := host.FileSize(path); n >= 0 {
			return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.mend.exists",
				Why:  fmt.Sprintf("%s is there already: a mended copy is always a new file.", path),
				Next: "Name another file with --out."}
		}
		for _, source := range sources {
			inside, err := host.Contains(source, filepath.Dir(path))
			if err != nil {
				return fmt.Errorf("rescue: %w", err)
			}
			if inside || host.SameFile(source, path) {
				return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.mend.source",
					Why:  fmt.Sprintf("%s lies on the source itself: writing there would destroy what is to be saved.", path),
					Next: "Name a file on another disk with --out."}
			}
		}
	}
	target, err := host.InspectTarget(filepath.Dir(paths[0]))
	if err != nil {
		return err
	}
	if limit := target.MaxFileSize; limit > 0 && size > limit {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.file-size",
			Why:  fmt.Sprintf("%s at %s holds files up to %s only, and the image has %s.", target.FS, target.Dir, host.Bytes(limit), host.Bytes(size)),
			Next: "Name a file on a disk with exFAT, NTFS, ext4 or another file system for large files."}
	}
	return target.Check(size + mebi)
}

// patches gathers what the table and the volumes should be. What two of them want differently is left as it is, and told.
func (m *mendable) patches(ctx context.Context) (mend.List, error) {
	all, err := m.tablePatches()
	if err != nil {
		return mend.List{}, err
	}
	for _, v := range m.tree.Volumes() {
		list, err := m.volume(ctx, m.source, v)
		if err != nil {
			return mend.List{}, err
		}
		both, err := mend.Combine(all, list)
		var conflict *mend.ConflictError
		if errors.As(err, &conflict) {
			all.Note("Volume %d is left as it is: %v.", v.Volume, conflict)
			continue
		}
		all = both
	}
	return mend.Combine(all)
}

// volume returns the patches for a volume of src, at their places on src.
func (m *mendable) volume(ctx context.Context, src block.Source, v *layers.Layer) (mend.List, error) {
	var list mend.List
	kind := m.kindOf(v)
	if kind == nil || kind.Mend == nil {
		return list, nil
	}
	vol := block.Section(src, v.Extent)
	err := guard.Do(ctx, mendTime, vol, func(ctx context.Context, vol block.Source) (err error) {
		list, err = kind.Mend(ctx, vol, v.Extent.Offset)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return list, ctx.Err()
	case errors.Is(err, cursor.ErrNot):
		return mend.List{}, nil
	case err != nil:
		var none mend.List
		none.Note("Volume %d, %s at %d, is left as it is: %v.", v.Volume, v.Kind, v.Extent.Offset, err)
		return none, nil
	}
	for i, n := range list.Notes {
		list.Notes[i] = fmt.Sprintf("Volume %d, %s at %d: %s", v.Volume, v.Kind, v.Extent.Offset, n)
	}
	return list.Shift(v.Extent.Offset), nil
}

// kindOf returns the row of a volume's file system; nil for what has none.
func (m *mendable) kindOf(v *layers.Layer) *filesystem.Kind {
	kinds := m.tables.Layers.Kinds
	if i := slices.IndexFunc(kinds, func(k filesystem.Kind) bool { return k.Name == v.Row && v.Row != "" }); i >= 0 {
		return &kinds[i]
	}
	return nil
}

// writeMended copies src with the patches into a new file, and returns what could not be read.
func writeMended(ctx context.Context, src block.Source, list mend.List, out *Mended, events Events) (unread block.Set, err error) {
	image, err := host.OpenImageFile(out.Out, host.ImageFileOptions{Size: src.Size()})
	if err != nil {
		return unread, err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	filled := block.Filled(src)
	before, after := sha256.New(), sha256.New()
	patched := mend.Apply(filled, list)
	buf, changed := make([]byte, mebi), make([]byte, mebi)
	for at := int64(0); at < src.Size(); at += mebi {
		if err := ctx.Err(); err != nil {
			return unread, err
		}
		p := buf[:min(mebi, src.Size()-at)]
		if n, err := filled.ReadAt(p, at); n < len(p) {
			return unread, fmt.Errorf("rescue: %w", err)
		}
		before.Write(p)
		if slices.ContainsFunc(list.Patches, func(q mend.Patch) bool {
			return q.Extent().Overlaps(block.Extent{Offset: at, Length: int64(len(p))})
		}) {
			q := changed[:len(p)]
			if n, err := patched.ReadAt(q, at); n < len(q) {
				return unread, fmt.Errorf("rescue: %w", err)
			}
			p = q
		}
		after.Write(p)
		if !onlyZeros(p) { // the file has holes where nothing was written
			if _, err := image.WriteAt(p, at); err != nil {
				return unread, err
			}
		}
		l := wire.NewProgress("mend", at+int64(len(p)), src.Size(), "bytes")
		l.Words = "writing " + out.Out
		events.Progress(l)
	}
	if err := image.Sync(); err != nil {
		return unread, err
	}
	out.Before, out.After = hex.EncodeToString(before.Sum(nil)), hex.EncodeToString(after.Sum(nil))
	unread = filled.Used()
	for i := range list.Patches {
		unread.Remove(list.Patches[i].Extent())
	}
	return unread, nil
}

func onlyZeros(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// writeHoles writes the map of an image that has zeros where nothing could be read.
func writeHoles(path string, size int64, unread block.Set) error {
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	for e := range unread.All() {
		m.Set(e, imaging.BadSector)
	}
	return host.ReplaceFile(path, false, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
}

// check opens the new image, and counts the volumes whose structures are now what they should be.
func (m *mendable) check(ctx context.Context, list mend.List, out *Mended) error {
	opened, err := host.Open(ctx, out.Out, host.OpenOptions{})
	if err != nil {
		return err
	}
	defer opened.Close()
	for _, v := range m.tree.Volumes() {
		e := v.Extent
		if !slices.ContainsFunc(list.Patches, func(p mend.Patch) bool { return e.Contains(p.Extent()) }) {
			continue
		}
		again, err := m.volume(ctx, opened.Source, v)
		if err != nil {
			return err
		}
		if out.Checked++; len(again.Patches) > 0 {
			out.Broken++
		}
	}
	return nil
}

// Unmend makes the image of before out of a mended one, as a new file.
func Unmend(ctx context.Context, image, undoPath, to string, events Events) (*Mended, error) {
	var undo *mend.Undo
	had, err := host.ReadFile(undoPath, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		undo, err = mend.ReadUndo(r)
		return err
	})
	if err == nil && !had {
		err = &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.mend.undo", Why: fmt.Sprintf("There is no undo file %s.", undoPath), Next: "Name it with --undo."}
	}
	if err != nil {
		return nil, err
	}
	opened, err := host.Open(ctx, image, host.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if err := refuseOut(files(opened, image), opened.Size, to); err != nil {
		return nil, err
	}
	if opened.Size != undo.Size {
		return nil, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.mend.other",
			Why: fmt.Sprintf("%s is about an image of %s, and %s has %s.", undoPath, host.Bytes(undo.Size), image, host.Bytes(opened.Size)), Next: "Name the image that it was written with."}
	}
	out := &Mended{Size: opened.Size, Out: to, Patches: undo.Reverse().Patches}
	_, err = writeMended(ctx, opened.Source, undo.Reverse(), out, events)
	switch {
	case err != nil:
	case out.Before != undo.After:
		err = &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.mend.changed",
			Why:  fmt.Sprintf("%s was changed since it was mended: its SHA-256 was %s and is %s.", image, undo.After, out.Before),
			Next: "Mend the image of the case again, or use that image itself."}
	case out.After != undo.Before:
		err = fmt.Errorf("rescue: %s: the SHA-256 before mending was %s, and what came out has %s", undoPath, undo.Before, out.After)
	}
	if err != nil {
		return nil, errors.Join(err, host.RemoveFile(to))
	}
	return out, nil
}

var mendNote = &finding.Def{Code: "rescue.mend.note", Severity: finding.Warning, Text: "{found}"}

// MendNote is a note of mending as a finding.
func MendNote(text string) finding.Finding { return mendNote.New(finding.Expected(nil, text)) }
