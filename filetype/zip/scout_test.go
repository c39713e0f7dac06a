package zip_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/zip"
)

var scouted = []string{"doc.docx", "doc.odt", "doc.pptx", "7z.zip"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, zip.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, zip.Formats()[0], scoutedFiles(f)...) }
