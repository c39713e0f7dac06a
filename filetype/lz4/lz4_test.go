package lz4_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/lz4"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.lz4")
}

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range lz4.Formats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no row %s", name)
	return filetype.Format{}
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	f := format(t, name)
	r, err := f.Examine(t.Context(), block.Bytes(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(f, block.Bytes(data), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

// expected is what is to be said of each fixture.
var expected = map[string]struct {
	row string
	filetypetest.Sample
}{
	"plain.lz4":          {"lz4", filetypetest.Sample{Extension: "lz4", Head: 8}},
	"unsummed.lz4":       {"lz4", filetypetest.Sample{Extension: "lz4", Head: 8}},
	"empty.lz4":          {"lz4", filetypetest.Sample{Extension: "lz4", Head: 8}},
	"tree.tar.lz4":       {"lz4", filetypetest.Sample{Extension: "tar.lz4", Head: 8}},
	"incompressible.lz4": {"lz4", filetypetest.Sample{Extension: "lz4", Head: 8}},
}

func TestSuite(t *testing.T) {
	all := files(t)
	for name, want := range expected {
		s := want.Sample
		s.Name, s.Data = name, all[name]
		if s.Data == nil {
			t.Fatalf("no fixture %s", name)
		}
		if s.Verdict == filetype.Unknown {
			s.Verdict = filetype.Consistent
		}
		filetypetest.Run(t, format(t, want.row), []filetypetest.Sample{s})
	}
}

// Frames behind each other are one file, which may end behind each.
func TestFrames(t *testing.T) {
	data := files(t)["frames.lz4"]
	second := bytes.LastIndex(data, data[:4])
	s := filetypetest.Sample{Name: "frames", Data: data, Verdict: filetype.Consistent, Head: 8}
	for n := second - 16; n < second+8; n++ {
		s.Ends = append(s.Ends, int64(n))
	}
	filetypetest.Run(t, format(t, "lz4"), []filetypetest.Sample{s})
}

// What is whole before a broken block is told.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["blocks.lz4"])
	for i := range 200 {
		data[len(data)*3/4+i] ^= 0xA5
	}
	r := examine(t, "lz4", data)
	if r.Verdict != filetype.Damaged || r.GoodUntil < 20000 || !strings.Contains(fmt.Sprint(r.Findings), "blocks before that are whole") {
		t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
	}
}

// Zeros without end cost little memory.
func TestBomb(t *testing.T) {
	r := filetypetest.Bomb(t, format(t, "lz4"), filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"], time.Minute, 64<<20)
	if r.Verdict != filetype.Consistent {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "lz4").Preview(t.Context(), block.Bytes(files(t)["plain.lz4"]))
	if err != nil || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := lz4.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
