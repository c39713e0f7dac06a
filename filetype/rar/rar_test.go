package rar_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nwaples/rardecode/v2"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/rar"
)

// contents are the members of the archives that the tests make.
func contents() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return [][]byte{[]byte(strings.Repeat("the boats left before the light\n", 50)), noise}
}

var names = []string{"lines.txt", "deep/noise"}

func vint(v int) (b []byte) {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// five makes an archive of version 5 whose members say that they are packed in this way; 0 is stored.
func five(t testing.TB, method int) []byte {
	t.Helper()
	out := []byte("Rar!\x1A\x07\x01\x00")
	add := func(body ...[]byte) {
		b := bytes.Join(body, nil)
		b = append(vint(len(b)), b...)
		out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
		out = append(out, b...)
	}
	add(vint(1), vint(0), vint(0))
	for i, c := range contents() {
		add(vint(2), vint(2), vint(len(c)), vint(6), vint(len(c)), vint(0o100644), binary.LittleEndian.AppendUint32(nil, 1680674828),
			binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(c)), vint(method), vint(1), vint(len(names[i])), []byte(names[i]))
		out = append(out, c...)
	}
	add(vint(5), vint(0), vint(0))
	return out
}

// files returns archives made from the specification; they were read by another library, and not by RAR itself.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	four := []byte("Rar!\x1A\x07\x00")
	add := func(kind byte, flags uint16, body []byte) {
		b := []byte{kind}
		b = binary.LittleEndian.AppendUint16(b, flags)
		b = binary.LittleEndian.AppendUint16(b, uint16(7+len(body)))
		b = append(b, body...)
		four = binary.LittleEndian.AppendUint16(four, uint16(crc32.ChecksumIEEE(b)))
		four = append(four, b...)
	}
	add(0x73, 0, make([]byte, 6))
	for i, c := range contents() {
		var b []byte
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c)))
		b = append(b, 3)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(c))
		b = binary.LittleEndian.AppendUint32(b, 0x568530E4)
		b = append(b, 29, 0x30)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(names[i])))
		b = binary.LittleEndian.AppendUint32(b, 0o100644)
		add(0x74, 0x8000, append(b, names[i]...))
		four = append(four, c...)
	}
	add(0x7B, 0x4000, nil)
	locked := []byte("Rar!\x1A\x07\x01\x00")
	b := bytes.Join([][]byte{vint(4), vint(0), vint(0), vint(0), vint(15), make([]byte, 16)}, nil)
	b = append(vint(len(b)), b...)
	locked = append(binary.LittleEndian.AppendUint32(locked, crc32.ChecksumIEEE(b)), b...)
	return map[string][]byte{"five.rar": five(t, 0), "four.rar": four, "locked.rar": locked}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, rar.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"five.rar":   {Verdict: filetype.Proven, Title: "lines.txt", Head: 8},
	"four.rar":   {Title: "lines.txt", Head: 8},
	"locked.rar": {Verdict: filetype.Encrypted, Head: 8},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, rar.Formats(), files(t), expected) }

// Another reader takes the archives that the tests make for what they are.
func TestMade(t *testing.T) {
	for _, name := range []string{"five.rar", "four.rar"} {
		z, err := rardecode.NewReader(bytes.NewReader(files(t)[name]))
		if err != nil {
			t.Fatal(name, err)
		}
		for _, want := range []string{"lines.txt", "deep/noise"} {
			h, err := z.Next()
			if err != nil || h.Name != want {
				t.Fatalf("%s: %+v %v", name, h, err)
			}
			if b, err := io.ReadAll(z); err != nil || int64(len(b)) != h.UnPackedSize {
				t.Errorf("%s: %s: %d bytes, %v", name, want, len(b), err)
			}
		}
	}
}

// A member that fails its sum is told, with what is whole before it; one that claims to be packed and is not, too.
func TestMembers(t *testing.T) {
	data := bytes.Clone(files(t)["five.rar"])
	data[len(data)-100] ^= 1
	if r := examine(t, "rar", data); r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "1 of 2 members so far are whole") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	packed := five(t, 1<<7)
	if r := examine(t, "rar", packed); r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "0 of 2 members are whole") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	for _, name := range []string{"five.rar", "four.rar"} {
		p, err := format(t, "rar").Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || len(p.Members) != 2 || p.Members[1].Name != "deep/noise" || p.Members[1].Size != 3000 {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, rar.Formats(), files(f), 32<<10) }
