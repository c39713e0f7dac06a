package lz4_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/lz4"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.lz4")
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"plain.lz4":          {Extension: "lz4", Head: 8},
	"unsummed.lz4":       {Extension: "lz4", Head: 8},
	"empty.lz4":          {Extension: "lz4", Head: 8},
	"tree.tar.lz4":       {Extension: "tar.lz4", Head: 8},
	"incompressible.lz4": {Extension: "lz4", Head: 8},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, lz4.Formats(), files(t), expected) }

func TestFramed(t *testing.T) {
	bomb := filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"]
	filetypetest.Framed(t, filetypetest.Row(t, lz4.Formats(), "lz4"), files(t), "lz4", bomb)
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, lz4.Formats(), files(f), 32<<10) }
