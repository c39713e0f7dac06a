package sun

import (
	"encoding/binary"
	"testing"

	"salvor/volume/volumetest"
)

func TestFixtures(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte)
		want   string
	}{
		{name: "whole", want: "sun@0/512 valid 1:0+87380 2:87380+43690 3:0+131070c"},
		{name: "checksum", damage: func(b []byte) { b[200]++ }, want: "sun@0/512 1:0+87380 2:87380+43690 3:0+131070c sun.checksum"},
		{name: "sanity", damage: func(b []byte) { b[188]++; b[190]++ }, want: "sun@0/512 valid 1:0+87380 2:87380+43690 3:0+131070 sun.sanity"},
		{name: "no magic", damage: func(b []byte) { b[508]++ }, want: ""},
		{name: "no geometry", damage: func(b []byte) { clear(b[436:440]) }, want: ""},
	} {
		img := volumetest.Fixture(t, "sun.img")
		if c.damage != nil {
			c.damage(img)
		}
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// slices makes the table of a PC, from sys/vtoc.h.
func pcSlices() []byte {
	b := make([]byte, 1024+4096)
	v := b[sector:]
	put16, put32 := binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	put32(v[12:], sanity)
	put32(v[16:], 1)
	copy(v[20:], "solaris")
	put16(v[28:], 512)
	put16(v[30:], 16)
	for i, s := range []struct {
		tag         uint16
		first, size uint32
	}{{2, 2, 100}, {3, 102, 50}, {5, 0, 1000}} {
		e := v[72+12*i:]
		put16(e, s.tag)
		put32(e[4:], s.first)
		put32(e[8:], s.size)
	}
	return b
}

func TestSlices(t *testing.T) {
	b := pcSlices()
	if got, want := volumetest.Describe(volumetest.Read(t, Scheme(), b)), "sun.x86@512/512 valid 1:2+100 2:102+50 3:0+1000c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b = append(make([]byte, 63*512), b...)
	if got, want := volumetest.Describe(volumetest.Read(t, Scheme(), b)), "sun.x86@32768/512 valid 1:65+100 2:165+50 3:63+1000c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDamage(t *testing.T) {
	volumetest.Damage(t, Scheme(), volumetest.Fixture(t, "sun.img")[:1<<20])
	volumetest.Damage(t, Scheme(), pcSlices())
}

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), volumetest.Fixture(f, "sun.img")[:1024], pcSlices())
}
