package ntfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

const (
	chunkSize = 1 << 20 // of the table, read at once when all of it is
	pageSize  = 64 << 10
	maxPages  = 64 // 4 MiB of the table, for records that are asked for by number
)

// table reads records of the master file table. It is safe for concurrent use.
type table struct {
	src        block.Source // the volume
	recordSize int64
	runs       []block.Run // of the table on the volume, normalized
	size       int64       // bytes
	stream     block.Source
	mended     map[int64][]byte // records that were read from the mirror, as they stand there
	mendedAt   map[int64]int64  // and where on the volume

	mu    sync.Mutex
	pages map[int64][]byte
	order []int64 // of pages, the oldest first
}

func newTable(src block.Source, recordSize int64, runs []block.Run, size int64) *table {
	runs = block.Normalize(runs, size)
	return &table{src: src, recordSize: recordSize, runs: runs, size: size, stream: block.Join(src, runs, size),
		mended: map[int64][]byte{}, mendedAt: map[int64]int64{}, pages: map[int64][]byte{}}
}

// count returns the number of records that the table has room for.
func (t *table) count() int64 { return t.size / t.recordSize }

// parse decodes the record that stands in b, a copy of its own.
func (t *table) parse(b []byte, number int64) (record, error) {
	off := int64(-1)
	if p := block.Slice(t.runs, block.Extent{Offset: number * t.recordSize, Length: 1}); len(p) > 0 && p[0].Kind.Stands() {
		off = p[0].Physical
	}
	r, err := parseRecord(b, number, off)
	r.runs, r.logical = t.runs, number*t.recordSize
	if m := t.mended[number]; m != nil && err != nil {
		r, err = parseRecord(append([]byte(nil), m...), number, t.mendedAt[number])
		r.runs = []block.Run{{Physical: t.mendedAt[number], Length: t.recordSize}}
		r.logical = 0
	}
	r.number = number
	return r, err
}

// record reads one record by its number.
func (t *table) record(number int64) (record, error) {
	if number < 0 || number >= t.count() {
		return record{}, cursor.Corrupt("ntfs: number of a record", -1, fmt.Sprintf("0 to %d", t.count()-1), number)
	}
	b := make([]byte, t.recordSize)
	if err := t.read(b, number*t.recordSize); err != nil {
		if t.mended[number] == nil {
			return record{}, err
		}
		clear(b)
	}
	return t.parse(b, number)
}

// read fills b from a place of the table, by pages that are kept.
func (t *table) read(b []byte, off int64) error {
	for done := 0; done < len(b); {
		at := off + int64(done)
		page, err := t.page(at &^ (pageSize - 1))
		if err != nil {
			n, err := t.stream.ReadAt(b[done:], at)
			if n == len(b)-done {
				return nil
			}
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("ntfs: master file table: %w", err)
		}
		n := copy(b[done:], page[at&(pageSize-1):])
		if n == 0 {
			return cursor.Corrupt("ntfs: master file table", -1, fmt.Sprintf("%d bytes", len(b)), "its end")
		}
		done += n
	}
	return nil
}

func (t *table) page(at int64) ([]byte, error) {
	t.mu.Lock()
	p := t.pages[at]
	t.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p = make([]byte, min(pageSize, max(t.size-at, 0)))
	if n, err := t.stream.ReadAt(p, at); n < len(p) {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pages[at] == nil {
		if len(t.order) >= maxPages {
			delete(t.pages, t.order[0])
			t.order = t.order[1:]
		}
		t.pages[at] = p
		t.order = append(t.order, at)
	}
	return p, nil
}

// each calls visit for every record of the table in order, with the record or with why there is none, until
// visit returns false. Places that never held a record are left out. The record is valid during the call only.
// The only error that is returned is that of ctx.
func (t *table) each(ctx context.Context, visit func(number int64, r *record, err error) bool) error {
	per := chunkSize / t.recordSize
	buf := make([]byte, per*t.recordSize)
	for first := int64(0); first < t.count(); first += per {
		if err := ctx.Err(); err != nil {
			return err
		}
		if next := t.standing(first * t.recordSize); next > (first+per)*t.recordSize {
			first = next/t.recordSize - per // a hole is not walked over
			continue
		}
		n := min(per, t.count()-first)
		chunk := buf[:n*t.recordSize]
		m, whole := t.stream.ReadAt(chunk, first*t.recordSize)
		for i := range n {
			number := first + i
			b := chunk[i*t.recordSize : (i+1)*t.recordSize : (i+1)*t.recordSize]
			if (i+1)*t.recordSize > int64(m) {
				// Something in the chunk cannot be read; perhaps not this.
				if k, err := t.stream.ReadAt(b, number*t.recordSize); k < len(b) {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					if t.mended[number] == nil && t.standing(number*t.recordSize) >= (number+1)*t.recordSize {
						continue // a piece of the table that is not known is told once, of the volume
					}
					if t.mended[number] == nil {
						if err == nil {
							err = whole
						}
						if !visit(number, nil, fmt.Errorf("ntfs: record %d: %w", number, err)) {
							return nil
						}
						continue
					}
					clear(b)
				}
			}
			if le.Uint32(b) == 0 && t.mended[number] == nil && blank(b) {
				continue
			}
			r, err := t.parse(b, number)
			if err != nil {
				if !visit(number, nil, err) {
					return nil
				}
				continue
			}
			if !visit(number, &r, nil) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// standing returns the first byte of the table from off on that stands anywhere.
func (t *table) standing(off int64) int64 {
	i, _ := slices.BinarySearchFunc(t.runs, off, func(r block.Run, off int64) int {
		if r.LogicalExtent().End() <= off {
			return -1
		}
		return 1
	})
	for ; i < len(t.runs); i++ {
		if t.runs[i].Kind.Stands() {
			return max(off, t.runs[i].Logical)
		}
	}
	return t.size + chunkSize
}

// blank reports whether there is nothing but zeros in b.
func blank(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if le.Uint64(b) != 0 {
			return false
		}
	}
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}
