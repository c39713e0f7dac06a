package carve

import (
	"sync"

	"salvor/block"
	"salvor/filetype"
)

// ledger counts, for each format, the bytes that were read to judge files of it.
type ledger struct {
	mu   sync.Mutex
	read map[string]int64
}

func (l *ledger) add(f *filetype.Format, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read == nil {
		l.read = map[string]int64{}
	}
	l.read[f.Name] += n
}

// meter counts what is read of a source, for one goroutine.
type meter struct {
	block.Source
	n int64
}

func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.Source.ReadAt(p, off)
	m.n += int64(n)
	return n, err
}

func (m *meter) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(m.Source, within)
}

func (m *meter) Origin(within block.Extent) []block.Run { return block.Origin(m.Source, within) }

const (
	slotSize = 64 << 10
	slots    = 64
)

// cache keeps what was read of a source in the last places, for one goroutine: the search for a piece reads the same
// bytes many times, a few at a time.
type cache struct {
	block.Source
	slot [slots]struct {
		at int64 // offset, plus one; 0 for none
		p  []byte
	}
}

func (c *cache) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > slotSize || off < 0 || off+int64(len(p)) > c.Source.Size() {
		return c.Source.ReadAt(p, off)
	}
	done := 0
	for done < len(p) {
		at := (off + int64(done)) &^ (slotSize - 1)
		s := &c.slot[at/slotSize%slots]
		if s.at != at+1 {
			if s.p == nil {
				s.p = make([]byte, slotSize)
			}
			s.at = 0
			want := int(min(slotSize, c.Source.Size()-at))
			n, _ := c.Source.ReadAt(s.p[:want], at)
			if n < want { // part of it cannot be read: the source itself says what of p
				n, err := c.Source.ReadAt(p[done:], off+int64(done))
				return done + n, err
			}
			s.at = at + 1
		}
		done += copy(p[done:], s.p[off+int64(done)-at:min(slotSize, c.Source.Size()-at)])
	}
	return done, nil
}

func (c *cache) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(c.Source, within)
}

func (c *cache) Origin(within block.Extent) []block.Run { return block.Origin(c.Source, within) }
