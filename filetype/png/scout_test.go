package png_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/png"
)

var scouted = []string{"anim.png", "rgb8.png", "rgb16.png", "interlaced.png", "palette.png", "texts.png"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, png.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, png.Formats()[0], scoutedFiles(f)...) }
