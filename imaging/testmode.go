package imaging

import (
	"errors"

	"salvor/block"
)

var errTestMode = errors.New("bad in the map of the test mode")

// TestMode returns src as if all that m does not call finished could not be read: a read that touches it fails as a
// whole. Its size is that of m where m is smaller.
func TestMode(src block.Source, m *Map) block.Source {
	bad := m.Of(NonTried, NonTrimmed, NonScraped, BadSector)
	return &testMode{src: block.Section(src, block.Extent{Length: min(src.Size(), m.Size())}), bad: bad}
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
