package javaclass_test

import (
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/javaclass"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.class")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, javaclass.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"Light.class": {Title: "harbour.Light", Head: 10},
	"enum.class":  {Title: "harbour.Light$C", Head: 10},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, javaclass.Formats(), files(t), expected) }

func TestPreview(t *testing.T) {
	p, err := format(t, "class").Preview(t.Context(), block.Bytes(files(t)["Light.class"]))
	if err != nil || len(p.Members) < 6 || p.Facts[0].Value != "harbour.Light" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, javaclass.Formats(), files(f), 32<<10) }
