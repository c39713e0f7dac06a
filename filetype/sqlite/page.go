package sqlite

import (
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/cursor"
)

// Types of b-tree pages.
const (
	interiorIndex = 2
	interiorTable = 5
	leafIndex     = 10
	leafTable     = 13
)

// maxPayload is the longest record that SQLite can hold, in bytes.
const maxPayload = 1<<31 - 1

// cell is one cell of a b-tree page.
type cell struct {
	child    uint32 // of interior pages
	rowid    int64  // of tables
	payload  int64  // length of the record, with what stands on overflow pages
	local    []byte // what of the record stands on this page
	overflow uint32 // first overflow page, 0 for none
}

// page is a b-tree page.
type page struct {
	kind  uint8
	right uint32 // last child of an interior page
	cells []cell
	used  []uint64 // scratch: offset<<32 | length of what lies in the content area
}

func (p *page) leaf() bool  { return p.kind == leafIndex || p.kind == leafTable }
func (p *page) table() bool { return p.kind == interiorTable || p.kind == leafTable }

// parse reads the page of number n, of which usable bytes are b; base is its place in the file. The cells
// that can be read are there even beside an error.
func (p *page) parse(n int64, b []byte, base int64) error {
	name := fmt.Sprintf("sqlite: page %d", n)
	p.cells, p.used, p.right = p.cells[:0], p.used[:0], 0
	start := 0
	if n == 1 {
		start = headerSize
	}
	c := cursor.New(name, base+int64(start), b[start:])
	p.kind = c.Uint8()
	free, count, content, fragments := int(c.Uint16BE()), int(c.Uint16BE()), int(c.Uint16BE()), int(c.Uint8())
	if content == 0 {
		content = 65536
	}
	switch p.kind {
	case interiorIndex, interiorTable:
		p.right = c.Uint32BE()
	case leafIndex, leafTable:
	default:
		return cursor.Corrupt(name+": type", base+int64(start), "2, 5, 10 or 13", p.kind)
	}
	pointers := start + c.At()
	if end := pointers + 2*count; end > content || content > len(b) {
		return cursor.Corrupt(name+": content area", base+int64(start)+5, fmt.Sprintf("%d to %d", end, len(b)), content)
	}
	var first error
	bad := func(what string, at int, want, got any) {
		if first == nil {
			first = cursor.Corrupt(name+": "+what, base+int64(at), want, got)
		}
	}
	for i := range count {
		at := int(binary.BigEndian.Uint16(b[pointers+2*i:]))
		if at < content || at > len(b)-4 {
			bad(fmt.Sprintf("cell %d", i), pointers+2*i, fmt.Sprintf("a place from %d to %d", content, len(b)-4), at)
			continue
		}
		cell, n, ok := p.parseCell(b, at)
		if !ok {
			bad(fmt.Sprintf("cell %d", i), at, "a cell that fits", "one that does not")
			continue
		}
		p.used = append(p.used, uint64(at)<<32|uint64(n))
		p.cells = append(p.cells, cell)
	}
	last := 0
	for at := free; at != 0; {
		if at < content || at > len(b)-4 || at <= last {
			bad("free block", start+1, fmt.Sprintf("a place from %d to %d behind %d", content, len(b)-4, last), at)
			return first
		}
		n := int(binary.BigEndian.Uint16(b[at+2:]))
		if n < 4 || at+n > len(b) {
			bad("free block", at+2, "a length inside the page", n)
			return first
		}
		p.used = append(p.used, uint64(at)<<32|uint64(n))
		last, at = at, int(binary.BigEndian.Uint16(b[at:]))
	}
	if first == nil {
		p.checkArea(bad, start, content, len(b), fragments)
	}
	return first
}

// checkArea compares what lies in the content area with its size: nothing overlaps, and the gaps are the
// fragments.
func (p *page) checkArea(bad func(string, int, any, any), start, content, end, fragments int) {
	slices.Sort(p.used)
	at, gaps := content, 0
	for _, u := range p.used {
		off, n := int(u>>32), int(uint32(u))
		if off < at {
			bad("content area", off, fmt.Sprintf("nothing before %d", at), "cells that overlap")
			return
		}
		gaps += off - at
		at = off + n
	}
	if gaps += end - at; gaps != fragments {
		bad("fragments", start+7, gaps, fragments)
	}
}

// parseCell reads the cell at b[at:]. It returns the bytes that it takes on the page.
func (p *page) parseCell(b []byte, at int) (c cell, n int, ok bool) {
	start := at
	if !p.leaf() {
		c.child = binary.BigEndian.Uint32(b[at:])
		at += 4
	}
	if p.kind == interiorTable {
		v, k := varint(b[at:])
		c.rowid = int64(v)
		return c, at + k - start, k > 0
	}
	v, k := varint(b[at:])
	if k == 0 || v > maxPayload {
		return c, 0, false
	}
	at += k
	c.payload = int64(v)
	if p.kind == leafTable {
		r, k := varint(b[at:])
		if k == 0 {
			return c, 0, false
		}
		c.rowid = int64(r)
		at += k
	}
	local := localSize(c.payload, len(b), p.kind == leafTable)
	if local > len(b)-at {
		return c, 0, false
	}
	c.local = b[at : at+local]
	at += local
	if int64(local) < c.payload {
		if len(b)-at < 4 {
			return c, 0, false
		}
		c.overflow = binary.BigEndian.Uint32(b[at:])
		at += 4
	}
	return c, max(at-start, 4), max(at, start+4) <= len(b)
}

// localSize returns how many of the payload's bytes stand on the b-tree page itself.
func localSize(payload int64, usable int, table bool) int {
	most := usable - 35
	if !table {
		most = (usable-12)*64/255 - 23
	}
	if payload <= int64(most) {
		return int(payload)
	}
	least := (usable-12)*32/255 - 23
	if k := least + int((payload-int64(least))%int64(usable-4)); k <= most {
		return k
	}
	return least
}

// varint reads a number of up to 9 bytes, 7 bits in each but the last. It returns length 0 when b ends
// inside it.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7F)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	if n == 8 && len(b) > 8 {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}

// serialSize returns the length of a value of this serial type, -1 for the types that are not used.
func serialSize(t uint64) int64 {
	switch {
	case t >= 12:
		return int64((t - 12) / 2)
	case t >= 10:
		return -1
	}
	return [10]int64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}[t]
}

// checkRecord reports whether the header of a record of the given length suits it. A header that does not
// fit into local is not judged.
func checkRecord(local []byte, length int64) bool {
	head, n := varint(local)
	if n == 0 {
		return length == 0 || len(local) < 9 && int64(len(local)) < length
	}
	if head < uint64(n) || head > uint64(length) {
		return false
	}
	if head > uint64(len(local)) {
		return true
	}
	sum := int64(head)
	for at := n; at < int(head); {
		t, k := varint(local[at:head])
		size := serialSize(t)
		if k == 0 || size < 0 || size > length {
			return false
		}
		at += k
		sum += size
	}
	return sum == length
}

// columns calls fn for each value of the record p, as far as p goes.
func columns(p []byte, fn func(i int, t uint64, value []byte) bool) {
	head, n := varint(p)
	if n == 0 || head > uint64(len(p)) {
		return
	}
	body := int64(head)
	for at, i := n, 0; at < int(head); i++ {
		t, k := varint(p[at:head])
		size := serialSize(t)
		if k == 0 || size < 0 || size > int64(len(p))-body {
			return
		}
		if !fn(i, t, p[body:body+size]) {
			return
		}
		at += k
		body += size
	}
}
