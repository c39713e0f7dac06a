package ogg_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/ogg"
)

var scouted = []string{"enc.ogg", "film.ogv", "flac.oga", "tone.ogg", "tone.opus"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, ogg.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, ogg.Formats()[0], scoutedFiles(f)...) }
