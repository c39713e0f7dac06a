package ewf

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"

	"salvor/block"
	"salvor/cursor"
)

const (
	tableHeader = 24
	// maxTable bounds the entries of a table: one of EnCase has 16,375.
	maxTable = 4 << 20
)

// table says where some chunks stand in a segment.
type table struct {
	segment *segment
	first   int64 // number of its first chunk on the disk
	count   int64
	base    int64
	data    block.Extent // that chunks stand in
	copies  []int64      // where the arrays of the table and of table2 begin
}

// table takes up a table or a table2 section.
func (r *reader) table(x section) error {
	e := x.data()
	b, err := cursor.Read(r.src, "ewf: table", e.Offset, tableHeader, tableHeader)
	if err != nil {
		return err
	}
	c := cursor.New("ewf: table", e.Offset, b)
	t := &table{segment: r.segment, count: int64(c.Uint32())}
	c.Skip(4)
	t.base = int64(c.Uint64())
	c.Skip(4)
	sum := c.Uint32()
	if err := c.Err(); err != nil {
		return err
	}
	if found := adler32.Checksum(b[:tableHeader-4]); found != sum {
		return cursor.Corrupt("ewf: table", e.Offset, fmt.Sprintf("the Adler-32 %#x", sum), fmt.Sprintf("%#x", found))
	}
	array := e.Offset + tableHeader
	if t.count > maxTable || t.count*4 > r.src.Size()-array || t.base < 0 || t.base > r.src.Size() {
		return cursor.Corrupt("ewf: table", e.Offset, "entries inside of the file", t.count)
	}
	if x.kind == "table2" && r.last != nil && r.last.count == t.count && r.last.base == t.base {
		r.last.copies = append(r.last.copies, array)
		r.last = nil
		return nil
	}
	if x.kind == "table2" {
		r.broken(cursor.Corrupt("ewf: table", x.at, "a table before its copy", "the copy alone"))
		r.whole = true // nothing is lost by that
	}
	t.copies = []int64{array}
	t.data = r.sectors
	if e.End() > array+t.count*4+4 {
		// Without sections of their own, the chunks stand behind the entries.
		t.data = block.Between(array, e.End())
	}
	if t.data.Length == 0 {
		t.data = block.Between(headerSize, x.at)
	}
	if t.count > 0 {
		r.tables = append(r.tables, t)
	}
	r.last = t
	if x.kind == "table2" {
		r.last = nil
	}
	return nil
}

// entries is a table in memory.
type entries struct {
	at     []int64 // where each chunk begins, and where the last one ends; -1 where that is not known
	packed []bool
}

// load reads the entries of a table: those of the copy whose check fits. When none does, those are taken in which both
// copies agree; each chunk has a check of its own.
func (t *table) load() (entries, error) {
	var raw [2][]byte
	var err error
	good := -1
	for i, at := range t.copies[:min(2, len(t.copies))] {
		b, e := cursor.Read(t.segment.src, "ewf: table", at, t.count*4, maxTable*4)
		if e != nil {
			err = e
			continue
		}
		raw[i] = b
		sum, e := cursor.Read(t.segment.src, "ewf: table", at+t.count*4, 4, 4)
		if e == nil && binary.LittleEndian.Uint32(sum) == adler32.Checksum(b) {
			good = i
			break
		}
	}
	switch {
	case good >= 0:
		return t.decode(raw[good], nil), nil
	case raw[0] != nil:
		return t.decode(raw[0], raw[1]), nil
	case raw[1] != nil:
		return t.decode(raw[1], nil), nil
	}
	return entries{}, err
}

// decode makes places of entries. An offset has 31 bits, and the highest bit says that the chunk is packed; EnCase 6.7
// let it run over into that bit where a segment is larger than 2 GiB, and wrote what follows without packing it.
func (t *table) decode(b, other []byte) entries {
	n := len(b) / 4
	out := entries{at: make([]int64, n+1), packed: make([]bool, n)}
	over := false
	last := int64(-1)
	for i := range n {
		v := binary.LittleEndian.Uint32(b[4*i:])
		if other != nil && binary.LittleEndian.Uint32(other[4*i:]) != v {
			out.at[i] = -1
			continue
		}
		low := int64(v & 0x7fffffff)
		if v&0x80000000 != 0 && low < last && int64(v) > last && last >= 1<<30 {
			over = true
		}
		if over {
			low = int64(v)
		}
		out.at[i], out.packed[i] = t.base+low, v&0x80000000 != 0 && !over
		last = low
	}
	out.at[n] = t.data.End()
	return out
}
