package pdf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fixtures = []struct {
	name, title string
	verdict     filetype.Verdict
	pages       string
}{
	{"libre.pdf", "Gateway handbook", filetype.Consistent, "1"},
	{"small.pdf", "Gateway handbook", filetype.Consistent, "1"},
	{"many.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-linear.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-objstm.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-objstm-linear.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-plain.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-qdf.pdf", "Many pages", filetype.Consistent, "12"},
	{"many-owner.pdf", "", filetype.Consistent, "12"},
	{"many-user.pdf", "", filetype.Encrypted, ""},
	{"updated.pdf", "Changed again", filetype.Consistent, "12"},
}

// ends returns where a cut file is a whole one: behind each end mark, with up to a line of what follows, which
// only then can be seen to be more of the file.
func ends(p []byte) (list []int64) {
	for at := 0; ; {
		i := bytes.Index(p[at:], []byte("%%EOF"))
		if i < 0 {
			return list
		}
		at += i + 5
		for n := range int64(40) {
			list = append(list, int64(at)+n)
		}
	}
}

func TestConformance(t *testing.T) {
	var samples []filetypetest.Sample
	for _, f := range fixtures {
		p := fixture(t, f.name)
		samples = append(samples, filetypetest.Sample{Name: f.name, Data: p, Verdict: f.verdict, Extension: "pdf",
			Title: f.title, Head: 16, Ends: ends(p)})
	}
	filetypetest.Run(t, Formats()[0], samples)
}
