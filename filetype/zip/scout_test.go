package zip_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/zip"
)

var scouted = []string{"doc.docx", "doc.odt", "doc.pptx", "7z.zip"}

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
		t.Run(name, func(t *testing.T) { filetypetest.Scouts(t, zip.Formats()[0], scoutedFile(t, name)) })
	}
}

func FuzzScout(f *testing.F) {
	var seeds [][]byte
	for _, name := range scouted {
		seeds = append(seeds, scoutedFile(f, name))
	}
	filetypetest.FuzzScout(f, zip.Formats()[0], seeds...)
}
