package gzip_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/gzip"
)

var scouted = []string{"best.gz", "fast.gz", "incompressible.gz", "named.gz", "plain.gz"}

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
		t.Run(name, func(t *testing.T) { filetypetest.Scouts(t, gzip.Formats()[0], scoutedFile(t, name)) })
	}
}

func FuzzScout(f *testing.F) {
	var seeds [][]byte
	for _, name := range scouted {
		seeds = append(seeds, scoutedFile(f, name))
	}
	filetypetest.FuzzScout(f, gzip.Formats()[0], seeds...)
}
