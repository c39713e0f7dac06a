package imaging

import (
	"container/heap"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"

	"salvor/cursor"
)

// mergeBuffer is the memory for each ascending part of a sums file while it is merged; it holds many lines.
const mergeBuffer = 4096

// ListHash returns the list hash of a sums file of size bytes: the SHA-256 over its lines in order of offset,
// where of lines that overlap the last one counts. Lines that break the format are passed over.
//
// A medium that is read in order gives a file in order. One that is read in another order gives a file of several
// ascending parts, which are merged; memory grows with their number only.
func ListHash(r io.ReaderAt, size int64) (sum [sha256.Size]byte, err error) {
	starts := []int64{0}
	end := int64(0)
	for s, err := range readLines(io.NewSectionReader(r, 0, size), 64<<10) {
		if _, broken := cursor.IsCorrupt(err); broken {
			continue
		}
		if err != nil {
			return sum, err
		}
		if s.Offset < end {
			starts = append(starts, s.at)
		}
		end = s.End()
	}
	starts = append(starts, size)
	var m merge
	defer func() {
		for _, p := range m {
			p.stop()
		}
	}()
	for i := range len(starts) - 1 {
		p := &part{number: i}
		p.next, p.stop = iter.Pull2(readLines(io.NewSectionReader(r, starts[i], starts[i+1]-starts[i]), mergeBuffer))
		ok, err := p.advance()
		if err != nil {
			p.stop()
			return sum, err
		}
		if ok {
			m = append(m, p)
		}
	}
	heap.Init(&m)

	h := sha256.New()
	var line []byte
	put := func(s Sum) {
		if s.Length > 0 {
			line = s.appendLine(line[:0])
			h.Write(line)
		}
	}
	var kept Sum
	from := -1
	for len(m) > 0 {
		p := m[0]
		switch s := p.head; {
		case !s.Overlaps(kept.Extent):
			put(kept)
			kept, from = s, p.number
		case p.number >= from:
			kept, from = s, p.number
		}
		ok, err := p.advance()
		if err != nil {
			return sum, err
		}
		if ok {
			heap.Fix(&m, 0)
		} else {
			heap.Pop(&m)
		}
	}
	put(kept)
	h.Sum(sum[:0])
	return sum, nil
}

// part is an ascending part of a sums file.
type part struct {
	number int
	head   Sum
	next   func() (sumLine, error, bool)
	stop   func()
}

func (p *part) advance() (bool, error) {
	for {
		s, err, ok := p.next()
		if !ok {
			p.stop()
			return false, nil
		}
		if _, broken := cursor.IsCorrupt(err); broken {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("sums file: %w", err)
		}
		p.head = s.Sum
		return true, nil
	}
}

// merge is a heap of parts by the offset of their next line, of equal ones the earlier part first.
type merge []*part

func (m merge) Len() int { return len(m) }
func (m merge) Less(i, j int) bool {
	if m[i].head.Offset != m[j].head.Offset {
		return m[i].head.Offset < m[j].head.Offset
	}
	return m[i].number < m[j].number
}
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)   { *m = append(*m, x.(*part)) }
func (m *merge) Pop() any {
	old := *m
	p := old[len(old)-1]
	*m = old[:len(old)-1]
	return p
}
