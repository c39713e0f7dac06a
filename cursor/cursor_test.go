package cursor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
)

func TestFields(t *testing.T) {
	c := cursor.New("head", 0x1000, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 'a', 'b', 0, 'c', 30, 31, 32})
	for _, tt := range []struct {
		name string
		got  any
		want any
	}{
		{"Uint8", c.Uint8(), uint8(1)},
		{"Uint16", c.Uint16(), uint16(0x0302)},
		{"Uint32", c.Uint32(), uint32(0x07060504)},
		{"Uint64", c.Uint64(), uint64(0x0F0E0D0C0B0A0908)},
		{"Uint16BE", c.Uint16BE(), uint16(0x1011)},
		{"Uint32BE", c.Uint32BE(), uint32(0x12131415)},
		{"Uint64BE", c.Uint64BE(), uint64(0x161718191A1B1C1D)},
		{"String", c.String(4), "ab"},
		{"At", c.At(), 33},
		{"Offset", c.Offset(), int64(0x1000 + 33)},
		{"Len", c.Len(), 3},
		{"Rest", fmt.Sprint(c.Rest()), "[30 31 32]"},
		{"Bytes", fmt.Sprint(c.Bytes(2)), "[30 31]"},
		{"Err", c.Err(), nil},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	c.Seek(0)
	c.Skip(2)
	sub := c.Sub("part", 3)
	if sub.Uint16() != 0x0403 || sub.Offset() != 0x1004 || c.At() != 5 || sub.Len() != 1 {
		t.Errorf("sub at %#x, parent at %d", sub.Offset(), c.At())
	}
	if got := c.String(0); got != "" || c.Err() != nil {
		t.Errorf("%q, %v", got, c.Err())
	}
}

// The first failure stays, names its place, and everything behind it is zero.
func TestFailure(t *testing.T) {
	c := cursor.New("ext: superblock", 1024, make([]byte, 6))
	c.Skip(3)
	if got := c.Uint32(); got != 0 {
		t.Errorf("Uint32 = %d", got)
	}
	want := "ext: superblock: 3, expected 4 more bytes (at 0x403)"
	if err := c.Err(); err == nil || err.Error() != want {
		t.Fatalf("%v, want %s", err, want)
	}
	first := c.Err()
	if c.Uint8() != 0 || c.Uint16() != 0 || c.Uint64() != 0 || c.Uint16BE() != 0 || c.Uint32BE() != 0 || c.Uint64BE() != 0 || c.String(1) != "" || c.Rest() != nil || c.Bytes(0) != nil {
		t.Error("something was read behind a failure")
	}
	c.Seek(0)
	c.Skip(-1)
	sub := c.Sub("part", 1)
	if sub.Uint8() != 0 || sub.Err() != first || c.Err() != first || c.At() != 3 {
		t.Errorf("sub %v, parent %v at %d", sub.Err(), c.Err(), c.At())
	}
	for _, tt := range []struct {
		name string
		do   func(*cursor.Cursor)
	}{
		{"negative", func(c *cursor.Cursor) { c.Bytes(-1) }}, {"huge", func(c *cursor.Cursor) { c.Bytes(math.MaxInt) }},
		{"most negative", func(c *cursor.Cursor) { c.Skip(math.MinInt) }}, {"seek", func(c *cursor.Cursor) { c.Seek(7) }},
		{"seek back", func(c *cursor.Cursor) { c.Seek(-1) }}, {"sub", func(c *cursor.Cursor) { c.Sub("x", 9) }}, {"string", func(c *cursor.Cursor) { _ = c.String(9) }},
	} {
		c := cursor.New("x", 0, make([]byte, 6))
		tt.do(c)
		if _, ok := cursor.IsCorrupt(c.Err()); !ok {
			t.Errorf("%s: %v", tt.name, c.Err())
		}
	}
}

// No walk over any bytes panics or reads outside of them, and fields of a failed cursor are zero.
func TestWalks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		c := cursor.New("x", 5, b)
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			n := rapid.IntRange(-2, 20).Draw(t, "n")
			at, failed := c.At(), c.Err() != nil
			size := 0
			zero := true
			switch rapid.IntRange(0, 7).Draw(t, "kind") {
			case 0:
				size, zero = 1, c.Uint8() == 0
			case 1:
				size, zero = 2, c.Uint16() == 0
			case 2:
				size, zero = 4, c.Uint32BE() == 0
			case 3:
				size, zero = 8, c.Uint64() == 0
			case 4:
				p := c.Bytes(n)
				size, zero = n, len(p) == 0
				if len(p) > 0 && !bytes.Equal(p, b[at:at+n]) {
					t.Fatalf("Bytes(%d) at %d = %v", n, at, p)
				}
				if cap(p) > len(p) {
					t.Fatal("appending to a field would write over its neighbour")
				}
			case 5:
				size, zero = n, c.String(n) == ""
			case 6:
				c.Seek(n)
				if c.Err() == nil && c.At() != n {
					t.Fatalf("Seek(%d) came to %d", n, c.At())
				}
				continue
			case 7:
				size, zero = n, c.Sub("y", n).Rest() == nil || n == 0
			}
			if fits := !failed && size >= 0 && at+size <= len(b); (c.Err() == nil) != fits {
				t.Fatalf("%d bytes at %d of %d: %v", size, at, len(b), c.Err())
			} else if !fits && !zero {
				t.Fatal("a failed read gave something")
			}
			if c.At() < 0 || c.At() > len(b) || c.Len() != len(b)-c.At() || c.Offset() != 5+int64(c.At()) {
				t.Fatalf("at %d of %d", c.At(), len(b))
			}
		}
	})
}

func TestRead(t *testing.T) {
	data := []byte("0123456789")
	src := block.Bytes(data)
	if p, err := cursor.Read(src, "s", 2, 5, 5); err != nil || string(p) != "23456" {
		t.Errorf("%q, %v", p, err)
	}
	if p, err := cursor.Read(src, "s", 5, 5, 100); err != nil || string(p) != "56789" {
		t.Errorf("%q, %v", p, err)
	}
	if p, err := cursor.Read(src, "s", 10, 0, 0); err != nil || len(p) != 0 {
		t.Errorf("%q, %v", p, err)
	}
	for _, tt := range []struct {
		off, n, limit int64
		want          string
	}{
		{-1, 1, 5, "s: -1, expected an offset inside the source"},
		{0, -1, 5, "s: -1, expected a length up to 5 (at 0x0)"},
		{0, 6, 5, "s: 6, expected a length up to 5 (at 0x0)"},
		{0, math.MaxInt64, 5, "s: 9223372036854775807, expected a length up to 5 (at 0x0)"},
		{8, 5, 5, "s: the end after 2, expected 5 bytes (at 0x8)"},
		{math.MaxInt64, 5, 5, "s: the end after 0, expected 5 bytes (at 0x7fffffffffffffff)"},
	} {
		p, err := cursor.Read(src, "s", tt.off, tt.n, tt.limit)
		if _, ok := cursor.IsCorrupt(err); !ok || err.Error() != tt.want || p != nil {
			t.Errorf("Read(%d, %d, %d) = %v, %v; want %s", tt.off, tt.n, tt.limit, p, err, tt.want)
		}
	}
	// What cannot be read is not corrupt: it is not there.
	_, err := cursor.Read(blocktest.Faulty(src, blocktest.Bad(block.Between(3, 4))), "ext: inode 5", 2, 5, 5)
	if _, corrupt := cursor.IsCorrupt(err); corrupt || !errors.Is(err, blocktest.ErrIO) || err.Error()[:14] != "ext: inode 5: " {
		t.Errorf("%v", err)
	}
	// A reader that says nothing.
	if _, err := cursor.Read(silentReader{}, "s", 0, 5, 5); err == nil {
		t.Error("no error")
	}
}

type silentReader struct{}

func (silentReader) ReadAt([]byte, int64) (int, error) { return 0, nil }

func TestCorruptError(t *testing.T) {
	for _, tt := range []struct {
		err  *cursor.CorruptError
		want string
	}{
		{cursor.Corrupt("a", 16, 5, 9), "a: 9, expected 5 (at 0x10)"},
		{cursor.Corrupt("a", -1, "x", "y"), "a: y, expected x"},
		{cursor.Corrupt("a", -1, nil, "y"), "a: y"},
		{&cursor.CorruptError{Structure: "a", Expected: "x"}, "a: expected x (at 0x0)"},
		{&cursor.CorruptError{Structure: "a", Found: "y", Offset: -1}, "a: y"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		if c, ok := cursor.IsCorrupt(fmt.Errorf("outer: %w", tt.err)); !ok || c != tt.err {
			t.Error("not found in a wrapped error")
		}
	}
	if _, ok := cursor.IsCorrupt(io.EOF); ok {
		t.Error("io.EOF is corrupt")
	}
}

func TestVisited(t *testing.T) {
	v := cursor.NewVisited(3)
	for _, tt := range []struct {
		at   int64
		want bool
	}{{5, true}, {5, false}, {-1, true}, {0, true}, {7, false}, {0, false}} {
		if got := v.Enter(tt.at); got != tt.want {
			t.Errorf("Enter(%d) = %v", tt.at, got)
		}
	}
}
