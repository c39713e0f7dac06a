package mp4_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/mp4"
)

var scouted = []string{"faststart.mp4", "frag.mp4", "h264.mov", "h264.mp4", "hevc.mov", "tone.m4a", "dash.mp4"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, mp4.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, mp4.Formats()[0], scoutedFiles(f)...) }
