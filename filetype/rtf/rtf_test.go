package rtf_test

import (
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/rtf"
)

const small = `{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}{\info{\title Tide \'fcber}{\author Ada}{\creatim\yr2023\mo4\dy5\hr6\min7}}` +
	`\f0 Line {\b one}\par{\*\x hidden}\bin4 }}}}{\pict 00ff}\u228?\par}`

func files(t testing.TB) map[string][]byte {
	out := filetypetest.Load(t, os.DirFS("testdata"), "*.gz")
	out["small.rtf"] = []byte(small)
	return out
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"letter.rtf": "The lighthouse letter", "small.rtf": "Tide über"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name], Head: 64, Extension: "rtf"})
	}
	filetypetest.Run(t, rtf.Formats()[0], samples)
}

func examine(t *testing.T, text string) (filetype.Report, error) {
	t.Helper()
	return rtf.Formats()[0].Examine(t.Context(), block.Bytes([]byte(text)))
}

func TestEnds(t *testing.T) {
	for tail, more := range map[string]int64{"": 0, "\r\n\x00": 3, "\r\n": 2, "\n": 1, "\x00\x00": 0, "}": 0, "\r": 0} {
		r, err := examine(t, small+tail)
		if err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(small))+more {
			t.Errorf("%q: %v of %d, %v", tail, r.Verdict, r.Size, err)
		}
	}
	for _, bad := range []string{`{\rtf}`, `{\rtf1 hello}`, `{\rtfx\ansi}`, `{\rtf1\ansi ` + "\x00" + `}`} {
		if r, err := examine(t, bad); err == nil && r.Verdict >= filetype.Consistent {
			t.Errorf("%q: %v", bad, r.Verdict)
		}
	}
	deep := `{\rtf1\ansi` + strings.Repeat("{", 1<<20)
	if r, err := examine(t, deep); err != nil || r.Verdict != filetype.Damaged {
		t.Errorf("a million groups: %v %v", r.Verdict, err)
	}
}

func TestPreview(t *testing.T) {
	f := rtf.Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes([]byte(small)))
	if err != nil || p.Text != "Line one\nä\n" {
		t.Errorf("%q %v", p.Text, err)
	}
	p, err = f.Preview(t.Context(), block.Bytes(files(t)["letter.rtf"]))
	if err != nil || !strings.Contains(p.Text, "The boats left before the light. Grüße aus Kiel.") {
		t.Errorf("%q %v", p.Text, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		filetypetest.Fuzz(t, rtf.Formats()[0], data)
		_, _ = rtf.Formats()[0].Preview(t.Context(), block.Bytes(data))
	})
}
