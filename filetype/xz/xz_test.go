package xz_test

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
	"salvor/filetype/xz"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.xz")
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, xz.Formats()[0], data)
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Proven, Head: 12, Extension: "xz"}
		switch name {
		case "none.xz", "x86.xz": // no check, and one that is not computed
			s.Verdict = filetype.Consistent
		case "incompressible.xz": // a chunk that is not packed, and one with new properties behind it
			s.Verdict = examine(t, data).Verdict
		case "streams.xz":
			first := int64(bytes.Index(data[6:], []byte("\xFD7zXZ")) + 6)
			for n := first; n < first+6; n++ {
				s.Ends = append(s.Ends, n)
			}
		case "tree.tar.xz":
			s.Extension = "tar.xz"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, xz.Formats()[0], samples)
}

// Each bit of a Proven file matters: whichever is flipped, the file is Proven no more.
func TestEveryBit(t *testing.T) {
	for _, name := range []string{"crc32.xz", "streams.xz", "tree.tar.xz", "empty.xz"} {
		data := files(t)[name]
		for bit := range 8 * len(data) {
			c := bytes.Clone(data)
			c[bit/8] ^= 1 << (bit % 8)
			r, err := xz.Formats()[0].Examine(t.Context(), block.Bytes(c))
			if err == nil && r.Verdict == filetype.Proven && r.Size == int64(len(data)) {
				t.Errorf("%s: proven with bit %d flipped", name, bit)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	blocks := files(t)["blocks.xz"]
	bad := bytes.Clone(blocks)
	bad[1500] ^= 4
	r := examine(t, bad)
	if r.Verdict != filetype.Damaged || r.GoodUntil < 100 || r.GoodUntil > 1500 || !strings.Contains(fmt.Sprint(r.Findings), "blocks before that are whole") {
		t.Errorf("%+v", r)
	}
	plain := files(t)["plain.xz"]
	for name, tt := range map[string]struct {
		at        int
		structure string
	}{
		"header": {8, "header of the stream"}, "block": {20, "header of the block"}, "footer": {len(plain) - 1, "footer"},
		"index": {len(plain) - 17, "index"}, "content": {800, "block 1"},
	} {
		c := bytes.Clone(plain)
		c[tt.at] ^= 1
		if r := examine(t, c); r.Verdict != filetype.Damaged || !strings.Contains(r.Findings[0].Text, tt.structure) {
			t.Errorf("%s: %v %v", name, r.Verdict, r.Findings)
		}
	}
}

// Forty MiB of zeros cost little memory.
func TestBomb(t *testing.T) {
	r := filetypetest.Bomb(t, xz.Formats()[0], filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"], time.Minute, 48<<20)
	if r.Verdict != filetype.Proven {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := xz.Formats()[0].Preview(t.Context(), block.Bytes(files(t)["plain.xz"]))
	if err != nil || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, xz.Formats()[0], data) })
}
