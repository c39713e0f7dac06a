package tar_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	ours "salvor/filetype/tar"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.gz")
}

// lastBlock returns the end of the last block that holds something.
func lastBlock(data []byte) int64 {
	n := len(bytes.TrimRight(data, "\x00"))
	return int64((n + 511) &^ 511)
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		if name == "busybox.tar" { // not filled up to a record: see TestEnds
			continue
		}
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent}
		for n := lastBlock(data) + 1024; n < int64(len(data)); n++ {
			s.Ends = append(s.Ends, n)
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, ours.Formats()[0], samples)
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, ours.Formats()[0], data)
}

// The end is exact for archives that are filled up to a record and for those that are not.
func TestEnds(t *testing.T) {
	plain := files(t)["busybox.tar"]
	if r := examine(t, append(bytes.Clone(plain), "something else follows"...)); r.Verdict != filetype.Consistent || r.Size != int64(len(plain)) {
		t.Errorf("%v of %d, expected %d", r.Verdict, r.Size, len(plain))
	}
	gnu := files(t)["gnu.tar"]
	if r := examine(t, append(bytes.Clone(gnu), make([]byte, 50000)...)); r.Size != int64(len(gnu)) {
		t.Errorf("size %d, expected %d", r.Size, len(gnu))
	}
	if r := examine(t, gnu[:lastBlock(gnu)]); r.Verdict != filetype.Partial || !strings.Contains(fmt.Sprint(r.Findings), "5 members before that are whole") &&
		!strings.Contains(fmt.Sprint(r.Findings), "6 members before that are whole") {
		t.Errorf("cut behind the last member: %v %v", r.Verdict, r.Findings)
	}
}

// A broken header names its place and what is whole before it; one with a sum of signed bytes is good.
func TestHeaders(t *testing.T) {
	gnu := files(t)["gnu.tar"]
	second := int64(512)
	for string(gnu[second+257:second+262]) != "ustar" {
		second += 512
	}
	bad := bytes.Clone(gnu)
	bad[second+3] ^= 1
	r := examine(t, bad)
	if r.Verdict != filetype.Damaged || r.GoodUntil != second || r.Findings[0].Offset != second {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(fmt.Sprint(r.Findings), "1 members before that are whole") {
		t.Errorf("%v", r.Findings)
	}
	signed := bytes.Clone(gnu)
	signed[0] = 0xE4
	sum := int64(0)
	for i := range 512 {
		c := signed[i]
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(int8(c))
	}
	copy(signed[148:], fmt.Sprintf("%06o\x00 ", sum))
	if r := examine(t, signed); r.Verdict != filetype.Consistent {
		t.Errorf("signed sum: %v %v", r.Verdict, r.Findings)
	}
	for _, size := range []uint64{1 << 62, 1<<63 - 512, 1 << 40} { // sizes that no file has
		huge := bytes.Clone(gnu[:1024])
		copy(huge[124:], "\x80\x00\x00\x00")
		binary.BigEndian.PutUint64(huge[128:], size)
		fix(huge)
		r, err := ours.Formats()[0].Examine(t.Context(), block.Bytes(huge))
		if err == nil && r.Verdict >= filetype.Consistent {
			t.Errorf("size %d: %v", size, r.Verdict)
		}
	}
}

func fix(h []byte) {
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h[:512] {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
}

func TestPreview(t *testing.T) {
	f := ours.Formats()[0]
	for name, data := range files(t) {
		p, err := f.Preview(t.Context(), block.Bytes(data))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for z := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := z.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			want = append(want, h.Name)
		}
		var got []string
		for _, m := range p.Members {
			got = append(got, m.Name)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: members\n%q, expected\n%q", name, got, want)
		}
		r := examine(t, data)
		if r.Hints.Title != strings.TrimSuffix(want[0], "/") {
			t.Errorf("%s: title %q", name, r.Hints.Title)
		}
		if name == "gnu.tar" && !r.Hints.Taken.Equal(time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)) {
			t.Errorf("%s: %v", name, r.Hints.Taken)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, ours.Formats()[0], data) })
}
