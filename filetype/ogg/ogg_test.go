package ogg

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
	return filetypetest.Load(t, os.DirFS("testdata"), "*.[os]*")
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"tone.ogg": "A tone", "tone.opus": "Spoken", "enc.ogg": "Second"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		_, extension, _ := strings.Cut(name, ".")
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Proven, Title: titles[name], Extension: extension, Head: 28})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

// pages splits a file.
func pages(t testing.TB, p []byte) (list [][]byte) {
	t.Helper()
	for len(p) > 0 {
		g, ok := parsePage(p)
		if !ok {
			t.Fatal("no page")
		}
		list = append(list, p[:g.size])
		p = p[g.size:]
	}
	return list
}

// changed returns the page with its head changed and its check made right.
func changed(p []byte, change func(p []byte)) []byte {
	q := bytes.Clone(p)
	change(q)
	copy(q[22:], "\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(q[22:], sum.Update(0, q))
	return q
}

func TestSequence(t *testing.T) {
	p := files(t)["tone.opus"]
	list := pages(t, p)
	n := len(list)
	if n < 6 {
		t.Fatalf("%d pages", n)
	}
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	other := pages(t, files(t)["tone.ogg"])
	tests := []struct {
		name    string
		p       []byte
		verdict filetype.Verdict
		size    int
		not     bool
	}{
		{"as it is", p, filetype.Proven, len(p), false},
		{"a page left out", cat(cat(list[:3]...), cat(list[4:]...)), filetype.Damaged, 0, false},
		{"two pages swapped", cat(cat(list[:3]...), list[4], list[3], cat(list[5:]...)), filetype.Damaged, 0, false},
		{"a page twice", cat(cat(list[:4]...), cat(list[3:]...)), filetype.Damaged, 0, false},
		{"no last page, a fill", append(cat(list[:n-1]...), make([]byte, 700)...), filetype.Partial, 0, false},
		{"no last page, another file", cat(cat(list[:n-1]...), files(t)["tone.ogg"]), filetype.Partial, len(p) - len(list[n-1]), false},
		{"a page of a stream that was not begun", cat(cat(list[:3]...), other[3], cat(list[3:]...)), filetype.Damaged, 0, false},
		{"another file behind, chained", cat(p, files(t)["tone.ogg"]), filetype.Proven, len(p) + len(files(t)["tone.ogg"]), false},
		{"a page of another behind", cat(p, other[2]), filetype.Proven, len(p), false},
		{"a packet that does not go on", cat(cat(list[:3]...), changed(list[3], func(p []byte) { p[5] |= continued }), cat(list[4:]...)), filetype.Damaged, 0, false},
		{"a second beginning", cat(cat(list[:3]...), changed(list[3], func(p []byte) { p[5] |= begins }), cat(list[4:]...)), filetype.Damaged, 0, false},
		{"the first page broken", cat([]byte("OggS\x00\x02nothing that is a page and more of it........"), p, p, p, p, p, p, p, p, p, p, p, p), 0, 0, true},
		{"the middle of a file", cat(list[2:]...), 0, 0, true},
	}
	for _, tt := range tests {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || tt.size > 0 && r.Size != int64(tt.size) {
			t.Errorf("%s: %v of %d: %v %v", tt.name, r.Verdict, r.Size, r.Findings, err)
		}
	}
}

// Every flipped bit is found at its page.
func TestFlipped(t *testing.T) {
	p := files(t)["film.ogv"]
	for at := range p {
		q := bytes.Clone(p)
		q[at] ^= 1 << (at % 8)
		if r, err := examine(t, q); err == nil && (r.Verdict >= filetype.Consistent || r.GoodUntil > int64(at)) {
			t.Fatalf("flipped at %d: %v good until %d: %v", at, r.Verdict, r.GoodUntil, r.Findings)
		}
	}
}

func TestFilm(t *testing.T) {
	r, err := examine(t, files(t)["film.ogv"])
	if err != nil || r.Class != filetype.Video || r.Extension != "ogv" {
		t.Errorf("%v %v %v", r.Class, r.Extension, err)
	}
	r, err = examine(t, files(t)["tone.opus"][:4000])
	text := ""
	for _, f := range r.Findings {
		text += f.Text + "\n"
	}
	if err != nil || !strings.Contains(text, "plays 0:00–0:01 of an unknown length") || !strings.Contains(text, "pages before that are whole") {
		t.Errorf("%v %v", text, err)
	}
}

func TestPreview(t *testing.T) {
	for name, want := range map[string]string{"tone.ogg": "0:03", "tone.opus": "0:03", "enc.ogg": "0:02", "film.ogv": "0:02", "flac.oga": "0:00"} {
		p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || len(p.Facts) == 0 || p.Facts[len(p.Facts)-1].Value != want || len(p.Members) == 0 {
			t.Errorf("%s: %v %v %v", name, p.Facts, p.Members, err)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	data := bytes.Repeat(files(b)["film.ogv"], 50)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := kind.Examine(b.Context(), block.Bytes(data)); err != nil {
			b.Fatal(err)
		}
	}
}
