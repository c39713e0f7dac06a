package jpeg_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/jpeg"
)

var scouted = []string{"base420.jpg", "base444.jpg", "cmyk.jpg", "exif.jpg", "ffmpeg.jpg", "gray.jpg", "progressive.jpg", "progressive-restart.jpg", "restart-rows.jpg", "scans.jpg"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, jpeg.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, jpeg.Formats()[0], scoutedFiles(f)...) }
