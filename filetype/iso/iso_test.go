package iso_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/iso"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, iso.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"joliet.iso": {Title: "LIGHTHOUSE", Head: 34824},
	"plain.iso":  {Title: "PLAIN", Head: 34824},
	"rock.iso":   {Title: "ROCK", Head: 34824},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, iso.Formats(), files(t), expected) }

func TestPreview(t *testing.T) {
	for _, name := range []string{"joliet.iso", "rock.iso"} {
		p, err := format(t, "iso").Preview(t.Context(), block.Bytes(files(t)[name]))
		found := false
		for _, m := range p.Members {
			found = found || m.Name == "deep/A long name of words.txt" && m.Size == 3000
		}
		if err != nil || !found {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

// A number that differs between its byte orders, and a folder in a circle, are contradictions.
func TestFolders(t *testing.T) {
	data := files(t)["plain.iso"]
	root := int(binary.LittleEndian.Uint32(data[32768+158:])) * 2048
	bad := bytes.Clone(data)
	bad[root+2] ^= 1
	if r := examine(t, "iso", bad); r.Verdict != filetype.Damaged {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, iso.Formats(), files(f), 256<<10) }
