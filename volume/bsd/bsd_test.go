package bsd

import (
	"encoding/binary"
	"testing"

	"salvor/volume/volumetest"
)

// TestFixtures reads labels at the start of a slice, and inside of the slice of an MBR, by their landmarks.
func TestFixtures(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte)
		want   string
	}{
		{name: "bsd.img", want: "bsd@512/512 valid 3:0+8704c=c 5:256+4864=e 6:4864+3584=f"},
		{name: "bsd.img", damage: func(b []byte) { b[512+20]++ }, want: "bsd@512/512 3:0+8704c=c 5:256+4864=e 6:4864+3584=f bsd.checksum"},
		{name: "bsd.img", damage: func(b []byte) { b[512+132]++ }, want: ""},
		{name: "bsd.img", damage: func(b []byte) { binary.LittleEndian.PutUint32(b[512+148+4*16+4:], 7) },
			want: "bsd@512/512 3:0+8704c=c 5:0+0=e bsd.entry.before 6:4864+3584=f bsd.checksum"},
		// The second label stands in the slice at 7680, the first, an old one, in the slice before it.
		{name: "dos+bsd.img", want: "bsd@16896/512 valid 3:32+7648c=c 4:0+0=d bsd.entry.before; bsd@3932672/512 valid 3:7680+8704c=c 5:7936+4864=e 6:12544+3584=f"},
	} {
		img := volumetest.Fixture(t, c.name)
		if c.damage != nil {
			c.damage(img)
		}
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestHighHalves reads the 48-bit numbers of an OpenBSD label.
func TestHighHalves(t *testing.T) {
	b := make([]byte, 512+headSize+16*slotSize)
	l := b[512:]
	put32, put16 := binary.LittleEndian.PutUint32, binary.LittleEndian.PutUint16
	put32(l, labelMagic)
	put32(l[132:], labelMagic)
	put32(l[40:], 512)
	put16(l[114:], 1)
	put16(l[138:], 16)
	put32(l[148:], 100)     // size of a
	put32(l[152:], 5)       // start
	put32(l[156:], 2<<16|1) // high halves: size 2, start 1
	l[160] = 7
	var sum uint16
	for i := 0; i < headSize+16*slotSize; i += 2 {
		sum ^= binary.LittleEndian.Uint16(l[i:])
	}
	put16(l[136:], sum)
	if got, want := volumetest.Describe(volumetest.Read(t, Scheme(), b)), "bsd@512/512 valid 1:4294967301+8589934692=a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDamage(t *testing.T) { volumetest.Damage(t, Scheme(), volumetest.Fixture(t, "bsd.img")) }

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), volumetest.Fixture(f, "bsd.img")[:2048])
}
