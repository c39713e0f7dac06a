package flac_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/flac"
)

var scouted = []string{"cover.flac", "noise24.flac", "tone.flac"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, flac.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, flac.Formats()[0], scoutedFiles(f)...) }
