package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fixtures = []struct{ name, title string }{
	{"p1024.db", "sensor, reading, setting"},
	{"p512-auto.db", "sensor, reading, setting"},
	{"p4096-incr.db", "sensor, reading, setting"},
	{"p65536.db", "a"},
	{"utf16.db", "größe"},
	{"wal.db", "a"},
	{"empty-schema.db", ""},
	{"fts.db", "f, f_data, f_idx, f_content, f_docsize"},
}

func TestConformance(t *testing.T) {
	var samples []filetypetest.Sample
	for _, f := range fixtures {
		samples = append(samples, filetypetest.Sample{Name: f.name, Data: fixture(t, f.name),
			Verdict: filetype.Consistent, Extension: "sqlite", Title: f.title})
	}
	filetypetest.Run(t, Formats()[0], samples)
}
