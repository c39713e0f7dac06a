package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
)

const (
	// maxSchema is how many entries of the schema are followed, and maxEntry how much of one is read.
	maxSchema = 1 << 17
	maxEntry  = 64 << 10
	maxTitle  = 5   // tables named in a title
	maxName   = 100 // bytes of a name that is shown
)

// entry is one row of the schema that has a b-tree.
type entry struct {
	name  string
	root  uint32
	kind  treeKind
	table bool
	sql   string // of a table, where it is asked for
}

// schema walks the schema on page 1 and returns its entries.
func (w *walker) schema() (list []entry, tables []string, err error) {
	err = w.tree(1, 1, tableTree, func(c *cell) error {
		if len(list) >= maxSchema {
			w.limited = true
			return nil
		}
		p, err := w.record(c)
		if err != nil {
			return err
		}
		e, isTable, ok := w.parseEntry(p)
		if !ok {
			return nil
		}
		e.table = isTable
		if isTable && len(tables) < maxTitle && !strings.HasPrefix(e.name, "sqlite_") {
			tables = append(tables, e.name)
		}
		if e.root > 0 {
			list = append(list, e)
		}
		return nil
	})
	return list, tables, err
}

// record returns the start of the record of c, read through its overflow pages. The chain itself is judged
// elsewhere.
func (w *walker) record(c *cell) ([]byte, error) {
	if c.overflow == 0 {
		return c.local, nil
	}
	p := append(w.seg[:0], c.local...)
	next := c.overflow
	for next != 0 && int64(len(p)) < min(c.payload, maxEntry) {
		if int64(next) > w.src.Size()/w.h.pageSize {
			break
		}
		if err := w.read(int64(next), w.spare); err != nil {
			if errors.Is(err, errGone) {
				break
			}
			return nil, err
		}
		next = binary.BigEndian.Uint32(w.spare)
		p = append(p, w.spare[4:w.h.usable]...)
	}
	w.seg = p
	return p[:min(int64(len(p)), c.payload)], nil
}

// parseEntry reads the columns type, name, tbl_name, rootpage and sql.
func (w *walker) parseEntry(p []byte) (e entry, isTable, ok bool) {
	var what string
	columns(p, func(i int, t uint64, v []byte) bool {
		switch i {
		case 0:
			what = w.text(v)
		case 1:
			e.name = w.text(v)
		case 3:
			var n uint64
			for _, b := range v {
				n = n<<8 | uint64(b)
			}
			if t == 9 {
				n = 1
			}
			if t <= 9 && n <= 1<<32-1 {
				e.root = uint32(n)
			}
			ok = true
		case 4:
			if what == "table" && w.withoutRowid(v) {
				e.kind = indexTree
			}
			if what == "table" && w.keepSQL {
				e.sql = w.decode(v)
			}
		}
		return i < 4
	})
	if what == "index" {
		e.kind = indexTree
	}
	return e, what == "table", ok
}

// withoutRowid looks behind the last bracket of a CREATE TABLE.
func (w *walker) withoutRowid(sql []byte) bool {
	if w.h.encoding > 1 {
		sql = []byte(w.decode(sql))
	}
	tail := bytes.ToUpper(sql[bytes.LastIndexByte(sql, ')')+1:])
	return bytes.Contains(bytes.Join(bytes.Fields(tail), []byte(" ")), []byte("WITHOUT ROWID"))
}

// text gives a name for people.
func (w *walker) text(v []byte) string {
	s := w.decode(v[:min(len(v), 2*maxName)])
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (w *walker) decode(v []byte) string {
	if w.h.encoding <= 1 {
		return string(v)
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if w.h.encoding == 3 {
		order = binary.BigEndian
	}
	u := make([]uint16, len(v)/2)
	for i := range u {
		u[i] = order.Uint16(v[2*i:])
	}
	return string(utf16.Decode(u))
}
