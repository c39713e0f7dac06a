package pdf

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/filetype"
)

// cutBefore is a document up to a place, with other bytes behind it.
func cutBefore(p []byte, at int) []byte {
	r := rand.New(rand.NewPCG(uint64(at), 1))
	out := bytes.Clone(p[:at])
	for range 96 << 10 {
		out = append(out, byte(r.Uint32()))
	}
	return out
}

// A document that is cut ends with its last whole object, and says which of its pages are there.
func TestRemains(t *testing.T) {
	for _, name := range []string{"many-plain.pdf", "many.pdf", "many-qdf.pdf", "many-user.pdf", "libre.pdf", "small.pdf", "many-objstm.pdf"} {
		data := fixture(t, name)
		for at := 2000; at < len(data); at += 512 {
			r := judge(t, cutBefore(data, at))
			want := bytes.LastIndex(data[:at], []byte("endobj")) + len("endobj")
			if want < len("endobj") {
				continue
			}
			if name == "many-qdf.pdf" { // the length of a stream stands behind it
				want = bytes.LastIndex(data[:want-1], []byte("endobj"))
			}
			if r.Verdict != filetype.Partial && r.Verdict != filetype.Damaged || r.GoodUntil > int64(at) || r.GoodUntil < int64(want)-8 {
				t.Errorf("%s cut at %d: %v, good until %d, expected %d: %v", name, at, r.Verdict, r.GoodUntil, want, r.Findings)
			}
		}
	}
}

// One page of a document whose pages are named at its beginning is spoilt: those before it are counted.
func TestPagesLeft(t *testing.T) {
	data := bytes.Clone(fixture(t, "many-qdf.pdf"))
	// The twelve pages have their texts in order; that of the sixth one breaks.
	at := 0
	for range 6 {
		i := bytes.Index(data[at:], []byte("% Contents for page "))
		if i < 0 {
			t.Fatal("the fixture has other comments")
		}
		at += i + 1
	}
	at += bytes.Index(data[at:], []byte("endstream"))
	copy(data[at:], "endstraem")
	r := judge(t, data)
	text := ""
	for _, f := range r.Findings {
		text += f.String() + "\n"
	}
	if r.Verdict != filetype.Damaged || !strings.Contains(text, "the first 5 of 12 pages are there") {
		t.Errorf("%v: %s", r.Verdict, text)
	}
	// The same, of a file that ends there.
	r = judge(t, cutBefore(data, at))
	text = ""
	for _, f := range r.Findings {
		text += f.String() + "\n"
	}
	if r.Verdict != filetype.Partial || !strings.Contains(text, "of 12 pages are there") || r.Hints.Title != "Many pages" {
		t.Errorf("%v %q: %s", r.Verdict, r.Hints.Title, text)
	}
}
