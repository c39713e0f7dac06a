package cluster

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/filesystem"
)

func TestReadAround(t *testing.T) {
	p := bytes.Repeat([]byte{7}, 4096)
	src := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 1024, Length: 512}))
	got := make([]byte, 8192)
	var told []block.Unreadable
	bad, err := ReadTelling(src, got, 512, func(u block.Unreadable) { told = append(told, u) })
	want := block.SetOf(block.Extent{Offset: 512, Length: 512}, block.Extent{Offset: 3584, Length: 4608})
	if err != nil || !bad.Equal(want) || len(told) != 2 || told[0].Offset != 1024 || told[1].Why != block.Absent {
		t.Errorf("%v, %v, %v", bad.Extents(), told, err)
	}
	if got[0] != 7 || got[600] != 0 || got[1024] != 7 {
		t.Error("wrong bytes")
	}
}

type broken struct{ block.Source }

var errBroken = errors.New("broken")

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

func TestReadAroundPassesErrors(t *testing.T) {
	if _, err := ReadAround(broken{block.Bytes(make([]byte, 10))}, make([]byte, 4), 0); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func TestName(t *testing.T) {
	for _, want := range []string{"", "plain.txt", "Grüße", "写真", "🎉 party"} {
		if got := Name(utf16.Encode([]rune(want))); got != want {
			t.Errorf("%q became %q", want, got)
		}
	}
	for _, units := range [][]uint16{{0xD83C}, {0xDF89, 'a'}, {'a', 0xD83C, 'b'}} {
		got := Name(units)
		if e := filesystem.EscapeName(got); e == got || filesystem.UnescapeName(e) != got {
			t.Errorf("%x became %q, escaped %q", units, got, e)
		}
	}
}
