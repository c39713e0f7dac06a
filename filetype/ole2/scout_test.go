package ole2_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/ole2"
)

var scouted = []string{"boats.xls", "letter.doc", "slides.ppt", "setup.msi"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, ole2.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, ole2.Formats()[0], scoutedFiles(f)...) }
