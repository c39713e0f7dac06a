package jpeg_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/jpeg"
)

var scouted = []string{"base420.jpg", "base444.jpg", "cmyk.jpg", "exif.jpg", "ffmpeg.jpg", "gray.jpg", "progressive.jpg", "progressive-restart.jpg", "restart-rows.jpg", "scans.jpg"}

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
		t.Run(name, func(t *testing.T) { filetypetest.Scouts(t, jpeg.Formats()[0], scoutedFile(t, name)) })
	}
}

func FuzzScout(f *testing.F) {
	var seeds [][]byte
	for _, name := range scouted {
		seeds = append(seeds, scoutedFile(f, name))
	}
	filetypetest.FuzzScout(f, jpeg.Formats()[0], seeds...)
}
