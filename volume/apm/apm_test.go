package apm

import (
	"encoding/binary"
	"testing"

	"salvor/volume/volumetest"
)

func TestFixtures(t *testing.T) {
	const whole = " 1:1+63c=Apple 2:2048+4096=Disk 3:6144+8192=Data"
	for _, c := range []struct {
		name   string
		damage func([]byte) []byte
		want   string
	}{
		{name: "whole", want: "apm@512/512 valid" + whole},
		{name: "the driver record is gone", damage: func(b []byte) []byte { clear(b[:512]); return b }, want: "apm@512/512" + whole + " apm.driver.missing"},
		{name: "an entry is gone", damage: func(b []byte) []byte { clear(b[1024:1536]); return b }, want: "apm@512/512 1:1+63c=Apple 3:6144+8192=Data apm.entry.broken"},
		{name: "the first entry is gone", damage: func(b []byte) []byte { clear(b[512:1024]); return b }, want: ""},
		{name: "counts differ", damage: func(b []byte) []byte { b[1536+7]++; return b }, want: "apm@512/512" + whole + " apm.count"},
		{name: "behind something", damage: func(b []byte) []byte { return append(make([]byte, 65536), b...) },
			want: "apm@66048/512 1:129+63c=Apple 2:2176+4096=Disk 3:6272+8192=Data apm.driver.missing"},
	} {
		img := volumetest.Fixture(t, "apm.img")
		if c.damage != nil {
			img = c.damage(img)
		}
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// A disc has blocks of 2048 bytes.
func TestLargeBlocks(t *testing.T) {
	b := make([]byte, 1<<20)
	binary.BigEndian.PutUint16(b, 0x4552)
	binary.BigEndian.PutUint16(b[2:], 2048)
	binary.BigEndian.PutUint32(b[4:], 512)
	for i, e := range []struct {
		first, blocks uint32
		kind          string
	}{{1, 2, mapType}, {16, 400, "Apple_HFS"}} {
		p := b[2048*(i+1):]
		copy(p, "PM")
		binary.BigEndian.PutUint32(p[4:], 2)
		binary.BigEndian.PutUint32(p[8:], e.first)
		binary.BigEndian.PutUint32(p[12:], e.blocks)
		copy(p[48:], e.kind)
	}
	if got, want := volumetest.Describe(volumetest.Read(t, Scheme(), b)), "apm@2048/2048 valid 1:1+2c 2:16+400"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDamage(t *testing.T) { volumetest.Damage(t, Scheme(), volumetest.Fixture(t, "apm.img")) }

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), volumetest.Fixture(f, "apm.img")[:8192])
}
