package asf

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
	return filetypetest.Load(t, os.DirFS("testdata"), "*.wm*")
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"film.wmv": "Test ride", "tone.wma": "A tone"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 30, Title: titles[name], Extension: name[len(name)-3:]}
		if name == "piped.wma" {
			s.Loose = true
			at := int64(binary.LittleEndian.Uint64(data[16:])) + dataHead
			size := int64(binary.LittleEndian.Uint32(data[30+92:]))
			for ; size > 0 && at <= int64(len(data)); at += size {
				s.Ends = append(s.Ends, at)
			}
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestBroken(t *testing.T) {
	p := files(t)["film.wmv"]
	head := int(binary.LittleEndian.Uint64(p[16:]))
	size := int(binary.LittleEndian.Uint32(p[30+92:]))
	set := func(at int, b ...byte) []byte {
		q := bytes.Clone(p)
		copy(q[at:], b)
		return q
	}
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		not     bool
		words   string
	}{
		"a packet that begins wrongly":   {set(head+dataHead+size, 0x99), filetype.Damaged, false, "82 00 00"},
		"a size of packets that changes": {set(30+92, 0x99), filetype.Damaged, false, "one size of all packets"},
		"another number of packets":      {set(30+56, 0x99), filetype.Damaged, false, "packets of"},
		"no data":                        {set(head, 0x99), filetype.Damaged, false, "the object with the packets"},
		"an object without size":         {set(30+16, 0, 0), filetype.Damaged, false, "at least 24"},
		"an object beyond the header":    {set(30+17, 0xFF), filetype.Damaged, false, "objects up to"},
		"another form of header":         {set(28, 9), 0, true, ""},
		"cut":                            {p[:head+dataHead+size*2+5], filetype.Partial, false, "plays 0:00–0:0"},
	} {
		r, err := examine(t, tt.p)
		text := ""
		for _, f := range r.Findings {
			text += f.Text + "\n"
		}
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || !strings.Contains(text, tt.words) {
			t.Errorf("%s: %v %v %v", what, r.Verdict, text, err)
		}
	}
	r, err := examine(t, files(t)["tone.wma"])
	if err != nil || r.Class != filetype.Audio {
		t.Errorf("%v %v", r.Class, err)
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["film.wmv"]))
	if err != nil || len(p.Facts) != 4 || p.Facts[0].Value != "64 × 48 pixels" || p.Facts[3].Value != "0:02" || len(p.Members) != 2 || p.Members[0].Note != "WMV2" {
		t.Errorf("%v %v %v", p.Facts, p.Members, err)
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
	filetypetest.Benchmark(b, Formats()[0], files(b)["film.wmv"])
}
