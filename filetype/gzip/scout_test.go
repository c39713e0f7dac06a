package gzip_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/gzip"
)

var scouted = []string{"best.gz", "fast.gz", "incompressible.gz", "named.gz", "plain.gz"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, gzip.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, gzip.Formats()[0], scoutedFiles(f)...) }
