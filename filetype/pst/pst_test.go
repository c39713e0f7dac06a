package pst_test

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
	"salvor/filetype/pst"
)

func sum(p []byte) uint32 { return ^crc32.Update(0xFFFFFFFF, crc32.IEEETable, p) }

func signature(id uint64, at int) uint16 {
	v := uint32(id) ^ uint32(at)
	return uint16(v>>16) ^ uint16(v)
}

// files returns a store of six blocks made from the specification; it was not checked against Outlook.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	le := binary.LittleEndian
	b := make([]byte, 2048)
	r := rand.New(rand.NewPCG(1, 2))
	var entries []byte
	for i := range 6 {
		at, id, size := len(b), uint64(4+4*i), 300+517*i
		body := make([]byte, (size+16+63)&^63)
		for k := range size {
			body[k] = byte(r.Uint32())
		}
		tail := body[len(body)-16:]
		le.PutUint16(tail, uint16(size))
		le.PutUint16(tail[2:], signature(id, at))
		le.PutUint32(tail[4:], sum(body[:size]))
		le.PutUint64(tail[8:], id)
		b = append(b, body...)
		entries = le.AppendUint64(entries, id)
		entries = le.AppendUint64(entries, uint64(at))
		entries = le.AppendUint16(entries, uint16(size))
		entries = append(entries, 2, 0, 0, 0, 0, 0)
	}
	page := func(at int, id uint64, kind byte, count int, list []byte) {
		p := b[at : at+512]
		copy(p, list)
		p[488], p[489], p[490], p[491] = byte(count), 20, 24, 0
		p[496], p[497] = kind, kind
		le.PutUint16(p[498:], signature(id, at))
		le.PutUint32(p[500:], sum(p[:496]))
		le.PutUint64(p[504:], id)
	}
	page(1024, 0x101, 0x81, 0, nil)
	page(1536, 0x102, 0x80, 6, entries)
	copy(b, "!BDN")
	copy(b[8:], "SM")
	le.PutUint16(b[10:], 23)
	le.PutUint64(b[184:], uint64(len(b)))
	le.PutUint64(b[216:], 0x101)
	le.PutUint64(b[224:], 1024)
	le.PutUint64(b[232:], 0x102)
	le.PutUint64(b[240:], 1536)
	b[512] = 0x80
	le.PutUint32(b[4:], sum(b[8:8+471]))
	le.PutUint32(b[524:], sum(b[8:8+516]))
	return map[string][]byte{"made.pst": b}
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, pst.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"made.pst": {Head: 564},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, pst.Formats(), files(t), expected) }

// A block that fails does not hide the others.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["made.pst"])
	data[1024+512*2+200] ^= 1
	r := examine(t, "pst", data)
	if r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "of 6 blocks are whole") || r.Size != int64(len(data)) {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	p, err := format(t, "pst").Preview(t.Context(), block.Bytes(data))
	if err != nil || p.Facts[0].Value != "6" {
		t.Errorf("%+v %v", p, err)
	}
	old := bytes.Clone(files(t)["made.pst"])
	old[10] = 15
	binary.LittleEndian.PutUint32(old[4:], sum(old[8:8+471]))
	if r := examine(t, "pst", old); r.Verdict != filetype.Unknown {
		t.Errorf("the form of before 2003: %v", r.Verdict)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, pst.Formats(), files(f), 32<<10) }
