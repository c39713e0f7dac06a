package evtx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/evtx"
	"salvor/filetype/filetypetest"
)

// files returns a log made from the specification; it was not checked against Windows.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	const chunks = 3
	b := make([]byte, 4096+chunks*65536)
	copy(b, "ElfFile\x00")
	binary.LittleEndian.PutUint64(b[16:], chunks-1)
	binary.LittleEndian.PutUint64(b[24:], 31)
	binary.LittleEndian.PutUint32(b[32:], 128)
	binary.LittleEndian.PutUint16(b[36:], 1)
	binary.LittleEndian.PutUint16(b[38:], 3)
	binary.LittleEndian.PutUint16(b[40:], 4096)
	binary.LittleEndian.PutUint16(b[42:], chunks)
	binary.LittleEndian.PutUint32(b[124:], crc32.ChecksumIEEE(b[:120]))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range chunks {
		c := b[4096+i*65536:]
		copy(c, "ElfChnk\x00")
		for at, v := range map[int]uint64{8: uint64(1 + 10*i), 16: uint64(10 + 10*i), 24: uint64(1 + 10*i), 32: uint64(10 + 10*i)} {
			binary.LittleEndian.PutUint64(c[at:], v)
		}
		const free = 60000
		for k := 512; k < free; k++ {
			c[k] = byte(r.Uint32())
		}
		binary.LittleEndian.PutUint32(c[40:], 128)
		binary.LittleEndian.PutUint32(c[48:], free)
		binary.LittleEndian.PutUint32(c[52:], crc32.ChecksumIEEE(c[512:free]))
		binary.LittleEndian.PutUint32(c[124:], crc32.Update(crc32.ChecksumIEEE(c[:120]), crc32.IEEETable, c[128:512]))
	}
	return map[string][]byte{"made.evtx": b}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, evtx.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"made.evtx": {},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, evtx.Formats(), files(t), expected) }

// A chunk that fails does not hide the others.
func TestChunks(t *testing.T) {
	data := bytes.Clone(files(t)["made.evtx"])
	data[4096+65536+700] ^= 1
	r := examine(t, "evtx", data)
	if r.Verdict != filetype.Damaged || r.GoodUntil != 4096+65536 || !strings.Contains(fmt.Sprint(r.Findings), "2 of 3 chunks are whole") || r.Size != int64(len(data)) {
		t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
	}
	p, err := format(t, "evtx").Preview(t.Context(), block.Bytes(files(t)["made.evtx"]))
	if err != nil || len(p.Facts) == 0 || p.Facts[len(p.Facts)-1].Value != "30" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, evtx.Formats(), files(f), 256<<10) }
