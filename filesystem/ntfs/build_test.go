package ntfs

import (
	"testing"
	"unicode/utf16"

	"salvor/finding"
)

type findingAlias = finding.Finding

// utf16le encodes a name as it is stored.
func utf16le(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = le.AppendUint16(out, u)
	}
	return out
}

// someTime is a time as NTFS stores it: in 2020.
const someTime = 132_223_104_000_000_000

// nameOf makes the value of a $FILE_NAME attribute.
func nameOf(parent reference, name string, size int64) []byte {
	b := make([]byte, nameHeader)
	le.PutUint64(b, uint64(parent))
	for i := range 4 {
		le.PutUint64(b[8+8*i:], someTime+uint64(i))
	}
	le.PutUint64(b[40:], uint64(size+7)&^7)
	le.PutUint64(b[48:], uint64(size))
	u := utf16le(name)
	b[64], b[65] = byte(len(u)/2), 1
	return append(b, u...)
}

// resident makes an attribute with a value.
func resident(kind uint32, name string, value []byte) []byte {
	u := utf16le(name)
	at := (24 + len(u) + 7) &^ 7
	size := (at + len(value) + 7) &^ 7
	b := make([]byte, size)
	le.PutUint32(b, kind)
	le.PutUint32(b[4:], uint32(size))
	b[9] = byte(len(u) / 2)
	le.PutUint16(b[10:], 24)
	le.PutUint32(b[16:], uint32(len(value)))
	le.PutUint16(b[20:], uint16(at))
	copy(b[24:], u)
	copy(b[at:], value)
	return b
}

// mapped makes an attribute with clusters.
func mapped(kind uint32, name string, size, clusterSize int64, pairs []byte, clusters int64) []byte {
	u := utf16le(name)
	at := (64 + len(u) + 7) &^ 7
	total := (at + len(pairs) + 7) &^ 7
	b := make([]byte, total)
	le.PutUint32(b, kind)
	le.PutUint32(b[4:], uint32(total))
	b[8], b[9] = 1, byte(len(u)/2)
	le.PutUint16(b[10:], 64)
	le.PutUint64(b[24:], uint64(clusters-1))
	le.PutUint16(b[32:], uint16(at))
	le.PutUint64(b[40:], uint64(clusters*clusterSize))
	le.PutUint64(b[48:], uint64(size))
	le.PutUint64(b[56:], uint64(size))
	copy(b[64:], u)
	copy(b[at:], pairs)
	return b
}

// pairsOf encodes runs: count and first cluster of each, -1 for a hole.
func pairsOf(runs ...[2]int64) []byte {
	var b []byte
	last := int64(0)
	number := func(v int64) []byte {
		var out []byte
		for {
			out = append(out, byte(v))
			top := out[len(out)-1]&0x80 != 0
			v >>= 8
			if v == 0 && !top || v == -1 && top {
				return out
			}
		}
	}
	for _, r := range runs {
		n := number(r[0])
		if r[1] < 0 {
			b = append(append(b, byte(len(n))), n...)
			continue
		}
		d := number(r[1] - last)
		last = r[1]
		b = append(append(append(b, byte(len(n)|len(d)<<4)), n...), d...)
	}
	return append(b, 0)
}

// plainRecord makes a record of 1024 bytes as it is in memory.
func plainRecord(t testing.TB, number int64, sequence, flags uint16, attributes ...[]byte) []byte {
	t.Helper()
	b := make([]byte, 56, usualRecord)
	copy(b, "FILE")
	le.PutUint16(b[4:], 48)
	le.PutUint16(b[6:], 3)
	le.PutUint16(b[16:], sequence)
	le.PutUint16(b[18:], 1)
	le.PutUint16(b[20:], 56)
	le.PutUint16(b[22:], flags)
	le.PutUint32(b[28:], usualRecord)
	le.PutUint32(b[44:], uint32(number))
	for _, a := range attributes {
		b = append(b, a...)
	}
	b = append(b, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0)
	if len(b) > usualRecord {
		t.Fatalf("record %d has %d bytes", number, len(b))
	}
	le.PutUint32(b[24:], uint32(len(b)))
	return b[:usualRecord]
}

// buildRecord makes a record as it is stored.
func buildRecord(t testing.TB, number int64, sequence, flags uint16, attributes ...[]byte) []byte {
	t.Helper()
	b := plainRecord(t, number, sequence, flags, attributes...)
	protect(b)
	return b
}

// protect applies an update sequence, whose place and count stand in the header.
func protect(b []byte) {
	usa, count := int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	le.PutUint16(b[usa:], 7)
	for i := 1; i < count; i++ {
		copy(b[usa+2*i:usa+2*i+2], b[i*stride-2:i*stride])
		le.PutUint16(b[i*stride-2:], 7)
	}
}

// recordAt returns where a record of the image p stands.
func recordAt(t testing.TB, p []byte, number int64) int64 {
	t.Helper()
	r, _ := mustOpen(t, p).table.record(number)
	return r.offset(0)
}

// placeRecord puts a record into the image p and returns where.
func placeRecord(t testing.TB, p []byte, number int64, b []byte) int64 {
	t.Helper()
	at := recordAt(t, p, number)
	if at >= 0 {
		copy(p[at:], b)
	}
	return at
}
