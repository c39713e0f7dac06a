package aiff

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.ai*")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 60, Extension: "aiff"}
		if name == "tone.aiff" {
			s.Title = "A tone"
		}
		if strings.HasSuffix(name, ".aifc") {
			s.Extension = "aifc"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestStructure(t *testing.T) {
	p := files(t)["tone.aiff"]
	comm, ssnd := bytes.Index(p, []byte("COMM")), bytes.Index(p, []byte("SSND"))
	set := func(at int, v uint32) []byte {
		q := bytes.Clone(p)
		binary.BigEndian.PutUint32(q[at:], v)
		return q
	}
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		"more steps than data":  {set(comm+10, 1<<24), filetype.Damaged, false},
		"an end within":         {set(4, 1000), filetype.Damaged, false},
		"a chunk that is large": {set(ssnd+4, 1<<30), filetype.Damaged, false},
		"no name of a chunk":    {set(ssnd, 0), filetype.Damaged, false},
		"another form":          {set(8, 0x38535658), 0, true},
		"no channels":           {set(comm+8, 0), 0, true},
	} {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", what, r.Verdict, r.Findings, err)
		}
	}
	r, err := examine(t, p[:len(p)/2])
	if err != nil || r.Verdict != filetype.Partial || !strings.Contains(r.Findings[0].Text, "plays 0:00–0:0") {
		t.Errorf("%v %v", r.Findings, err)
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["tone.aiff"]))
	if err != nil || len(p.Facts) < 3 || p.Facts[0].Value != "PCM 16 bit, 11025 Hz, mono" || p.Facts[1].Value != "0:01" {
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
	filetypetest.Benchmark(b, Formats()[0], files(b)["tone.aiff"])
}
