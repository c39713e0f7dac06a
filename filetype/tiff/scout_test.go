package tiff_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/tiff"
)

var scouted = []string{"lzw.tif", "zip.tif", "none.tif", "packbits.tif", "pages.tif", "tiled.tif", "planar.tif"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, tiff.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, tiff.Formats()[0], scoutedFiles(f)...) }
