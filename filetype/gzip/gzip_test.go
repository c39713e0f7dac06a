package gzip_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/gzip"
)

func files(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.gz")
	if err != nil || len(names) < 8 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	out := map[string][]byte{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(n)] = b
	}
	return out
}

// firstMember is the size of the first member of members.gz.
const firstMember = 190

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Proven, Head: 10, Extension: "gz"}
		switch name {
		case "named.gz":
			s.Verdict, s.Title, s.Extension = filetype.Consistent, "lines.txt", "txt.gz"
		case "fast.gz": // level 1 does not always take the nearest copy
			s.Verdict = filetype.Consistent
		case "members.gz":
			s.Ends = []int64{firstMember, firstMember + 1, firstMember + 2}
		case "tree.tar.gz":
			s.Extension = "tar.gz"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, gzip.Formats()[0], samples)
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, gzip.Formats()[0], data)
}

func has(r filetype.Report, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// with returns a member with the given optional parts of the header before the content of plain.gz.
func with(t *testing.T, flags byte, parts string, sum bool) []byte {
	plain := files(t)["plain.gz"]
	head := append(bytes.Clone(plain[:10]), parts...)
	head[3] = flags
	if sum {
		head = binary.LittleEndian.AppendUint16(head, uint16(crc32.ChecksumIEEE(head)))
	}
	return append(head, plain[10:]...)
}

func TestHeaders(t *testing.T) {
	plain := files(t)["plain.gz"]
	timed := bytes.Clone(plain)
	binary.LittleEndian.PutUint32(timed[4:], 1700000000)
	badSum := with(t, 2, "", true)
	badSum[10] ^= 1
	badCRC, badSize := bytes.Clone(plain), bytes.Clone(plain)
	badCRC[len(plain)-8] ^= 1
	badSize[len(plain)-1] ^= 1
	badDeflate := bytes.Clone(plain)
	badDeflate[3000] ^= 0xFF
	tests := []struct {
		name    string
		data    []byte
		verdict filetype.Verdict
		code    string
	}{
		{"plain", plain, filetype.Proven, ""},
		{"with a sum", with(t, 2, "", true), filetype.Proven, ""},
		{"with a broken sum", badSum, filetype.Damaged, "gzip.broken"},
		{"said to be text", with(t, 1, "", false), filetype.Consistent, "gzip.loose-header"},
		{"extra", with(t, 4, "\x03\x00abc", false), filetype.Consistent, "gzip.loose-header"},
		{"name", with(t, 8, "a.txt\x00", false), filetype.Consistent, "gzip.loose-header"},
		{"comment", with(t, 16, "a\x00", false), filetype.Consistent, "gzip.loose-header"},
		{"all", with(t, 31, "\x01\x00abn.txt\x00c\x00", true), filetype.Consistent, "gzip.loose-header"},
		{"endless name", with(t, 8, strings.Repeat("a", 1<<17), false), filetype.Damaged, "gzip.broken"},
		{"time", timed, filetype.Consistent, "gzip.loose-header"},
		{"wrong CRC", badCRC, filetype.Damaged, "gzip.checksum"},
		{"wrong length", badSize, filetype.Damaged, "gzip.checksum"},
		{"broken stream", badDeflate, filetype.Damaged, ""},
		{"second member broken", append(bytes.Clone(plain), badSum...), filetype.Damaged, "gzip.broken"},
		{"second member named", append(bytes.Clone(plain), with(t, 8, "a\x00", false)...), filetype.Consistent, "gzip.loose-header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := examine(t, tt.data)
			if r.Verdict != tt.verdict || tt.code != "" && !has(r, tt.code) {
				t.Errorf("%v %v, expected %v with %q", r.Verdict, r.Findings, tt.verdict, tt.code)
			}
		})
	}
	if _, err := gzip.Examine(t.Context(), block.Bytes(with(t, 0x20, "", false))); err != filetype.ErrNot {
		t.Errorf("reserved flag: %v", err)
	}
	r := examine(t, files(t)["named.gz"])
	if r.Hints.Title != "lines.txt" || !r.Hints.Taken.Equal(time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)) {
		t.Errorf("%+v", r.Hints)
	}
	if u := examine(t, plain).Uncovered; !u.Equal(block.SetOf(block.Extent{Offset: 8, Length: 2})) {
		t.Errorf("uncovered %v", u.Extents())
	}
}

// The standard library reads the same to the end, and where it refuses, this is not whole.
func TestAgainstLibrary(t *testing.T) {
	for name, data := range files(t) {
		z, err := stdgzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := io.Copy(io.Discard, z); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for at := 0; at < len(data); at += 1 + len(data)/200 {
			c := bytes.Clone(data)
			c[at] ^= 0x40
			r, err := gzip.Examine(t.Context(), block.Bytes(c))
			whole := err == nil && r.Verdict >= filetype.Consistent && r.Size == int64(len(c))
			z, err := stdgzip.NewReader(bytes.NewReader(c))
			if err == nil {
				_, err = io.Copy(io.Discard, z)
			}
			if whole && err != nil {
				t.Errorf("%s: byte %d: %v here, %v there", name, at, r.Verdict, err)
			}
		}
	}
}

// A hundred MiB of zeros in 100 KiB cost no memory.
func TestBomb(t *testing.T) {
	n := int64(100 << 20)
	if testing.Short() {
		n = 1 << 24
	}
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	if _, err := io.CopyN(w, zeros{}, n); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r := filetypetest.Bomb(t, gzip.Formats()[0], b.Bytes(), time.Minute, 8<<20)
	if r.Verdict < filetype.Consistent {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Add([]byte("\x1f\x8b\x08\x1f\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, gzip.Formats()[0], data) })
}
