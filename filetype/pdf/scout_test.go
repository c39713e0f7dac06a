package pdf_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/pdf"
)

var scouted = []string{"libre.pdf", "many.pdf", "many-linear.pdf", "many-objstm.pdf", "small.pdf"}

func scoutedFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestScout(t *testing.T) {
	for _, name := range scouted {
		t.Run(name, func(t *testing.T) { filetypetest.Scouts(t, pdf.Formats()[0], scoutedFile(t, name)) })
	}
}

func FuzzScout(f *testing.F) {
	var seeds [][]byte
	for _, name := range scouted {
		seeds = append(seeds, scoutedFile(f, name))
	}
	filetypetest.FuzzScout(f, pdf.Formats()[0], seeds...)
}
