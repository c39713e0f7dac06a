package rescue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/firmware"
	"salvor/guard"
)

// Image is a firmware image that stands somewhere on a medium: a kernel, a root file system, a boot loader's settings.
type Image struct {
	Source int // the number of the disk or volume
	Offset int64
	Format string
	firmware.Sighting
	// Cut says that the medium ends before the image does.
	Cut bool
}

// Bounds of the search for firmware images among the places that look like one.
const (
	imageTries = 1 << 17
	imageTime  = 5 * time.Second // for one place
	imagesMost = 10_000          // that are listed
)

var moreImages = &finding.Def{Code: "rescue.images.more", Severity: finding.Info,
	Text: "more places look like firmware than are tried; {count} of them were not"}

var noImages = &finding.Def{Code: "rescue.images.medium", Severity: finding.Info,
	Text: "the medium cannot be read ({found}), so that firmware on it is not listed"}

// firmwareImages tells which of the hits on a source begin a firmware image: a magic alone is none, and what stands inside of an
// image is not listed again.
func (t *Tables) firmwareImages(ctx context.Context, number int, src block.Source, hits []probe.Hit) (out []Image, left int, err error) {
	hits = slices.Clone(hits)
	slices.SortFunc(hits, func(a, b probe.Hit) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID)) })
	end := int64(0)
	for i, h := range hits {
		if i == imageTries || len(out) == imagesMost {
			return out, len(hits) - i, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if h.Offset < end || h.Offset >= src.Size() {
			continue
		}
		f := &t.Firmware[t.firmwareOf[h.ID]]
		at := block.Section(src, block.Between(h.Offset, src.Size()))
		var seen firmware.Sighting
		if err := guard.Do(ctx, imageTime, at, func(ctx context.Context, at block.Source) (err error) {
			seen, err = f.Look(ctx, at)
			return err
		}); err != nil {
			continue // it only looked like one
		}
		image := Image{Source: number, Offset: h.Offset, Format: f.Name, Sighting: seen, Cut: seen.Size > src.Size()-h.Offset}
		if image.Title == "" {
			image.Title = f.Title
		}
		out = append(out, image)
		end = h.Offset + min(max(seen.Size, 1), src.Size()-h.Offset)
	}
	return out, 0, nil
}

// Images lists the firmware that stands on the media of a case, by what the reading of them noted.
func (c *Case) Images(ctx context.Context) (out []Image, notes []finding.Finding, err error) {
	t, err := NewTables()
	if err != nil {
		return nil, nil, err
	}
	var numbers []int
	for _, s := range c.Record().Sources {
		numbers = append(numbers, s.Number)
	}
	for _, v := range c.Record().Virtual {
		numbers = append(numbers, v.Number)
	}
	for _, number := range numbers {
		var hits []probe.Hit
		for h, err := range c.Catalog.Landmarks(ctx, number) {
			if err != nil {
				return nil, nil, err
			}
			if _, ok := t.firmwareOf[h.ID]; ok && len(hits) <= imageTries {
				hits = append(hits, h)
			}
		}
		if len(hits) == 0 {
			continue
		}
		medium, err := c.Medium(ctx, number)
		if err != nil {
			notes = append(notes, noImages.New(finding.Expected(nil, err)))
			continue
		}
		found, left, err := t.firmwareImages(ctx, number, medium, hits)
		if err != nil {
			return nil, nil, err
		}
		if left > 0 {
			notes = append(notes, moreImages.New(finding.Arg("count", left)))
		}
		out = append(out, found...)
	}
	return out, notes, nil
}
