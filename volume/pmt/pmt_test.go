package pmt

import (
	"encoding/binary"
	"strings"
	"testing"

	"salvor/volume/volumetest"
)

type part struct {
	name        string
	start, size uint64
}

var parts = []part{{"preloader", 0, 0x40000}, {"pro_info", 0x40000, 0x300000}, {"system", 0x400000, 0x400000}, {"userdata", 0x800000, 0}}

func encode(signature string, head int, parts []part) []byte {
	b := make([]byte, head)
	copy(b, signature)
	for _, p := range parts {
		e := make([]byte, slotSize)
		copy(e, p.name)
		binary.LittleEndian.PutUint64(e[64:], p.size)
		binary.LittleEndian.PutUint64(e[80:], p.start)
		b = append(b, e...)
	}
	return append(b, make([]byte, slotSize)...)
}

func TestTables(t *testing.T) {
	const names = " 1:0+512=preloader 2:512+6144=pro_info 3:8192+8192=system 4:16384+16384=userdata"
	for _, c := range []struct {
		name  string
		write func(b []byte)
		want  string
	}{
		{"table and mirror", func(b []byte) {
			copy(b[15<<20:], encode("3vTP", 8, parts))
			copy(b[15<<20+65536:], encode("3TPM", 8, parts))
		},
			"pmt@15728640/512 valid" + names + "; pmt.backup@15794176/512 valid" + names},
		{"the table alone", func(b []byte) { copy(b[15<<20:], encode("3vTP", 4, parts)) }, "pmt@15728640/512" + names + " pmt.unchecked"},
		{"the mirror differs", func(b []byte) {
			copy(b[15<<20:], encode("3vTP", 8, parts))
			copy(b[15<<20+65536:], encode("3TPM", 8, parts[:2]))
		},
			"pmt@15728640/512" + names + " pmt.unchecked; pmt.backup@15794176/512 1:0+512=preloader 2:512+6144=pro_info pmt.unchecked"},
		{"an overlap", func(b []byte) { copy(b[15<<20:], encode("3vTP", 8, append(parts[:2:2], part{"x", 0x1000, 0x1000}))) }, ""},
		{"behind the end", func(b []byte) { copy(b[15<<20:], encode("3vTP", 8, []part{{"a", 0, 512}, {"b", 1 << 40, 512}})) }, ""},
		{"one entry", func(b []byte) { copy(b[15<<20:], encode("3vTP", 8, parts[:1])) }, ""},
		{"no names", func(b []byte) { copy(b[15<<20:], "3vTP\x01\x02\x03\x04\x05\x06") }, ""},
	} {
		img := make([]byte, 16<<20)
		c.write(img)
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestOutside(t *testing.T) {
	img := make([]byte, 1<<20)
	copy(img[512<<10:], encode("2vTP", 8, []part{{"a", 0, 512}, {"b", 512, 2 << 20}}))
	if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); !strings.Contains(got, "2:1+4096=b pmt.outside") {
		t.Errorf("got %s", got)
	}
}

func TestDamage(t *testing.T) {
	img := make([]byte, 1<<20)
	copy(img[512<<10:], encode("3vTP", 8, parts[:2]))
	volumetest.Damage(t, Scheme(), img)
}

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), encode("3vTP", 8, parts), encode("3TPM", 4, parts[:2]))
}
