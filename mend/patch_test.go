package mend

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
)

func numbers(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

func TestNew(t *testing.T) {
	p := numbers(4096)
	src := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 1024, Length: 512}))
	for _, tt := range []struct {
		name    string
		off     int64
		data    []byte
		changes bool
		unread  int64
	}{
		{"the same", 100, p[100:200], false, 0},
		{"another", 100, make([]byte, 100), true, 0},
		{"over a bad sector", 1000, p[1000:1600], true, 512},
	} {
		got, changes, err := New(src, tt.name, tt.off, tt.data, "why")
		if err != nil || changes != tt.changes || got.Unread.Bytes() != tt.unread {
			t.Errorf("%s: changes %v, unread %v, %v", tt.name, changes, got.Unread, err)
		}
		want := bytes.Clone(p[tt.off : tt.off+int64(len(tt.data))])
		for e := range got.Unread.All() {
			clear(want[e.Offset-tt.off : e.End()-tt.off])
		}
		if !bytes.Equal(got.Old, want) || !bytes.Equal(got.New, tt.data) {
			t.Errorf("%s: old or new bytes are others", tt.name)
		}
	}
	for _, off := range []int64{-1, 4090, 1 << 62} {
		if _, _, err := New(src, "x", off, make([]byte, 100)); err == nil {
			t.Errorf("a patch at %d of %d bytes", off, len(p))
		}
	}
	if _, _, err := New(blocktest.Vanishing(src, 0), "x", 0, make([]byte, 10)); err != nil {
		if _, ok := block.IsUnreadable(err); ok {
			t.Error(err)
		}
	}
}

func TestCombine(t *testing.T) {
	src := block.Bytes(make([]byte, 4096))
	list := func(off int64, data ...byte) List {
		var l List
		if err := l.Add(src, "s", off, data, "why"); err != nil {
			t.Fatal(err)
		}
		l.Note("at %d", off)
		return l
	}
	both, err := Combine(list(100, 1, 2, 3), list(50, 9), list(101, 2, 3, 4))
	if err != nil || len(both.Patches) != 3 || both.Patches[0].Offset != 50 || len(both.Notes) != 3 {
		t.Errorf("%+v, %v", both, err)
	}
	var conflict *ConflictError
	for _, other := range []List{list(100, 2), list(102, 4), list(99, 1, 2, 2)} {
		if _, err := Combine(list(100, 1, 2, 3), other); !errors.As(err, &conflict) {
			t.Errorf("%d bytes at %d: %v", len(other.Patches[0].New), other.Patches[0].Offset, err)
		}
	}
	// A long one reaches over those that begin behind it.
	if _, err := Combine(list(0, bytes.Repeat([]byte{1}, 1000)...), list(10, 1), list(500, 2)); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "0x1f4") {
		t.Errorf("%v", err)
	}
	one := list(100, 1)
	moved := one.Shift(50)
	if moved.Patches[0].Offset != 150 || len(moved.Notes) != 1 {
		t.Errorf("%+v", moved)
	}
}

// TestApply holds patched sources to what every source must do, bad sectors with and without a patch over them.
func TestApply(t *testing.T) {
	blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
		p := numbers(10_000)
		src := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 1024, Length: 512}, block.Extent{Offset: 4096, Length: 1024}))
		var list List
		for _, e := range []block.Extent{{Offset: 0, Length: 10}, {Offset: 900, Length: 700}, {Offset: 4500, Length: 100}, {Offset: 9990, Length: 10}, {Offset: 9995, Length: 5}} {
			if err := list.Add(src, "s", e.Offset, bytes.Repeat([]byte{0xA5}, int(e.Length)), "why"); err != nil {
				t.Fatal(err)
			}
			copy(p[e.Offset:e.End()], bytes.Repeat([]byte{0xA5}, int(e.Length)))
		}
		return Apply(src, list), p, block.SetOf(block.Extent{Offset: 4096, Length: 404}, block.Extent{Offset: 4600, Length: 520})
	})
}

func TestUndo(t *testing.T) {
	p := numbers(4096)
	src := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 1024, Length: 512}))
	var list List
	for _, off := range []int64{0, 1000, 1500, 3000} {
		if err := list.Add(src, "structure", off, make([]byte, 600), "one", "two"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Combine(list)
	if err != nil {
		t.Fatal(err)
	}
	undo := Undo{Size: 4096, Before: strings.Repeat("a", 64), After: strings.Repeat("b", 64), Patches: all.Patches}
	var file bytes.Buffer
	n, err := undo.WriteTo(&file)
	if err != nil || n != int64(file.Len()) {
		t.Fatalf("%d bytes of %d, %v", n, file.Len(), err)
	}
	got, err := ReadUndo(bytes.NewReader(file.Bytes()))
	if err != nil || got.Size != 4096 || got.Before != undo.Before || len(got.Patches) != 4 || got.Patches[1].Unread.Bytes() != 512 {
		t.Fatalf("%+v, %v", got, err)
	}
	want := bytes.Clone(p)
	clear(want[1024:1536])
	there := Apply(block.Filled(src), all)
	back := make([]byte, 4096)
	if _, err := Apply(there, got.Reverse()).ReadAt(back, 0); err != nil || !bytes.Equal(back, want) {
		t.Errorf("it does not lead back: %v", err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for name, text := range map[string]string{
		"nothing": "", "no heading": lines[1], "another version": strings.Replace(file.String(), `"version":1`, `"version":2`, 1),
		"a cut line": file.String()[:file.Len()-10], "outside": strings.Replace(file.String(), `"offset":3000`, `"offset":3900`, 1),
		"lengths": strings.Replace(file.String(), `"old":"`, `"old":"AAAA`, 1), "negative": strings.Replace(file.String(), `"offset":3000`, `"offset":-1`, 1),
	} {
		if _, err := ReadUndo(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "undo file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUndo(f *testing.F) {
	f.Add([]byte(`{"format":"salvor-undo","version":1,"size":100}` + "\n" + `{"structure":"s","offset":5,"old":"AAA=","new":"AQE=","unread":[[5,1]],"evidence":["e"]}` + "\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		u, err := ReadUndo(bytes.NewReader(p))
		if err != nil {
			return
		}
		for _, x := range u.Patches {
			if !x.Extent().Valid() || x.Extent().End() > u.Size || len(x.Old) != len(x.New) {
				t.Fatalf("%+v in %d bytes", x, u.Size)
			}
		}
	})
}
