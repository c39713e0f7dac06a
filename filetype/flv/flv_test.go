package flv

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.flv")
}

// tagEnds returns where the tags end, and the place behind each, which is not told from a fill.
func tagEnds(t testing.TB, p []byte) (ends []int64) {
	t.Helper()
	for off := headSize; off < len(p); {
		g, ok := parseTag(p[off:])
		if !ok {
			t.Fatalf("no tag at %d", off)
		}
		off += tagHead + int(g.size) + 4
		ends = append(ends, int64(off))
	}
	return ends
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 13, Extension: "flv"}
		if name == "piped.flv" {
			s.Loose, s.Ends = true, tagEnds(t, data)
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestBroken(t *testing.T) {
	p := files(t)["film.flv"]
	ends := tagEnds(t, p)
	set := func(at int64, b ...byte) []byte {
		q := bytes.Clone(p)
		copy(q[at:], b)
		return q
	}
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		"a size that is not that of its tag": {set(ends[5]-1, 0x77), filetype.Damaged, false},
		"no tag in the middle":               {set(ends[9], 0x55), filetype.Damaged, false},
		"the first tag is none":              {set(headSize, 0x55), 0, true},
		"the first size is wrong":            {set(ends[0]-1, 0x77), 0, true},
		"another version":                    {set(3, 2), 0, true},
		"cut, and another film behind":       {append(bytes.Clone(p[:ends[7]]), p...), filetype.Damaged, false},
		"cut":                                {p[:ends[20]+5], filetype.Partial, false},
	} {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || !tt.not && !strings.Contains(r.Findings[0].Text+r.Findings[len(r.Findings)-1].Text, "of 0:02") {
			t.Errorf("%s: %v %v %v", what, r.Verdict, r.Findings, err)
		}
	}
}

func TestPreview(t *testing.T) {
	for name, want := range map[string]int{"film.flv": 2, "piped.flv": 2} {
		p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || len(p.Facts) != want || p.Facts[0].Value != "64 × 48 pixels" || !strings.HasPrefix(p.Facts[1].Value, "0:0") {
			t.Errorf("%s: %v %v", name, p.Facts, err)
		}
	}
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["film.flv"])
}
