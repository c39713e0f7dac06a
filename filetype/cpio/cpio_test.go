package cpio_test

import (
	"bytes"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/cpio"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.cpio")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, cpio.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"newc.cpio": {Title: "d", Ends: zeros(110)},
	"crc.cpio":  {Title: "d", Ends: zeros(110)},
	"odc.cpio":  {Title: "d", Ends: zeros(76)},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, cpio.Formats(), files(t), expected) }

// zeros are the places among the zeros that fill up the last block, behind a header of that size.
func zeros(header int64) (ends []int64) {
	const all = 5632
	for n := int64(all - 512); n < all; n++ {
		ends = append(ends, n)
	}
	return ends
}

// The sum of content is compared where there is one.
func TestSums(t *testing.T) {
	data := bytes.Clone(files(t)["crc.cpio"])
	at := bytes.Index(data, []byte("1\n2\n3\n"))
	data[at] = '9'
	if r := examine(t, "cpio", data); r.Verdict != filetype.Damaged || r.Findings[0].Offset != int64(at) {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	busybox := files(t)["busybox.cpio"]
	if r := examine(t, "cpio", append(bytes.Clone(busybox), "more"...)); r.Verdict != filetype.Consistent || r.Size < int64(len(busybox))-512 {
		t.Errorf("%v of %d, %d", r.Verdict, r.Size, len(busybox))
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "cpio").Preview(t.Context(), block.Bytes(files(t)["newc.cpio"]))
	if err != nil || len(p.Members) < 5 || p.Members[0].Note != "folder" || p.Members[2].Name != "d/deep/words" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, cpio.Formats(), files(f), 32<<10) }
