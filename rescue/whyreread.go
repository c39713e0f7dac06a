package rescue

import (
	"context"
	"fmt"
	"io"

	"salvor/block"
	"salvor/casefile"
	"salvor/cursor"
	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/imaging"
)

// maxAgain bounds the places that were read more than once of which the first hash is looked up; most media have none.
const maxAgain = 1 << 16

// readings notes a place that the log of reads of a source has twice, each time whole and with another hash.
func (g *gathering) readings(ctx context.Context, c *Case, sources []casefile.Source) error {
	for _, s := range sources {
		var place block.Extent
		if _, err := c.ReadSums(s.Number, func(_ io.Reader, at io.ReaderAt, size int64) (err error) {
			place, err = unsteady(ctx, func() io.Reader { return io.NewSectionReader(at, 0, size) })
			return err
		}); err != nil {
			return err
		}
		if place.Length > 0 {
			g.fact("fault.reread", "changes", fmt.Sprintf("%d bytes of the storage, at byte %d, were read twice, and were other ones each time", place.Length, place.Offset),
				diagnosis.Place{Input: g.why.Case, Offset: place.Offset, Length: place.Length})
			g.device.StorageSound = plan.No
		}
	}
	return nil
}

// unsteady returns the first place of a log of reads that has two hashes; its length is 0 when there is none. The log is
// read twice, so that memory is that of what was read again and not of the medium.
func unsteady(ctx context.Context, log func() io.Reader) (block.Extent, error) {
	again := map[block.Extent][]imaging.Sum{}
	var read block.Set
	err := eachSum(ctx, log(), func(s imaging.Sum) bool {
		if read.Overlaps(s.Extent) && len(again) < maxAgain {
			again[s.Extent] = nil
		}
		read.Add(s.Extent)
		return true
	})
	if err != nil || len(again) == 0 {
		return block.Extent{}, err
	}
	var place block.Extent
	err = eachSum(ctx, log(), func(s imaging.Sum) bool {
		list, asked := again[s.Extent]
		switch {
		case !asked:
		case len(list) == 0:
			again[s.Extent] = []imaging.Sum{s}
		case list[0].Hash != s.Hash:
			place = s.Extent
		}
		return place.Length == 0
	})
	return place, err
}

// eachSum calls f with the lines that have a hash, until it returns false; broken lines are passed over.
func eachSum(ctx context.Context, r io.Reader, f func(imaging.Sum) bool) error {
	for s, err := range imaging.ReadSums(r) {
		if _, broken := cursor.IsCorrupt(err); broken || err == nil && s.Bad {
			continue
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f(s) {
			return nil
		}
	}
	return nil
}
