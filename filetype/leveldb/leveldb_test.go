package leveldb_test

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
	"salvor/filetype/filetypetest"
	"salvor/filetype/leveldb"
)

// files returns a log made from the specification, of records of many lengths; it was not checked against LevelDB.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	table := crc32.MakeTable(crc32.Castagnoli)
	var b []byte
	for n := 1; n < 80000; n = n*2 + 5 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for begun := false; !begun || len(data) > 0; begun = true {
			left := 32768 - len(b)%32768
			if left < 7 {
				b = append(b, make([]byte, left)...)
				left = 32768
			}
			piece := min(len(data), left-7)
			kind := byte(1)
			switch {
			case begun && piece == len(data):
				kind = 4
			case begun:
				kind = 3
			case piece < len(data):
				kind = 2
			}
			body := append([]byte{kind}, data[:piece]...)
			sum := crc32.Checksum(body, table)
			b = binary.LittleEndian.AppendUint32(b, (sum>>15|sum<<17)+0xA282EAD8)
			b = binary.LittleEndian.AppendUint16(b, uint16(piece))
			b = append(b, body...)
			data = data[piece:]
		}
	}
	return map[string][]byte{"made.log": b}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, leveldb.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"made.log": {Endless: true},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, leveldb.Formats(), files(t), expected) }

// A record that was not finished is missing; one that is wrong is told with what is whole before it.
func TestRecords(t *testing.T) {
	data := files(t)["made.log"]
	if r := examine(t, "leveldb", data[:len(data)-3]); r.Verdict != filetype.Partial || r.Missing.Empty() {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	bad := bytes.Clone(data)
	bad[40000] ^= 1
	if r := examine(t, "leveldb", bad); r.Verdict != filetype.Damaged || r.GoodUntil == 0 || !strings.Contains(fmt.Sprint(r.Findings), "records before that are whole") {
		t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
	}
	reserved := append(bytes.Clone(data), make([]byte, 1000)...)
	if r := examine(t, "leveldb", reserved); r.Verdict != filetype.Consistent || r.Size != int64(len(data)) {
		t.Errorf("%v of %d", r.Verdict, r.Size)
	}
	if _, err := format(t, "leveldb").Examine(t.Context(), block.Bytes(append([]byte{9}, data[1:]...))); err != filetype.ErrNot {
		t.Errorf("a first record that fails: %v", err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, leveldb.Formats(), files(f), 256<<10) }
