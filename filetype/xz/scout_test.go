package xz_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/xz"
)

var scouted = []string{"blocks.xz", "crc32.xz", "incompressible.xz", "plain.xz", "sha256.xz"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, xz.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, xz.Formats()[0], scoutedFiles(f)...) }
