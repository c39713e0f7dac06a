package cab_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/cab"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.cab")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, cab.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"stored.cab": {Title: "lines.txt"},
	"packed.cab": {Title: "d/lines.txt"},
	"signed.cab": {Title: "d/lines.txt"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, cab.Formats(), files(t), expected) }

// A block that fails its checksum is told, with what is whole before it.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["packed.cab"])
	data[len(data)-20] ^= 1
	if r := examine(t, "cab", data); r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "3 of 4 blocks of data are whole") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "cab").Preview(t.Context(), block.Bytes(files(t)["stored.cab"]))
	if err != nil || len(p.Members) != 2 || p.Members[0].Size != 1492 {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, cab.Formats(), files(f), 32<<10) }
