package zstd_test

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
	"salvor/filetype/zstd"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.zst")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, zstd.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"plain.zst":          {Extension: "zst", Head: 8},
	"unsummed.zst":       {Extension: "zst", Head: 8},
	"empty.zst":          {Extension: "zst", Head: 8},
	"tree.tar.zst":       {Extension: "tar.zst", Head: 8},
	"incompressible.zst": {Extension: "zst", Head: 8},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, zstd.Formats(), files(t), expected) }

// Frames behind each other are one file, which may end behind each.
func TestFrames(t *testing.T) {
	data := files(t)["frames.zst"]
	second := bytes.LastIndex(data, data[:4])
	s := filetypetest.Sample{Name: "frames", Data: data, Verdict: filetype.Consistent, Head: 8}
	for n := second - 16; n < second+8; n++ {
		s.Ends = append(s.Ends, int64(n))
	}
	filetypetest.Run(t, format(t, "zstd"), []filetypetest.Sample{s})
}

// What is whole before a broken block is told.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["blocks.zst"])
	for i := range 200 {
		data[len(data)*3/4+i] ^= 0xA5
	}
	r := examine(t, "zstd", data)
	if r.Verdict != filetype.Damaged || r.GoodUntil < 20000 || !strings.Contains(fmt.Sprint(r.Findings), "blocks before that are whole") {
		t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
	}
}

// Zeros without end cost little memory.
func TestBomb(t *testing.T) {
	r := filetypetest.Bomb(t, format(t, "zstd"), filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"], time.Minute, 64<<20)
	if r.Verdict != filetype.Consistent {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "zstd").Preview(t.Context(), block.Bytes(files(t)["plain.zst"]))
	if err != nil || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, zstd.Formats(), files(f), 32<<10) }
