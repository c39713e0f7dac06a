package imaging

import (
	"errors"

	"salvor/block"
)

var errTestMode = errors.New("bad in the map of the test mode")

// TestMode returns src as if all that m does not call finished could not be read: a read that touches it fails as a
// whole. It ends where the last finished block of m does, as in the test mode of GNU ddrescue.
func TestMode(src block.Source, m *Map) block.Source {
	bad := m.Of(NonTried, NonTrimmed, NonScraped, BadSector)
	end := int64(0)
	if good := m.Of(Finished).Extents(); len(good) > 0 {
		end = good[len(good)-1].End()
	}
	return &testMode{src: block.Section(src, block.Extent{Length: min(src.Size(), end)}), bad: bad}
}

type testMode struct {
	src block.Source
	bad block.Set
}

func (t *testMode) Size() int64 { return t.src.Size() }

func (t *testMode) ReadAt(p []byte, off int64) (int, error) {
	e := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(block.Extent{Length: t.Size()})
	if t.bad.Overlaps(e) {
		return 0, block.NewUnreadable(e, block.Bad, errTestMode)
	}
	return t.src.ReadAt(p, off)
}
