package sqlite_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/sqlite"
)

// scouted are databases without a page of zeros in an overflow chain, which the scout takes for a gap.
var scouted = []string{"fts.db", "p1024.db", "p4096-incr.db", "utf16.db"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, sqlite.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, sqlite.Formats()[0], scoutedFiles(f)...) }
