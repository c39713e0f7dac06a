package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
	"salvor/recovery"
	"salvor/volume"
)

// Case is a case that is open for looking at it: its record, its catalogue and the bytes of its source.
type Case struct {
	*casefile.Case
	Catalog *recovery.Catalog
	Keys    volume.Keyring // the secrets of encrypted volumes; nil for none
	// Absent tells of the disks that volumes were put together without.
	Absent  []finding.Finding
	volumes map[int]*layers.Volume // those that were put together again, by number
	depth   int
	opened  []*host.Opened
	media   map[int]block.Source
	inside  map[int]*inside    // of the sources that are images in containers
	temp    string             // folder of a catalogue that is thrown away; "" for none
	recipes []casefile.Virtual // of volumes that are listed there, and are not part of the record
	listing *Listing           // that this was opened with; nil for none
}

// OpenCase opens the case in dir for reading, which can be done while a job works in it.
func OpenCase(dir, program string) (*Case, error) {
	c, err := casefile.Open(dir, casefile.Reader, casefile.Options{Program: program})
	if err != nil {
		return nil, err
	}
	cat, err := recovery.OpenCatalogReadOnly(c.CatalogPath())
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &Case{Case: c, Catalog: cat}, nil
}

// Close closes all that was opened.
func (c *Case) Close() error {
	errs := []error{c.closeMedia(), c.Catalog.Close(), c.Case.Close()}
	if c.temp != "" {
		errs = append(errs, host.RemoveTemp(c.temp))
	}
	if c.listing != nil {
		errs = append(errs, c.listing.release())
	}
	return errors.Join(errs...)
}

func (c *Case) closeMedia() error {
	var errs []error
	for _, o := range c.opened {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// Medium returns the bytes of a source as far as they were read: from the copy, or from the image file that
// is used in place, which is refused when it is not what it was. It is opened once.
func (c *Case) Medium(ctx context.Context, source int) (block.Source, error) {
	if m, ok := c.media[source]; ok {
		return m, nil
	}
	m, err := c.openAny(ctx, source)
	if err == nil {
		if c.media == nil {
			c.media = map[int]block.Source{}
		}
		c.media[source] = m
	}
	return m, err
}

func (c *Case) openMedium(ctx context.Context, source int) (block.Source, error) {
	for _, s := range c.Record().Sources {
		if s.Number != source {
			continue
		}
		p := c.ImagePath(source)
		if s.InPlace {
			p = s.Path
		}
		o, err := host.Open(ctx, p, host.OpenOptions{})
		if err != nil {
			return nil, err
		}
		c.opened = append(c.opened, o)
		if s.InPlace {
			identity, err := o.Identity(ctx)
			if err == nil {
				err = casefile.SameSource(s, identity)
			}
			if err != nil {
				return nil, err
			}
		}
		medium := o.Source
		if s.Unpacked != nil {
			medium = unpackedSource(medium, s.Unpacked)
		}
		if s.Container != nil && (s.InPlace || s.Unpacked != nil) {
			if medium, err = c.enter(ctx, s, o, medium); err != nil {
				return nil, err
			}
		}
		m := imaging.NewMap(s.MediumSize())
		if _, err := c.ReadMap(source, func(r io.Reader) error {
			old, err := imaging.ReadMap(r)
			if err == nil {
				m = old.Fit(s.MediumSize())
			}
			return err
		}); err != nil {
			return nil, fmt.Errorf("rescue: the map of the copy: %w", err)
		}
		return imaging.CopySource(medium, m, 0), nil
	}
	return nil, fmt.Errorf("rescue: the case has no source %d", source)
}

// Labels returns the labels of the case's volumes by number.
func (c *Case) Labels(ctx context.Context) (map[int]string, error) {
	rows, err := c.Catalog.Layers(ctx)
	if err != nil {
		return nil, err
	}
	labels := map[int]string{}
	byID := map[string]recovery.LayerRow{}
	for _, r := range rows {
		byID[r.ID] = r
	}
	for _, r := range rows {
		if r.Volume > 0 {
			labels[r.Volume] = labelOf(r.Label, r.Kind, func(yield func(kind, label string) bool) {
				p, ok := byID[r.Parent]
				for n := 0; ok && n < len(rows) && yield(p.Kind, p.Label); n++ {
					p, ok = byID[p.Parent]
				}
			})
		}
	}
	return labels, nil
}
