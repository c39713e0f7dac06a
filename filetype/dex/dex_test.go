package dex_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"hash/adler32"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/dex"
	"salvor/filetype/filetypetest"
)

// files returns a program made from the specification; it was not checked against Android's tools.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	b := make([]byte, 3000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	copy(b, "dex\n035\x00")
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	put(0x20, uint32(len(b)))
	put(0x24, 0x70)
	put(0x28, 0x12345678)
	put(0x34, 2900)
	put(0x38, 12)
	put(0x60, 3)
	sum := sha1.Sum(b[32:])
	copy(b[12:], sum[:])
	put(8, adler32.Checksum(b[12:]))
	return map[string][]byte{"made.dex": b}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, dex.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"made.dex": {},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, dex.Formats(), files(t), expected) }

// Each sum is compared, and a broken one named.
func TestSums(t *testing.T) {
	for at, what := range map[int]string{9: "Adler-32", 15: "Adler-32", 2000: "Adler-32"} {
		data := bytes.Clone(files(t)["made.dex"])
		data[at] ^= 1
		if r := examine(t, "dex", data); r.Verdict != filetype.Damaged || !strings.Contains(r.Findings[0].Text, what) {
			t.Errorf("byte %d: %v %v", at, r.Verdict, r.Findings)
		}
	}
	data := bytes.Clone(files(t)["made.dex"])
	data[15] ^= 1
	binary.LittleEndian.PutUint32(data[8:], adler32.Checksum(data[12:]))
	if r := examine(t, "dex", data); r.Verdict != filetype.Damaged || !strings.Contains(r.Findings[0].Text, "SHA-1") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	p, err := format(t, "dex").Preview(t.Context(), block.Bytes(data))
	if err != nil || p.Facts[0].Value != "035" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, dex.Formats(), files(f), 32<<10) }
