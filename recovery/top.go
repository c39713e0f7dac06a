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
		key = -int64(c.mark(i) & 7)
		if key == 0 && !t.down { // nothing is known: behind all that is
			key = 1
		}
	default:
		for j := range 7 { // 56 bits, so that they can be turned round
			key <<= 8
			if j < len(name) {
				key |= int64(name[j])
			}
		}
	}
	if t.down {
		return -key
	}
	return key
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
func (t *top) offer(c *chunk, i int, name []byte) {
	if t.limit <= 0 {
		return
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
