package aac

import (
	"bytes"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.aac")
}

// frameEnds returns where the frames from off on end, and the byte behind each, which is not told from a fill.
func frameEnds(p []byte, off int) (ends []int64) {
	for off+headerSize <= len(p) {
		h, ok := parseHeader(p[off:])
		if !ok {
			break
		}
		off += h.size
		ends = append(ends, int64(off), int64(off+1))
	}
	return append(ends, int64(off+2))
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 1000, Loose: true, Extension: "aac"}
		off := 0
		if string(data[:3]) == "ID3" {
			off, s.Title = 10+int(data[8])<<7+int(data[9]), "A tone"
		}
		s.Ends = frameEnds(data, off)
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestStream(t *testing.T) {
	p := files(t)["tone.aac"]
	ends := frameEnds(p, 0)
	tagged := append(append([]byte("ID3\x04\x00\x00\x00\x00\x00\x0A"), make([]byte, 10)...), p...)
	v1 := append(bytes.Clone(p), append([]byte("TAGsong"), make([]byte, 121)...)...)
	broken := bytes.Clone(p)
	copy(broken[ends[20]:], "something else stands here")
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		size    int64
		not     bool
	}{
		"a tag before":             {tagged, filetype.Consistent, int64(len(tagged)), false},
		"a tag behind, then bytes": {append(v1, "more"...), filetype.Consistent, int64(len(v1)), false},
		"a foreign frame":          {broken, filetype.Partial, ends[20], false},
		"four frames":              {p[:ends[6]], 0, 0, true},
		"a tag and no sound":       {append(tagged[:20:20], "words of a song"...), 0, 0, true},
	} {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || r.Size != tt.size {
			t.Errorf("%s: %v of %d, expected %d: %v %v", what, r.Verdict, r.Size, tt.size, r.Findings, err)
		}
	}
	if r, _ := examine(t, v1); r.Hints.Title != "song" {
		t.Errorf("%+v", r.Hints)
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["tone.aac"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "AAC, 22050 Hz, mono" || p.Facts[1].Value != "0:02" {
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
	filetypetest.Benchmark(b, Formats()[0], files(b)["tone.aac"])
}
