package matroska_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/matroska"
)

var scouted = []string{"film.mkv", "film.webm", "merged.mkv", "sound.mka"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, matroska.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, matroska.Formats()[0], scoutedFiles(f)...) }
