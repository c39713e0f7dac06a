package rescue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"salvor/block"
	"salvor/container"
	"salvor/host"
	"salvor/imaging"
	"salvor/imaging/ewf"
)

// An image in the Expert Witness format is written from its start to its end and cannot be changed, while a failing medium
// is read in another order and over several runs. So the copy is made beside it as a raw file, and the image of that when
// the run has tried all that it was to try. The raw file goes when it holds all of the medium: until then a later run
// needs it.

// segment returns the name of a segment of the image, from 1.
func (c *imageCopy) segment(n int) string {
	ending := filepath.Ext(c.Image)
	return c.Image[:len(c.Image)-len(ending)+1] + ewf.Name(ending[1:], n)
}

// packedBefore reports whether the image was made by an earlier run, of a medium that was read to its end.
func (c *imageCopy) packedBefore() (bool, error) {
	if !c.had || host.FileSize(c.Image) <= 0 || host.FileSize(c.target()) >= 0 {
		return false, nil
	}
	if left := c.m.Size() - c.m.Of(imaging.Finished).Bytes(); left > 0 {
		return false, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.image.raw",
			Why:  fmt.Sprintf("the map %s lacks %s, and the raw copy %s that they would be added to is not there", c.Map, host.Bytes(left), c.target()),
			Next: "put the raw copy back, or copy into another file"}
	}
	return true, nil
}

// pack makes the image of the raw copy.
func (c *imageCopy) pack(ctx context.Context) (*ewf.Result, error) {
	unread := c.m.Of(imaging.Finished).Complement(block.Extent{Length: c.m.Size()})
	opened := c.standby.Opened()
	made := 0
	const unfinished = ".new"
	res, err := ewf.Write(ctx, c.image, ewf.Options{
		Create: func(n int) (ewf.File, error) {
			made = n
			if err := host.RemoveFile(c.segment(n) + unfinished); err != nil {
				return nil, err
			}
			return host.CreateFile(c.segment(n) + unfinished)
		},
		SegmentSize: c.Split, SectorSize: max(opened.SectorSize, 512), Unreadable: unread, Removable: opened.Removable,
		Info: ewf.Info{Description: opened.Name, Model: opened.Model, Serial: opened.Serial, Program: c.Program, System: runtime.GOOS, Acquired: c.begun,
			Notes: fmt.Sprintf("%d of %d bytes could not be read", unread.Bytes(), c.m.Size())},
		Progress: func(done, total int64) { c.packing(done, total) },
	})
	if err != nil {
		for n := 1; n <= made; n++ {
			err = errors.Join(err, host.RemoveFile(c.segment(n)+unfinished))
		}
		if host.IsFull(err) {
			err = &host.RefusedError{Exit: host.ExitRefused, Code: "host.target.full", Err: err,
				Why:  fmt.Sprintf("The disk of %s has no room for the image; the raw copy %s is whole.", c.Image, c.target()),
				Next: "Make room there and run the same command again: only the image is made then."}
		}
		return nil, err
	}
	for n := 1; n <= res.Segments; n++ {
		if err := host.MoveFile(c.segment(n)+unfinished, c.segment(n)); err != nil {
			return nil, err
		}
	}
	for n := res.Segments + 1; host.FileSize(c.segment(n)) >= 0; n++ { // of an earlier run with smaller ones
		if err := host.RemoveFile(c.segment(n)); err != nil {
			return nil, err
		}
	}
	if err := c.readBack(ctx, unread); err != nil {
		return nil, err
	}
	if unread.Empty() {
		err = host.RemoveFile(c.target())
	}
	return &res, errors.Join(err, host.SyncDir(filepath.Dir(c.Image)))
}

// readBack reads the image again, by the reader that later runs use, and compares it with the raw copy: before that goes,
// the image must be one.
func (c *imageCopy) readBack(ctx context.Context, unread block.Set) (err error) {
	tables, err := NewTables()
	if err != nil {
		return err
	}
	var opened []*host.Opened
	defer func() {
		for _, o := range opened {
			err = errors.Join(err, o.Close())
		}
	}()
	open := func(name string) (block.Source, error) {
		o, err := host.Open(ctx, filepath.Join(filepath.Dir(c.Image), name), host.OpenOptions{Alone: true})
		if err != nil {
			return nil, err
		}
		opened = append(opened, o)
		return o.Source, nil
	}
	first, err := open(filepath.Base(c.Image))
	if err != nil {
		return err
	}
	image, err := container.Open(ctx, tables.Containers, first, filepath.Base(c.Image), open)
	if err == nil && image == nil {
		err = errors.New("it is no image")
	}
	if err == nil {
		err = c.compare(ctx, image.Source, unread)
	}
	if err != nil {
		return fmt.Errorf("rescue: %s was read again and is not the copy, which stands in %s: %w", c.Image, c.target(), err)
	}
	return nil
}

// compare sees that an image has the bytes of the raw copy, and that it calls unreadable what is.
func (c *imageCopy) compare(ctx context.Context, image block.Source, unread block.Set) error {
	if image.Size() != c.m.Size() {
		return fmt.Errorf("%d bytes, expected %d", image.Size(), c.m.Size())
	}
	var lost block.Set
	for _, u := range block.UnreadableIn(image, block.Extent{Length: image.Size()}) {
		lost.Add(u.Extent)
	}
	if missing := unread.Subtract(lost); !missing.Empty() {
		return fmt.Errorf("%v is unreadable, and not called so", missing.Extents()[0])
	}
	want, got := make([]byte, imaging.ChunkSize), make([]byte, imaging.ChunkSize)
	for e := range c.m.Of(imaging.Finished).Subtract(lost).All() {
		for at := e.Offset; at < e.End(); at += imaging.ChunkSize {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(imaging.ChunkSize, e.End()-at)
			if m, err := c.image.ReadAt(want[:n], at); int64(m) < n {
				return err
			}
			if m, err := image.ReadAt(got[:n], at); int64(m) < n {
				return err
			}
			if !bytes.Equal(want[:n], got[:n]) {
				return fmt.Errorf("other bytes at %v", block.Extent{Offset: at, Length: n})
			}
		}
	}
	return nil
}
