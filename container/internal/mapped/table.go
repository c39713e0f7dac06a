package mapped

import (
	"encoding/binary"
	"errors"
	"io"

	"salvor/block"
	"salvor/cursor"
)

// Tables are read in pages, of which the last ones stay in memory.
const (
	pageBytes = 32 << 10
	pageCount = 256
)

// Tables reads numbers out of tables that are too large to be kept.
type Tables struct {
	src   block.Source
	pages *Cache[int64, []byte]
}

// NewTables returns a reader of tables in src.
func NewTables(src block.Source) *Tables {
	return &Tables{src: src, pages: NewCache[int64, []byte](pageCount * pageBytes)}
}

// Bytes returns n bytes at off, at most a page of them, which must not be changed. name is the structure for errors: a
// *cursor.CorruptError when the source ends before, a *block.UnreadableError where it cannot be read.
func (t *Tables) Bytes(name string, off int64, n int) ([]byte, error) {
	if off < 0 || off > t.src.Size()-int64(n) || n > pageBytes {
		return nil, cursor.Corrupt(name, off, "a place inside of the file", t.src.Size())
	}
	at := off / pageBytes * pageBytes
	if page, ok := t.page(at); ok && off-at+int64(n) <= int64(len(page)) {
		return page[off-at : off-at+int64(n)], nil
	}
	// The entry stands on two pages, or beside bytes that cannot be read.
	b := make([]byte, n)
	if m, err := t.src.ReadAt(b, off); m < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = cursor.Corrupt(name, off, n, m)
		}
		return nil, err
	}
	return b, nil
}

func (t *Tables) page(at int64) ([]byte, bool) {
	if p, ok := t.pages.Get(at); ok {
		return p, true
	}
	p := make([]byte, min(pageBytes, t.src.Size()-at))
	if n, _ := t.src.ReadAt(p, at); n < len(p) { // the caller reads what it needs, and meets the error
		return nil, false
	}
	t.pages.Put(at, p, len(p))
	return p, true
}

// Uint32 reads four bytes, the low one first.
func (t *Tables) Uint32(name string, off int64) (uint32, error) {
	b, err := t.Bytes(name, off, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// Uint32BE reads four bytes, the high one first.
func (t *Tables) Uint32BE(name string, off int64) (uint32, error) {
	b, err := t.Bytes(name, off, 4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

// Uint64 reads eight bytes, the low one first.
func (t *Tables) Uint64(name string, off int64) (uint64, error) {
	b, err := t.Bytes(name, off, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// Uint64BE reads eight bytes, the high one first.
func (t *Tables) Uint64BE(name string, off int64) (uint64, error) {
	b, err := t.Bytes(name, off, 8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}
