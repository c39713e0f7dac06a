package zstd_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/zstd"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.zst")
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"plain.zst":          {Extension: "zst", Head: 8},
	"unsummed.zst":       {Extension: "zst", Head: 8},
	"empty.zst":          {Extension: "zst", Head: 8},
	"tree.tar.zst":       {Extension: "tar.zst", Head: 8},
	"incompressible.zst": {Extension: "zst", Head: 8},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, zstd.Formats(), files(t), expected) }

func TestFramed(t *testing.T) {
	bomb := filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"]
	filetypetest.Framed(t, filetypetest.Row(t, zstd.Formats(), "zstd"), files(t), "zst", bomb)
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, zstd.Formats(), files(f), 32<<10) }
