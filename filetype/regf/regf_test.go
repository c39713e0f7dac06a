package regf_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/regf"
)

// files returns a hive made from the specification; it was not checked against Windows.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	const bins = 8192
	b := make([]byte, 4096+bins)
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	copy(b, "regf")
	put(4, 7)
	put(8, 7)
	binary.LittleEndian.PutUint64(b[12:], 133251340280000000)
	put(20, 1)
	put(24, 5)
	put(32, 1)
	put(36, 32)
	put(40, bins)
	put(44, 1)
	for i, u := range utf16.Encode([]rune(`\\?\C:\SYSTEM`)) {
		binary.LittleEndian.PutUint16(b[48+2*i:], u)
	}
	var sum uint32
	for i := 0; i < 508; i += 4 {
		sum ^= binary.LittleEndian.Uint32(b[i:])
	}
	put(508, sum)
	r := rand.New(rand.NewPCG(1, 2))
	for bin := 0; bin < bins; bin += 4096 {
		at := 4096 + bin
		copy(b[at:], "hbin")
		put(at+4, uint32(bin))
		put(at+8, 4096)
		for cell := 32; cell < 4096; cell += 127 * 8 {
			n := min(127*8, 4096-cell)
			put(at+cell, uint32(-int32(n)))
			for i := cell + 4; i < cell+n; i++ {
				b[at+i] = byte(r.Uint32())
			}
		}
	}
	copy(b[4096+32+4:], "nk")
	return map[string][]byte{"made.hive": b}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, regf.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"made.hive": {Title: "SYSTEM", Ends: []int64{}},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, regf.Formats(), files(t), expected) }

// Cells that leave gaps, bins out of place and a root that is no key are contradictions.
func TestCells(t *testing.T) {
	for what, change := range map[string]func(b []byte){
		"cell":   func(b []byte) { b[4096+32] ^= 0x08 },
		"bin":    func(b []byte) { b[8192+4] ^= 1 },
		"root":   func(b []byte) { b[4096+36] = 'x' },
		"header": func(b []byte) { b[20] ^= 1 },
	} {
		data := bytes.Clone(files(t)["made.hive"])
		change(data)
		if r := examine(t, "regf", data); r.Verdict != filetype.Damaged || !strings.Contains(r.Findings[0].Text, "in its "+what) {
			t.Errorf("%s: %v %v", what, r.Verdict, r.Findings)
		}
	}
	p, err := format(t, "regf").Preview(t.Context(), block.Bytes(files(t)["made.hive"]))
	if err != nil || p.Facts[0].Value != "SYSTEM" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, regf.Formats(), files(f), 32<<10) }
