package sevenzip_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/sevenzip"
)

var scouted = []string{"apart.7z", "bzip2.7z", "deflate.7z", "delta.7z", "lzma.7z", "lzma2.7z", "stored.7z"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, sevenzip.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, sevenzip.Formats()[0], scoutedFiles(f)...) }
