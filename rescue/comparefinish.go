package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/compare"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
)

// Finished is an image in which a part of a package stands complete.
type Finished struct {
	Out, Map      string // the image, and the map of what could not be read; "" when all could
	Part, Region  string
	Written       int64  // bytes that differ from the medium
	SHA256        string // of what was written of the part, as it was read back out of the image
	Unread        int64
	Before, After string // SHA-256 of the medium and of the image

	runs [][]block.Run // where each part was written
}

// finish makes a copy of the medium in which the slots that were being written are complete, and reads it back.
func (d *device) finish(ctx context.Context, o CompareOptions, c *Compared, events Events) (*Finished, error) {
	list, err := c.finishable()
	if err != nil {
		return nil, err
	}
	f := &Finished{Out: o.Finish, Map: o.Finish + ".map"}
	over := &overlay{Source: block.Filled(d.source)}
	for _, t := range list {
		part := c.part(&t)
		r := c.Regions[t.Region]
		f.Part, f.Region = t.Piece.Words(), r.Name
		runs, err := d.placesOf(r, block.Extent{Offset: t.At, Length: part.Size()}, over)
		if err != nil {
			return nil, err
		}
		// What the package leaves as it is, stays.
		content := &c.Contents[t.Content]
		var written []block.Run
		for e := range content.Unwritten(t.Piece).Complement(block.Extent{Length: part.Size()}).All() {
			written = append(written, block.Slice(runs, e.Shift(t.At))...)
		}
		f.runs = append(f.runs, written)
		for _, run := range written {
			over.pieces = append(over.pieces, overlaid{run.PhysicalExtent(), part, run.Logical - t.At})
		}
	}
	err = d.writeFinished(ctx, over, f, events)
	if err == nil {
		err = d.readBack(ctx, list, c, f)
	}
	if err != nil {
		return nil, errors.Join(err, host.RemoveFile(f.Out), host.RemoveFile(o.Finish+".map"))
	}
	return f, nil
}

// placesOf says where bytes of a region stand on the medium, or will. A volume of UBI gets erase blocks for those that
// stand nowhere: their headers go onto the overlay, before the content.
func (d *device) placesOf(r compare.Region, e block.Extent, over *overlay) ([]block.Run, error) {
	src := r.Source
	for name, v := range d.volumes {
		if r.Kind != ubiVolume || name != r.Name {
			continue
		}
		next, writes, err := v.image.Extend(v.volume, e.End())
		if err != nil {
			return nil, refuseFinish(fmt.Sprintf("What is missing of %s has no place on the flash: %v.", r.Name, err))
		}
		for _, w := range writes {
			over.pieces = append(over.pieces, overlaid{block.Extent{Offset: v.at + w.At, Length: int64(len(w.Data))}, block.Bytes(w.Data), 0})
		}
		src = next
	}
	runs := block.Origin(src, e)
	for _, run := range runs {
		if !run.Kind.Stands() {
			return nil, refuseFinish(fmt.Sprintf("Bytes %d to %d of %s stand nowhere on the medium.", run.Logical, run.Logical+run.Length, r.Name))
		}
	}
	return runs, nil
}

func refuseFinish(why string) error {
	return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.compare.finish", Why: why, Next: "Look at what `salvor compare` says without --finish."}
}

func refuseBoth(why string) error {
	return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.compare.both", Why: why, Next: "Name the package of the version before with --earlier: it tells which slot is the old one."}
}

// finishable are the parts whose writing was begun and not ended. A slot that holds the old content, and is the only good
// one, is never among them.
func (c *Compared) finishable() ([]compare.Target, error) {
	if c.Whole.Answer == firmware.No {
		return nil, refuseFinish("The package itself is not whole: what it would write cannot be trusted.")
	}
	_, partly, _ := c.State()
	if len(partly) == 0 {
		return nil, refuseFinish("No part of the package was found that is written in part: there is nothing to finish.")
	}
	for i, t := range partly {
		r := c.Regions[t.Region]
		switch {
		case t.NoRoom > 0:
			return nil, refuseFinish(fmt.Sprintf("%s has no room for %s.", r.Name, t.Piece.Words()))
		case t.Order == compare.Unknown:
			return nil, refuseFinish(fmt.Sprintf("Of %s it cannot be told what is missing on %s.", t.Piece.Words(), r.Name))
		}
		for _, other := range c.Targets {
			if other.Reference && other.Own > 0 && r.Group != "" && r.Group == c.Regions[other.Region].Group && other.Piece.ID == t.Piece.ID {
				return nil, refuseBoth(fmt.Sprintf("%s holds %d bytes of %s that %s lacks: it cannot be told for sure which of them was being written.", c.Regions[other.Region].Name, other.Own, t.Piece.Words(), r.Name))
			}
		}
		for k, other := range partly {
			same := r.Group != "" && r.Group == c.Regions[other.Region].Group && r.Medium == c.Regions[other.Region].Medium
			if k != i && same && other.Piece.ID == t.Piece.ID {
				return nil, refuseBoth(fmt.Sprintf("Both %s and %s hold some of %s: it cannot be told which of them was being written.", r.Name, c.Regions[other.Region].Name, t.Piece.Words()))
			}
		}
	}
	return partly, nil
}

// part is what t should be.
func (c *Compared) part(t *compare.Target) block.Source {
	return block.Section(c.Contents[t.Content].Source, t.Piece.Extent)
}

// overlay is a medium with parts written over it, later ones over earlier ones.
type overlay struct {
	block.Source
	pieces []overlaid
}

type overlaid struct {
	at   block.Extent // on the medium
	part block.Source
	from int64
}

func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Source.ReadAt(p, off)
	for _, x := range o.pieces {
		e := x.at.Intersect(block.Extent{Offset: off, Length: int64(n)})
		if e.Length <= 0 {
			continue
		}
		if k, err := x.part.ReadAt(p[e.Offset-off:e.End()-off], x.from+e.Offset-x.at.Offset); int64(k) < e.Length {
			return 0, err
		}
	}
	return n, err
}

// writeFinished copies the medium with what is written over it.
func (d *device) writeFinished(ctx context.Context, over *overlay, f *Finished, events Events) (err error) {
	image, err := host.OpenImageFile(f.Out, host.ImageFileOptions{Size: d.size})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	filled := over.Source.(*block.Filler)
	before, after := sha256.New(), sha256.New()
	old, now := make([]byte, mebi), make([]byte, mebi)
	for at := int64(0); at < d.size; at += mebi {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, q := old[:min(mebi, d.size-at)], now[:min(mebi, d.size-at)]
		if n, err := filled.ReadAt(p, at); n < len(p) {
			return fmt.Errorf("rescue: %w", err)
		}
		if n, err := over.ReadAt(q, at); n < len(q) {
			return fmt.Errorf("rescue: %w", err)
		}
		before.Write(p)
		after.Write(q)
		for i := range p {
			if p[i] != q[i] {
				f.Written++
			}
		}
		if !onlyZeros(q) { // the file has holes where nothing was written
			if _, err := image.WriteAt(q, at); err != nil {
				return err
			}
		}
		l := wire.NewProgress("finish", at+int64(len(p)), d.size, "bytes")
		l.Words = "writing " + f.Out
		events.Progress(l)
	}
	if err := image.Sync(); err != nil {
		return err
	}
	f.Before, f.After = hex.EncodeToString(before.Sum(nil)), hex.EncodeToString(after.Sum(nil))
	unread := filled.Used()
	for _, x := range over.pieces {
		unread.Remove(x.at)
	}
	if f.Unread = unread.Bytes(); f.Unread == 0 {
		f.Map = ""
		return nil
	}
	return writeHoles(f.Map, d.size, unread)
}

// readBack reads each part out of the new image, by the places of its bytes, and compares its hash with the package's.
func (d *device) readBack(ctx context.Context, list []compare.Target, c *Compared, f *Finished) error {
	opened, err := host.Open(ctx, f.Out, host.OpenOptions{})
	if err != nil {
		return err
	}
	defer opened.Close()
	for i, t := range list {
		part := c.part(&t)
		h, want := sha256.New(), sha256.New()
		for _, run := range f.runs[i] {
			if _, err := io.Copy(want, block.Reader(block.Section(part, block.Extent{Offset: run.Logical - t.At, Length: run.Length}))); err != nil {
				return fmt.Errorf("rescue: %w", err)
			}
			if _, err := io.Copy(h, block.Reader(block.Section(opened.Source, run.PhysicalExtent()))); err != nil {
				return fmt.Errorf("rescue: reading %s back: %w", f.Out, err)
			}
		}
		if f.SHA256 = hex.EncodeToString(h.Sum(nil)); f.SHA256 != hex.EncodeToString(want.Sum(nil)) {
			return fmt.Errorf("rescue: %s: SHA-256 of %s is %s, and %x was written", f.Out, t.Piece.Words(), f.SHA256, want.Sum(nil))
		}
	}
	return nil
}
