package sevenzip_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/sevenzip"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.7z")
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, sevenzip.Formats()[0], data)
}

func TestSuite(t *testing.T) {
	verdicts := map[string]filetype.Verdict{
		"stored.7z": filetype.Proven, "storedbig.7z": filetype.Proven, "empty.7z": filetype.Proven,
		"locked.7z": filetype.Encrypted, "lockedlist.7z": filetype.Encrypted,
		"ppmd.7z": filetype.Unknown,
	}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 32}
		if v, ok := verdicts[name]; ok {
			s.Verdict = v
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, sevenzip.Formats()[0], samples)
}

// Members that are whole beside a broken one are counted.
func TestMembers(t *testing.T) {
	data := bytes.Clone(files(t)["apart.7z"])
	data[3000] ^= 1
	r := examine(t, data)
	if r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "2 of 3 members are whole") || r.Size != int64(len(data)) {
		t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
	}
}

func TestHeaders(t *testing.T) {
	plain := files(t)["stored.7z"]
	for at, what := range map[int]string{12: "start header", 8: "start header", 40: "member 1", len(plain) - 3: "header"} {
		c := bytes.Clone(plain)
		c[at] ^= 1
		if r := examine(t, c); r.Verdict != filetype.Damaged || !strings.Contains(r.Findings[0].Text, "in its "+what) {
			t.Errorf("byte %d: %v %v", at, r.Verdict, r.Findings)
		}
	}
}

// Headers that pass their sums and claim what cannot be cost nothing.
func TestHostile(t *testing.T) {
	plain := files(t)["stored.7z"]
	at := int(binary.LittleEndian.Uint64(plain[12:])) + 32
	for i := at; i < len(plain); i++ {
		for _, b := range []byte{0xFF, 0xFE, 0xF0, 0x7F, 0x20} {
			c := bytes.Clone(plain)
			c[i] = b
			binary.LittleEndian.PutUint32(c[28:], crc32.ChecksumIEEE(c[at:]))
			binary.LittleEndian.PutUint32(c[8:], crc32.ChecksumIEEE(c[12:32]))
			filetypetest.Bomb(t, sevenzip.Formats()[0], c, 5*time.Second, 8<<20)
		}
	}
}

// 200 MiB of zeros are unpacked without keeping them.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := filetypetest.Bomb(t, sevenzip.Formats()[0], filetypetest.Load(t, os.DirFS("testdata"), "bomb.7z.gz")["bomb.7z"], time.Minute, 200<<20)
	if r.Verdict != filetype.Consistent {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := sevenzip.Formats()[0].Preview(t.Context(), block.Bytes(files(t)["lzma2.7z"]))
	if err != nil || len(p.Members) != 4 {
		t.Fatalf("%+v %v", p, err)
	}
	r := examine(t, files(t)["lzma2.7z"])
	if r.Hints.Title != "d/deep/words" && r.Hints.Title != "d/lines.txt" {
		t.Errorf("title %q", r.Hints.Title)
	}
	for _, m := range p.Members {
		if m.Name == "d/lines.txt" && m.Size != 1492 || m.Name == "d/empty" && m.Size != 0 {
			t.Errorf("%+v", m)
		}
	}
	stored := examine(t, files(t)["stored.7z"])
	if want := time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC); !stored.Hints.Taken.Equal(want) {
		t.Errorf("%v", stored.Hints.Taken)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, sevenzip.Formats()[0], data) })
}
