package bmp

import (
	"bytes"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func icons(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.ico")
}

func TestIcons(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range icons(t) {
		if len(data) < 200<<10 {
			samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 120, Extension: "ico"})
		}
	}
	filetypetest.Run(t, Formats()[1], samples)
}

func TestIconStructure(t *testing.T) {
	data := icons(t)["icons.ico"]
	set := func(at int, b ...byte) []byte {
		p := bytes.Clone(data)
		copy(p[at:], b)
		return p
	}
	second := int(data[icoHead+icoEntry+12]) | int(data[icoHead+icoEntry+13])<<8
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		"a cursor":                       {set(2, 2), filetype.Consistent, false},
		"no pictures":                    {set(4, 0), 0, true},
		"a picture within the directory": {set(icoHead+12, 3, 0), 0, true},
		"the first of another width":     {set(icoHead, 99), 0, true},
		"the second of another width":    {set(icoHead+icoEntry, 99), filetype.Damaged, false},
		"the second is no picture":       {set(second, 'x'), filetype.Damaged, false},
		"the second is too short":        {set(icoHead+icoEntry+8, 100, 0), filetype.Damaged, false},
	} {
		r, err := icoKind.Examine(t.Context(), block.Bytes(tt.p))
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", what, r.Verdict, r.Findings, err)
		}
	}
	p, err := Formats()[1].Preview(t.Context(), block.Bytes(data))
	if err != nil || len(p.Members) != 2 || p.Members[0].Name != "32 × 32 pixels" {
		t.Errorf("%v %v", p.Members, err)
	}
}

func FuzzIcons(f *testing.F) {
	for _, data := range icons(f) {
		if len(data) < 50<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[1], data) })
}
