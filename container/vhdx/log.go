package vhdx

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

const (
	page     = 4 << 10
	maxLog   = 64 << 20
	descSize = 32
)

// entry is one of the log.
type entry struct {
	at     int64 // in the log
	size   int64
	tail   int64 // where the sequence of entries begins that it belongs to
	number uint64
	end    int64            // of the file
	pages  map[int64][]byte // by their places in the file
	zeroed []block.Extent
}

// parseEntry reads the entry that stands at a place of the log, whose ring is in memory. Its size is taken from budget.
func parseEntry(ring []byte, at int64, id guid, budget *int64) (*entry, error) {
	corrupt := func(expected, found any) (*entry, error) {
		return nil, cursor.Corrupt("vhdx: log entry", at, expected, found)
	}
	around := func(at, n int64) []byte {
		b := make([]byte, 0, n)
		for at %= int64(len(ring)); n > 0; at = 0 {
			k := min(n, int64(len(ring))-at)
			b = append(b, ring[at:at+k]...)
			n -= k
		}
		return b
	}
	head := around(at, 64)
	c := cursor.New("vhdx: log entry", at, head)
	magic := c.Bytes(4)
	c.Skip(4)
	e := &entry{at: at, size: int64(c.Uint32()), tail: int64(c.Uint32()), number: c.Uint64()}
	count := int64(c.Uint32())
	c.Skip(4)
	var owner guid
	copy(owner[:], c.Bytes(16))
	c.Skip(8)
	e.end = int64(c.Uint64())
	switch {
	case string(magic) != "loge":
		return corrupt("loge", fmt.Sprintf("%q", magic))
	case owner != id:
		return corrupt("an entry of this log", owner)
	case e.size < page || e.size%page != 0 || e.size > int64(len(ring)) || e.tail%page != 0 || e.tail >= int64(len(ring)) || e.number == 0:
		return corrupt("a size inside of the log", e.size)
	}
	*budget -= e.size
	b := around(at, e.size)
	if !checked(b) {
		return corrupt("a CRC-32C that fits", "another one")
	}
	sectors := (64 + count*descSize + page - 1) / page * page
	if sectors > e.size {
		return corrupt("descriptors inside of the entry", count)
	}
	e.pages = map[int64][]byte{}
	data := b[sectors:]
	for i := range count {
		d := cursor.New("vhdx: log descriptor", at+64+i*descSize, b[64+i*descSize:][:descSize])
		kind := string(d.Bytes(4))
		trailing := d.Bytes(4)
		leading, place, number := d.Uint64(), int64(d.Uint64()), d.Uint64()
		if number != e.number || place < 0 || place%page != 0 {
			return corrupt("descriptors of the entry", number)
		}
		switch kind {
		case "zero":
			e.zeroed = append(e.zeroed, block.Extent{Offset: place, Length: int64(leading)})
		case "desc":
			if len(data) < page || string(data[:4]) != "data" {
				return corrupt("a page of data for each descriptor", "none")
			}
			p := make([]byte, page)
			binary.LittleEndian.PutUint64(p, leading)
			copy(p[8:], data[8:page-4])
			copy(p[page-4:], trailing)
			e.pages[place] = p
			data = data[page:]
		default:
			return corrupt("descriptors that are known", fmt.Sprintf("%q", kind))
		}
	}
	return e, nil
}

// replay returns src with what its log holds. count is how many pages that changes.
func replay(src block.Source, h *header) (out block.Source, count int, err error) {
	if h.len < page || h.len > maxLog || h.len%page != 0 {
		return src, 0, cursor.Corrupt("vhdx: log", h.logAt, fmt.Sprintf("up to %d bytes", maxLog), h.len)
	}
	ring, err := cursor.Read(src, "vhdx: log", h.logAt, h.len, maxLog)
	if err != nil {
		return src, 0, err
	}
	list := sequence(ring, h.log)
	if len(list) == 0 {
		return src, 0, cursor.Corrupt("vhdx: log", h.logAt, "entries that belong together", "none")
	}
	r := &replayed{src: src, size: src.Size(), pages: map[int64][]byte{}}
	for _, e := range list {
		r.size = max(r.size, min(e.end, src.Size()+maxLog))
		for _, z := range e.zeroed {
			r.zero(z)
		}
		for at, p := range e.pages {
			r.pages[at] = p
			r.zeros.Remove(block.Extent{Offset: at, Length: page})
		}
	}
	return r, len(r.pages), nil
}

// Bounds of the work over a log that lies.
const (
	maxParsed = 4       // times the log, in bytes of entries
	maxSteps  = 1 << 20 // from entry to entry
)

// sequence returns the entries to replay, in order: they end with the whole entry of the highest number from whose tail
// on all are whole, with numbers one behind the other.
func sequence(ring []byte, id guid) []*entry {
	by := map[int64]*entry{}
	var all []*entry
	size := int64(len(ring))
	budget := maxParsed * size
	for at := int64(0); at < size && budget > 0; at += page {
		e, err := parseEntry(ring, at, id, &budget)
		if err == nil {
			by[at] = e
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(b.number, a.number) })
	steps := maxSteps
	for _, last := range all {
		var list []*entry
		for at := last.tail; steps > 0; steps-- {
			e := by[at]
			if e == nil || len(list) > 0 && e.number != list[len(list)-1].number+1 {
				break
			}
			if list = append(list, e); e == last {
				return list
			}
			at = (at + e.size) % size
		}
	}
	return nil
}

// replayed is a file with what its log changes.
type replayed struct {
	src   block.Source
	size  int64
	pages map[int64][]byte
	zeros block.Set
}

func (r *replayed) zero(e block.Extent) {
	if e = e.Intersect(block.Extent{Length: r.size}); e.Length == 0 {
		return
	}
	for at := range r.pages {
		if e.Has(at) {
			delete(r.pages, at)
		}
	}
	r.zeros.Add(e)
}

func (r *replayed) Size() int64 { return r.size }

// changed reports whether a page comes out of the log.
func (r *replayed) changed(at int64) bool { return r.pages[at] != nil || r.zeros.Has(at) }

func (r *replayed) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, block.ErrNegativeOffset
	case len(p) == 0:
		return 0, nil
	case off >= r.size:
		return 0, io.EOF
	}
	end := error(nil)
	if left := r.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	for n := 0; n < len(p); {
		at := (off + int64(n)) / page * page
		in := off + int64(n) - at
		if r.changed(at) {
			part := p[n:min(len(p), n+int(page-in))]
			clear(part)
			if b := r.pages[at]; b != nil {
				copy(part, b[in:])
			}
			n += len(part)
			continue
		}
		stop := at + page
		for stop < off+int64(len(p)) && !r.changed(stop) {
			stop += page
		}
		part := p[n:min(int64(len(p)), stop-off)]
		m, err := r.src.ReadAt(part, off+int64(n))
		if n += m; m < len(part) {
			return n, err
		}
	}
	return len(p), end
}

// Unreadable tells what src knows, but for what comes out of the log.
func (r *replayed) Unreadable(within block.Extent) []block.Unreadable {
	return slices.DeleteFunc(block.UnreadableIn(r.src, within), func(u block.Unreadable) bool {
		return r.changed(u.Offset / page * page)
	})
}
