package filesystem_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
	"salvor/filesystem"
)

// xored stores each unit as its bytes with all bits turned over, behind a byte of length zero.
func xored(plain []byte, unit int) []byte {
	var out []byte
	for len(plain) > 0 {
		n := min(unit, len(plain))
		out = append(out, 0)
		for _, b := range plain[:n] {
			out = append(out, ^b)
		}
		plain = plain[n:]
	}
	return out
}

func decodedFixture(t *testing.T, wrap func(block.Source) block.Source) (plain []byte, d filesystem.Encoded, decodes *atomic.Int64) {
	t.Helper()
	const unit = 100
	plain = make([]byte, 1030)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	stored := xored(plain, unit)
	decodes = &atomic.Int64{}
	d, err := filesystem.NewDecoded(wrap(block.Bytes(stored)), filesystem.Units{
		Size: int64(len(plain)), Unit: unit, MaxEncoded: unit + 1,
		Place: func(i int64) (block.Extent, error) {
			return block.Between(i*(unit+1), min((i+1)*(unit+1), int64(len(stored)))), nil
		},
		Decode: func(i int64, dst, p []byte) error {
			decodes.Add(1)
			if p[0] != 0 {
				return cursor.Corrupt("unit", i, 0, p[0])
			}
			if len(p)-1 != len(dst) {
				t.Errorf("unit %d: %d bytes stored for %d", i, len(p), len(dst))
			}
			for k := range dst {
				dst[k] = ^p[1+k]
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plain, d, decodes
}

func TestDecoded(t *testing.T) {
	plain, d, decodes := decodedFixture(t, func(s block.Source) block.Source { return s })
	got, err := io.ReadAll(block.Reader(d))
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	before := decodes.Load()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p := make([]byte, 20)
			for off := int64(900); off < 1010; off += 10 {
				if n, err := d.ReadAt(p, off); n != len(p) || !bytes.Equal(p, plain[off:off+20]) {
					t.Errorf("at %d: %d, %v", off, n, err)
				}
			}
		})
	}
	wg.Wait()
	if n := decodes.Load() - before; n > 4*2 {
		t.Errorf("%d units were decoded for reads in two", n)
	}
	if n, err := d.ReadAt(make([]byte, 50), 1000); n != 30 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	for _, r := range block.Origin(d, block.Extent{Length: d.Size()}) {
		if r.Kind.Stands() {
			t.Errorf("decoded bytes stand at %v", r)
		}
	}
}

func TestDecodedUnreadable(t *testing.T) {
	// Byte 350 of what is stored belongs to unit 3; the first byte of unit 7 is broken.
	_, d, _ := decodedFixture(t, func(s block.Source) block.Source {
		p := make([]byte, s.Size())
		if _, err := s.ReadAt(p, 0); err != nil {
			t.Fatal(err)
		}
		p[7*101] = 1
		f := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 350, Length: 1}))
		return f
	})
	var met block.Set
	p := make([]byte, 1)
	for off := range d.Size() {
		n, err := d.ReadAt(p, off)
		if u, ok := block.IsUnreadable(err); ok && n == 0 {
			met.Add(u.Ranges[0].Extent)
		} else if n != 1 {
			t.Fatalf("at %d: %d, %v", off, n, err)
		}
	}
	want := block.SetOf(block.Between(300, 400), block.Between(700, 800))
	if !met.Equal(want) {
		t.Errorf("unreadable %v, want %v", met, want)
	}
	_, err := d.ReadAt(p, 705)
	if _, ok := cursor.IsCorrupt(err); !ok {
		t.Errorf("a broken unit does not say what is broken: %v", err)
	}
	if _, err := filesystem.NewDecoded(block.Bytes(nil), filesystem.Units{Size: 1}); err == nil {
		t.Error("units of no size are accepted")
	}
}

func TestDecodedBadPlace(t *testing.T) {
	for _, place := range []block.Extent{{Offset: -1, Length: 4}, {Offset: 0, Length: 1 << 40}, {Offset: 90, Length: 20}} {
		d, err := filesystem.NewDecoded(block.Bytes(make([]byte, 100)), filesystem.Units{Size: 50, Unit: 50, MaxEncoded: 64,
			Place:  func(int64) (block.Extent, error) { return place, nil },
			Decode: func(int64, []byte, []byte) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ReadAt(make([]byte, 1), 0); err == nil {
			t.Errorf("%v is read", place)
		}
	}
}
