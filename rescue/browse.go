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

// copied returns the numbers of the sources of which something was copied.
func (c *Case) copied() ([]int, error) {
	var numbers []int
	for _, s := range c.Record().Sources {
		had, err := c.ReadMap(s.Number, func(io.Reader) error { return nil })
		if err != nil {
			return nil, err
		}
		if had && s.Unpacked == nil {
			numbers = append(numbers, s.Number)
		}
	}
	return numbers, nil
}

// browse lists what the copies of a case show.
func (c *Case) browse(ctx context.Context) error {
	numbers, err := c.copied()
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return nil
	}
	temp, err := host.TempFolder()
	if err != nil {
		return err
	}
	c.temp = temp
	if c.recipes, err = c.listInto(ctx, temp, numbers, time.Time{}, false); err != nil {
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

// listInto lists what the copies of these numbers show, into a catalogue in the folder dir. It returns the volumes that
// were put together for that, which the case does not know. Behind until, when that is set, files are listed as they
// come, and none is checked any more. early says that the copies are not whole, so that less can be said of a file.
func (c *Case) listInto(ctx context.Context, dir string, numbers []int, until time.Time, early bool) ([]casefile.Virtual, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	cat, err := recovery.OpenCatalog(filepath.Join(dir, "catalog.db"))
	if err != nil {
		return nil, err
	}
	j := &job{browsing: true, until: until, early: early, o: Options{Keys: c.Keys}, c: c.Case, cat: cat, tables: tables, events: unheard{}, labels: map[int]string{}, begun: time.Now(),
		log: slog.New(slog.DiscardHandler)}
	err = c.list(ctx, j, numbers)
	return j.recipes, errors.Join(err, cat.Close())
}

// list does the steps of the main job that find volumes and read their files.
func (c *Case) list(ctx context.Context, j *job, numbers []int) error {
	for _, n := range numbers {
		medium, err := c.Medium(ctx, n)
		if err != nil {
			return err
		}
		j.disk = &disk{number: n, path: c.ImagePath(n), opened: &host.Opened{Name: sourceName(c.Case, n)}, medium: medium}
		j.disks = append(j.disks, j.disk)
		if err := copyLandmarks(ctx, c.Catalog, j.cat, n); err != nil {
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
