package pdf_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/pdf"
)

var scouted = []string{"libre.pdf", "many.pdf", "many-linear.pdf", "many-objstm.pdf", "small.pdf"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, pdf.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, pdf.Formats()[0], scoutedFiles(f)...) }
