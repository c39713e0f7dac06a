package block_test

import (
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
)

// A flaky source fails as often as it was told, gives only right bytes, and works in the end.
func TestFlaky(t *testing.T) {
	data := random(4, 4096)
	src := blocktest.Flaky(block.Bytes(data), 7, 20)
	failed := 0
	for range 1000 {
		p := make([]byte, 512)
		n, err := src.ReadAt(p, 1024)
		if string(p[:n]) != string(data[1024:1024+n]) {
			t.Fatal("wrong bytes")
		}
		if err != nil {
			failed++
			if u, ok := block.IsUnreadable(err); !ok || !u.Ranges[0].Has(1024+int64(n)) {
				t.Fatalf("%d, %v", n, err)
			}
		}
	}
	if failed != 20 {
		t.Errorf("%d reads failed, want 20", failed)
	}
}

// A vanishing source gives exactly as much as it was told, then nothing.
func TestVanishing(t *testing.T) {
	data := random(5, 8192)
	src := blocktest.Vanishing(block.Bytes(data), 1000)
	p := make([]byte, 600)
	if n, err := src.ReadAt(p, 0); n != 600 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	n, err := src.ReadAt(p, 600)
	if u, ok := block.IsUnreadable(err); n != 400 || !ok || u.Ranges[0].Why != block.Gone || u.Ranges[0].Extent != block.Between(1000, 8192) {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := src.ReadAt(p, 0); n != 0 || err == nil {
		t.Fatalf("back again: %d, %v", n, err)
	}
}

func TestCounting(t *testing.T) {
	src := blocktest.Counting(block.Bytes(make([]byte, 1000)))
	for _, e := range []block.Extent{{Offset: 0, Length: 100}, {Offset: 50, Length: 100}, {Offset: 900, Length: 200}} {
		_, _ = src.ReadAt(make([]byte, e.Length), e.Offset)
	}
	if src.Reads() != 3 || src.Bytes() != 300 || src.Most() != 1 {
		t.Errorf("%d reads, %d bytes, %d at once", src.Reads(), src.Bytes(), src.Most())
	}
	if !src.Given().Equal(block.SetOf(block.Between(0, 150), block.Between(900, 1000))) {
		t.Errorf("Given %v", src.Given().Extents())
	}
	if !src.Twice().Equal(block.SetOf(block.Between(50, 100))) {
		t.Errorf("Twice %v", src.Twice().Extents())
	}
}
