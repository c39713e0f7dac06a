package amr

import (
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// files are put together from the specification: frames of each kind with any bits.
func files(testing.TB) map[string][]byte {
	out := map[string][]byte{}
	for name, f := range map[string]struct {
		magic string
		sizes *[16]int
	}{"narrow.amr": {narrow, &narrowSizes}, "wide.awb": {wide, &wideSizes}} {
		p := []byte(f.magic)
		for i := range 200 {
			kind := i * 7 % 16
			if n := f.sizes[kind]; n > 0 {
				p = append(p, byte(kind<<3|4))
				for k := range n - 1 {
					p = append(p, byte(i*31+k*17))
				}
			}
		}
		out[name] = p
	}
	return out
}

func frameEnds(p []byte) (ends []int64) {
	sizes, off := &narrowSizes, len(narrow)
	if p[6] == 'W' || p[5] == '-' {
		sizes, off = &wideSizes, len(wide)
	}
	for off < len(p) {
		off += sizes[p[off]>>3&15]
		ends = append(ends, int64(off))
	}
	return ends
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 10, Loose: true, Ends: frameEnds(data), Extension: name[len(name)-3:]})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestShapes(t *testing.T) {
	p := files(t)["narrow.amr"]
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		"no frame":            {[]byte(narrow), filetype.Partial, false},
		"no frame but text":   {[]byte(narrow + "words"), 0, true},
		"another file behind": {append(append([]byte{}, p...), narrow...), filetype.Partial, false},
	} {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", what, r.Verdict, r.Findings, err)
		}
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["wide.awb"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "AMR wide-band" || p.Facts[1].Value != "0:03" {
		t.Errorf("%v %v", p.Facts, err)
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
	filetypetest.Benchmark(b, Formats()[0], files(b)["narrow.amr"])
}
