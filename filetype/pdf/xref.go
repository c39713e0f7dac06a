package pdf

import (
	"fmt"

	"salvor/cursor"
)

// entry says where an object stands.
type entry struct {
	off  int64 // in the file; of packed objects, the number of the object stream
	gen  uint16
	kind uint8
}

// Kinds of entries.
const (
	unknown = iota
	free
	plain
	packed
)

// table holds the entries by object number, in pieces made when they are needed.
type table struct {
	pieces map[int64]*[1024]entry
	count  int
}

const (
	maxObjects = 4 << 20
	maxNumber  = 1 << 23 // as Annex C of the standard says
	maxChain   = 4096    // cross-references, one for each change
)

// set sets the entry of an object unless a newer cross-reference did. It reports false past the limits.
func (t *table) set(num int64, e entry) bool {
	if num < 0 || num > maxNumber || t.count >= maxObjects {
		return false
	}
	if t.pieces == nil {
		t.pieces = map[int64]*[1024]entry{}
	}
	p := t.pieces[num>>10]
	if p == nil {
		p = new([1024]entry)
		t.pieces[num>>10] = p
	}
	if s := &p[num&1023]; s.kind == unknown {
		*s = e
		t.count++
	}
	return true
}

func (t *table) get(num int64) entry {
	if p := t.pieces[num>>10]; p != nil && num >= 0 {
		return p[num&1023]
	}
	return entry{}
}

// crossReference reads the chain of cross-references that begins at off, below end, into x.objects, and
// the newest trailer into x.trailer.
func (x *exam) crossReference(off, end int64) error {
	x.objects, x.trailer = table{}, nil
	seen := cursor.NewVisited(maxChain)
	var queue []int64
	for queue = append(queue, off); len(queue) > 0; {
		off, queue = queue[0], queue[1:]
		if off < 0 || off >= end {
			return cursor.Corrupt("pdf: cross-reference", off, fmt.Sprintf("a place before %d", end), off)
		}
		if !seen.Enter(off) {
			return cursor.Corrupt("pdf: cross-reference", off, "a chain without a loop", "one it came from")
		}
		trailer, err := x.section(off, end)
		if err != nil {
			return err
		}
		if x.trailer == nil {
			x.trailer = trailer
		}
		if v, ok := trailer["XRefStm"].(int64); ok {
			queue = append(queue, v)
		}
		if v, ok := trailer["Prev"].(int64); ok {
			queue = append(queue, v)
		}
	}
	return nil
}

// section reads one cross-reference and returns its trailer.
func (x *exam) section(off, end int64) (dict, error) {
	p, err := x.w.Upto(off, 32)
	if len(p) == 0 {
		return nil, err
	}
	l := &lexer{b: p[:min(len(p), 64)]}
	if l.keyword("xref") {
		return x.plainSection(off+int64(l.at), end)
	}
	o, err := x.object(off)
	if err != nil {
		return nil, err
	}
	if o.dict == nil || o.dict["Type"] != name("XRef") || !o.stream {
		return nil, cursor.Corrupt("pdf: cross-reference", off, "a table or a stream of one", "another object")
	}
	if err := x.streamSection(o); err != nil {
		return nil, err
	}
	return o.dict, nil
}

// plainSection reads a table, of which the word xref is stepped over, and its trailer.
func (x *exam) plainSection(off, end int64) (dict, error) {
	for {
		p, err := x.w.Upto(off, 40)
		if len(p) == 0 {
			return nil, err
		}
		l := &lexer{b: p}
		if l.keyword("trailer") {
			v, _, err := x.parse(off + int64(l.at))
			if err != nil {
				return nil, err
			}
			d, ok := v.(dict)
			if !ok {
				return nil, cursor.Corrupt("pdf: trailer", off, "a dictionary", "another object")
			}
			return d, nil
		}
		first, ok1 := l.integer()
		count, ok2 := l.integer()
		if !ok1 || !ok2 {
			return nil, cursor.Corrupt("pdf: cross-reference table", off, "numbers of objects, or the trailer", "other bytes")
		}
		for l.at < len(p) && (p[l.at] == ' ' || p[l.at] == '\t') {
			l.at++
		}
		if l.at < len(p) && p[l.at] == '\r' {
			l.at++
		}
		if l.at < len(p) && p[l.at] == '\n' {
			l.at++
		}
		off += int64(l.at)
		if count > (end-off)/20+1 || first > maxNumber {
			return nil, cursor.Corrupt("pdf: cross-reference table", off, fmt.Sprintf("up to %d entries", (end-off)/20), count)
		}
		for i := range count {
			e, err := x.w.Bytes(off, 18)
			if err != nil {
				return nil, err
			}
			if err := x.plainEntry(first+i, off, e); err != nil {
				return nil, err
			}
			off += 20
		}
	}
}

// plainEntry reads one entry of a table: ten digits, five digits, and n or f.
func (x *exam) plainEntry(num, off int64, e []byte) error {
	l := &lexer{b: e}
	place, ok1 := l.integer()
	gen, ok2 := l.integer()
	if !ok1 || !ok2 || l.at != 16 || gen > 65535 || e[10] != ' ' || e[17] != 'n' && e[17] != 'f' {
		return cursor.Corrupt("pdf: cross-reference table", off, "an entry", fmt.Sprintf("%q", e))
	}
	n := entry{off: place, gen: uint16(gen), kind: plain}
	if e[17] == 'f' || place == 0 {
		n.kind = free
	}
	if !x.objects.set(num, n) {
		x.tooMany = true
	}
	return nil
}

// streamSection reads a cross-reference stream.
func (x *exam) streamSection(o *object) error {
	var width [3]int
	w, _ := o.dict["W"].(array)
	for i := range width {
		if i < len(w) {
			v, _ := w[i].(int64)
			width[i] = int(max(min(v, 9), 0))
		}
	}
	each := width[0] + width[1] + width[2]
	if len(w) != 3 || width[1] == 0 || width[1] > 8 || each > 20 {
		return cursor.Corrupt("pdf: cross-reference stream", o.off, "three widths of fields", fmt.Sprint(w))
	}
	index, _ := o.dict["Index"].(array)
	if len(index) == 0 {
		size, _ := o.dict["Size"].(int64)
		index = array{int64(0), size}
	}
	data, err := x.decode(o, maxDecoded)
	if err != nil {
		return err
	}
	field := func(p []byte) (v int64) {
		for _, b := range p {
			v = v<<8 | int64(b)
		}
		return v
	}
	for i := 0; i+1 < len(index); i += 2 {
		first, ok1 := index[i].(int64)
		count, ok2 := index[i+1].(int64)
		if !ok1 || !ok2 || first < 0 || count < 0 || count > int64(len(data)/each) {
			return cursor.Corrupt("pdf: cross-reference stream", o.off, fmt.Sprintf("up to %d entries", len(data)/each), fmt.Sprint(index[i], index[i+1]))
		}
		for n := range count {
			p := data[:each]
			data = data[each:]
			kind := int64(1)
			if width[0] > 0 {
				kind = field(p[:width[0]])
			}
			e := entry{off: field(p[width[0] : width[0]+width[1]]), kind: free}
			switch kind {
			case 1:
				e.kind, e.gen = plain, uint16(field(p[width[0]+width[1]:]))
			case 2:
				e.kind = packed
			}
			if !x.objects.set(first+n, e) {
				x.tooMany = true
			}
		}
	}
	return nil
}
