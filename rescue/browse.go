package rescue

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"salvor/block/probe"
	"salvor/casefile"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/volume"
)

// BrowseCase opens a case for looking at it, as [OpenCase] does. When the case holds a copy of which no file was listed
// yet, since the copy is still running, was stopped, or nothing more was asked for, the files are listed now, from what is
// copied so far, into a catalogue that is thrown away when the case is closed. A file that stands on what is not
// copied says so. Carved files are not among them.
// Keys open its encrypted volumes; nil opens none.
func BrowseCase(ctx context.Context, dir, program string, keys volume.Keyring) (*Case, error) {
	c, err := OpenCase(dir, program)
	if err != nil {
		return nil, err
	}
	c.Keys = keys
	rows, err := c.Catalog.Layers(ctx)
	if err != nil || len(rows) > 0 {
		return c, err
	}
	if err := c.browse(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// browse lists what the copies of a case show.
func (c *Case) browse(ctx context.Context) error {
	var numbers []int
	for _, s := range c.Record().Sources {
		had, err := c.ReadMap(s.Number, func(io.Reader) error { return nil })
		if err != nil {
			return err
		}
		if had && s.Unpacked == nil {
			numbers = append(numbers, s.Number)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	tables, err := NewTables()
	if err != nil {
		return err
	}
	temp, err := host.TempFolder()
	if err != nil {
		return err
	}
	c.temp = temp
	cat, err := recovery.OpenCatalog(filepath.Join(temp, "catalog.db"))
	if err != nil {
		return err
	}
	err = c.list(ctx, tables, cat, numbers)
	if err = errors.Join(err, cat.Close()); err != nil {
		return err
	}
	readOnly, err := recovery.OpenCatalogReadOnly(filepath.Join(temp, "catalog.db"))
	if err != nil {
		return err
	}
	old := c.Catalog
	c.Catalog = readOnly
	return old.Close()
}

// list does the steps of the main job that find volumes and read their files.
func (c *Case) list(ctx context.Context, tables *Tables, cat *recovery.Catalog, numbers []int) error {
	j := &job{browsing: true, o: Options{Keys: c.Keys}, c: c.Case, cat: cat, tables: tables, events: unheard{}, labels: map[int]string{}, begun: time.Now(),
		log: slog.New(slog.DiscardHandler)}
	for _, n := range numbers {
		medium, err := c.Medium(ctx, n)
		if err != nil {
			return err
		}
		j.disk = &disk{number: n, path: c.ImagePath(n), opened: &host.Opened{Name: sourceName(c.Case, n)}, medium: medium}
		j.disks = append(j.disks, j.disk)
		if err := copyLandmarks(ctx, c.Catalog, cat, n); err != nil {
			return err
		}
	}
	if err := j.find(ctx); err != nil {
		return err
	}
	return j.each(ctx, j.read)
}

// copyLandmarks takes over what the sweep found on source n so far: volumes that no table names are found by it.
func copyLandmarks(ctx context.Context, from, to *recovery.Catalog, n int) error {
	var hits []probe.Hit
	for h, err := range from.Landmarks(ctx, n) {
		if err != nil {
			return err
		}
		if hits = append(hits, h); len(hits) == batchSize {
			if err := to.PutLandmarks(ctx, n, hits); err != nil {
				return err
			}
			hits = hits[:0]
		}
	}
	return to.PutLandmarks(ctx, n, hits)
}

func sourceName(c *casefile.Case, n int) string {
	for _, s := range c.Record().Sources {
		if s.Number == n {
			return filepath.Base(s.Path)
		}
	}
	return ""
}

// unheard are events that no one is told.
type unheard struct{}

func (unheard) Progress(wire.Progress) {}
func (unheard) Layers([]wire.Layer)    {}
func (unheard) Finding(wire.Finding)   {}
