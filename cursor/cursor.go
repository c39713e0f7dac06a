// Package cursor reads on-disk structures without ever reading outside of them.
//
// A [Cursor] walks over the bytes of one structure. The first read behind its end makes it fail; every
// later read gives zero, so that a parser reads all its fields and asks [Cursor.Err] once. Parsers that
// find a value that cannot be answer with a [*CorruptError], which names the structure, the place, what was
// expected and what was found, or with [ErrNot] when the bytes are not theirs at all.
//
// It never allocates by a length that it read, never panics on any input, and does not know what a medium
// is: offsets are those that the caller gives.
package cursor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrNot is what a parser answers for bytes that are not of its format: try the next one.
var ErrNot = errors.New("not this format")

// CorruptError is what a parser answers for a structure of its format that is broken at a known place.
type CorruptError struct {
	Structure string // the format's own term, with its number: "ext: inode 1234: extent header"
	Offset    int64  // bytes from the start of the source that the parser was given; -1 where unknown
	Expected  string // what should stand there
	Found     string // what stands there
}

func (e *CorruptError) Error() string {
	s := e.Structure + ": "
	switch {
	case e.Expected != "" && e.Found != "":
		s += fmt.Sprintf("%s, expected %s", e.Found, e.Expected)
	case e.Expected != "":
		s += "expected " + e.Expected
	default:
		s += e.Found
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(" (at 0x%x)", e.Offset)
	}
	return s
}

// Corrupt returns a CorruptError. expected and found are shown as fmt.Sprint shows them, nil as nothing.
func Corrupt(structure string, offset int64, expected, found any) *CorruptError {
	return &CorruptError{Structure: structure, Offset: offset, Expected: shown(expected), Found: shown(found)}
}

func shown(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// IsCorrupt reports whether err says that a structure is broken, and returns that error.
func IsCorrupt(err error) (*CorruptError, bool) {
	var c *CorruptError
	ok := errors.As(err, &c)
	return c, ok
}

// Cursor reads fields from the bytes of one structure.
type Cursor struct {
	structure string
	base      int64
	b         []byte
	at        int
	err       error
}

// New returns a Cursor over b, whose first byte stands at base. structure is the name for errors.
func New(structure string, base int64, b []byte) *Cursor {
	return &Cursor{structure: structure, base: base, b: b}
}

// Err returns the first failure, a [*CorruptError], or nil.
func (c *Cursor) Err() error { return c.err }

// At returns the number of bytes walked over.
func (c *Cursor) At() int { return c.at }

// Offset returns the place of the next byte: the base plus [Cursor.At].
func (c *Cursor) Offset() int64 { return c.base + int64(c.at) }

// Len returns how many bytes are left.
func (c *Cursor) Len() int { return len(c.b) - c.at }

// Bytes returns the next n bytes, which share the structure's memory; nil after a failure.
func (c *Cursor) Bytes(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > c.Len() {
		c.err = &CorruptError{
			Structure: c.structure, Offset: c.Offset(),
			Expected: fmt.Sprintf("%d more bytes", n), Found: fmt.Sprintf("%d", c.Len()),
		}
		return nil
	}
	p := c.b[c.at : c.at+n : c.at+n]
	c.at += n
	return p
}

// Skip walks over n bytes.
func (c *Cursor) Skip(n int) { c.Bytes(n) }

// Seek moves to the byte at, counted from the start of the structure.
func (c *Cursor) Seek(at int) {
	if c.err != nil {
		return
	}
	if at < 0 || at > len(c.b) {
		c.err = &CorruptError{
			Structure: c.structure, Offset: c.base,
			Expected: fmt.Sprintf("an offset up to %d", len(c.b)), Found: fmt.Sprintf("%d", at),
		}
		return
	}
	c.at = at
}

// Rest returns all bytes that are left, without walking over them; nil after a failure.
func (c *Cursor) Rest() []byte {
	if c.err != nil {
		return nil
	}
	return c.b[c.at:]
}

// Sub returns a Cursor over the next n bytes and walks over them. It fails as its parent does.
func (c *Cursor) Sub(structure string, n int) *Cursor {
	base := c.Offset()
	p := c.Bytes(n)
	return &Cursor{structure: structure, base: base, b: p, err: c.err}
}

// Uint8 reads one byte.
func (c *Cursor) Uint8() uint8 {
	if p := c.Bytes(1); p != nil {
		return p[0]
	}
	return 0
}

// Uint16 reads two bytes, the low one first.
func (c *Cursor) Uint16() uint16 {
	if p := c.Bytes(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

// Uint32 reads four bytes, the low one first.
func (c *Cursor) Uint32() uint32 {
	if p := c.Bytes(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// Uint64 reads eight bytes, the low one first.
func (c *Cursor) Uint64() uint64 {
	if p := c.Bytes(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// Uint16BE reads two bytes, the high one first.
func (c *Cursor) Uint16BE() uint16 {
	if p := c.Bytes(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// Uint32BE reads four bytes, the high one first.
func (c *Cursor) Uint32BE() uint32 {
	if p := c.Bytes(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// Uint64BE reads eight bytes, the high one first.
func (c *Cursor) Uint64BE() uint64 {
	if p := c.Bytes(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// String reads n bytes up to the first NUL.
func (c *Cursor) String(n int) string {
	p := c.Bytes(n)
	for i, b := range p {
		if b == 0 {
			return string(p[:i])
		}
	}
	return string(p)
}

// Read reads exactly n bytes at off from src. limit is the largest n that the structure can have; a larger
// one, or a negative number or offset, is a [*CorruptError], so that no untrusted length is ever
// allocated. The end of the source inside the structure is a CorruptError too. Other errors pass.
func Read(src io.ReaderAt, structure string, off, n, limit int64) ([]byte, error) {
	if off < 0 {
		return nil, Corrupt(structure, off, "an offset inside the source", off)
	}
	if n < 0 || n > limit {
		return nil, Corrupt(structure, off, fmt.Sprintf("a length up to %d", limit), n)
	}
	p := make([]byte, n)
	m, err := src.ReadAt(p, off)
	if int64(m) == n {
		return p, nil
	}
	if errors.Is(err, io.EOF) || err == nil {
		return nil, Corrupt(structure, off, fmt.Sprintf("%d bytes", n), fmt.Sprintf("the end after %d", m))
	}
	return nil, fmt.Errorf("%s: %w", structure, err)
}

// Visited guards a chain or a tree against loops: each place may be entered once.
type Visited struct {
	seen  map[int64]struct{}
	limit int
}

// NewVisited returns a guard that accepts at most limit places.
func NewVisited(limit int) *Visited { return &Visited{seen: map[int64]struct{}{}, limit: limit} }

// Enter reports whether at was not entered before and the limit is not reached, and enters it.
func (v *Visited) Enter(at int64) bool {
	if _, ok := v.seen[at]; ok || len(v.seen) >= v.limit {
		return false
	}
	v.seen[at] = struct{}{}
	return true
}
