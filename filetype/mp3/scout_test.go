package mp3_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/mp3"
)

var scouted = []string{"tone.mp3", "vbr.mp3", "cover.mp3"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, mp3.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, mp3.Formats()[0], scoutedFiles(f)...) }
