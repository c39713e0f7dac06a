package recovery

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// candidate is a row that may stand on the page.
type candidate struct {
	key  int64
	name []byte
	seq  int64
}

// top keeps the first rows behind a place, in an order.
type top struct {
	sort  Sort
	down  bool
	limit int
	after *candidate
	list  []candidate
}

// topNameKey is what a name is sorted by first: 56 bits, so that they can be turned round.
func topNameKey[T string | []byte](name T) (key int64) {
	for j := range 7 {
		key <<= 8
		if j < len(name) {
			key |= int64(name[j])
		}
	}
	return key
}

// rank returns by what marks are sorted by verdict: lower comes first.
func (t *top) rank(marks uint16) int {
	v := int(marks & 7)
	switch {
	case t.down:
		return v
	case v == 0: // nothing is known: behind all that is
		return 1
	}
	return -v
}

// key returns what row i is sorted by before its name: lower comes first.
func (t *top) key(c *chunk, i int, name []byte) int64 {
	var key int64
	switch t.sort {
	case SortSize:
		key = c.size(i)
	case SortTime:
		if key = c.time(i); key == noTime { // last, whichever way
			return math.MaxInt64
		}
	case SortVerdict:
		return int64(t.rank(c.mark(i)))
	default:
		key = topNameKey(name)
	}
	if t.down {
		return -key
	}
	return key
}

// bounds returns the keys between which those of a chunk are. rank is the best of its verdicts.
func (t *top) bounds(d *digest, rank int) (least, most int64) {
	switch t.sort {
	case SortSize:
		least, most = d.least, d.most
	case SortTime:
		if d.early > d.late {
			return math.MaxInt64, math.MaxInt64
		}
		if least, most = d.early, d.late; t.down {
			least, most = -most, -least
		}
		if d.timeless {
			most = math.MaxInt64
		}
		return least, most
	case SortVerdict:
		return int64(rank), math.MaxInt64
	default:
		least, most = topNameKey(d.first), topNameKey(d.last)
	}
	if t.down {
		return -most, -least
	}
	return least, most
}

// passes reports whether no row of a chunk can stand on the page.
func (t *top) passes(d *digest, rank int) bool {
	least, most := t.bounds(d, rank)
	return t.limit <= 0 || len(t.list) == t.limit && least > t.list[len(t.list)-1].key || t.after != nil && most < t.after.key
}

// compare orders two rows.
func (t *top) compare(a, b *candidate) int {
	if n := cmp.Compare(a.key, b.key); n != 0 {
		return n
	}
	if t.sort == SortName {
		if n := bytes.Compare(a.name, b.name); n != 0 {
			if t.down {
				return -n
			}
			return n
		}
	}
	return cmp.Compare(a.seq, b.seq)
}

// offer takes row i when it is among the first.
func (t *top) offer(c *chunk, i int) {
	if t.limit <= 0 {
		return
	}
	var name []byte
	if t.sort == SortName {
		name = c.name(i)
	}
	n := candidate{key: t.key(c, i, name), seq: c.seq(i)}
	full := len(t.list) == t.limit
	if full && n.key > t.list[len(t.list)-1].key {
		return
	}
	if t.sort == SortName {
		n.name = name
	}
	if t.after != nil && t.compare(&n, t.after) <= 0 || full && t.compare(&n, &t.list[len(t.list)-1]) >= 0 {
		return
	}
	n.name = bytes.Clone(n.name) // the chunk goes
	at, _ := slices.BinarySearchFunc(t.list, n, func(a, b candidate) int { return t.compare(&a, &b) })
	if full {
		t.list = t.list[:len(t.list)-1]
	}
	t.list = slices.Insert(t.list, at, n)
}

// shelf keeps the first names of folders behind a name, each once.
type shelf struct {
	limit int
	after string
	names []string
	used  []bool // of the folders of the chunk that is looked at, those with something that is meant
}

func (s *shelf) enter(folders int) { s.used = append(s.used[:0], make([]bool, folders)...) }

// compareFolders orders names of folders as people do, and tells apart those that differ in case alone.
func compareFolders(a, b string) int {
	return cmp.Or(cmp.Compare(foldName(a), foldName(b)), cmp.Compare(a, b))
}

func (s *shelf) offer(name string) {
	if s.limit <= 0 || name == "" || s.after != "" && compareFolders(name, s.after) <= 0 {
		return
	}
	at, known := slices.BinarySearchFunc(s.names, name, compareFolders)
	if known || at == s.limit {
		return
	}
	if len(s.names) == s.limit {
		s.names = s.names[:s.limit-1]
	}
	s.names = slices.Insert(s.names, at, name)
}
