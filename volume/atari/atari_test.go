package atari

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"salvor/volume/volumetest"
)

func TestFixtures(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte)
		want   string
	}{
		{name: "atari-primary.img", want: "atari@0/512 valid 1:2+10238"},
		{name: "atari-xgm.img", want: "atari@0/512 valid 1:2+9 2:13+10227c 3:14+10226"},
		{name: "an unknown identifier", damage: func(b []byte) { b[0x1c7] = 'X' }, want: ""},
		{name: "a disk of another size", damage: func(b []byte) { b[0x1c2] = 1 }, want: ""},
		{name: "behind the end", damage: func(b []byte) { binary.BigEndian.PutUint32(b[0x1ce:], 20000) }, want: ""},
		{name: "a loop", damage: func(b []byte) {
			// The chain leads back to its own first sector.
			for i := 13 * 512; i < 13*512+512; i++ {
				b[i] = 0
			}
			e := b[13*512+0x1c6:]
			e[0] = 1
			copy(e[1:], "RAW")
			binary.BigEndian.PutUint32(e[4:], 1)
			binary.BigEndian.PutUint32(e[8:], 10)
			e = e[12:]
			e[0] = 1
			copy(e[1:], "XGM")
			binary.BigEndian.PutUint32(e[8:], 10)
			binary.BigEndian.PutUint32(e[4:], 1)
			copy(b[14*512+0x1c6:], b[13*512+0x1c6:13*512+0x1c6+24])
		}, want: "atari@0/512 1:2+9 2:13+10227c 3:14+10 4:15+10 atari.extended.broken"},
	} {
		name := c.name
		if c.damage != nil {
			name = "atari-xgm.img"
		}
		img := volumetest.Fixture(t, name)
		if c.damage != nil {
			c.damage(img)
		}
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Nothing fixed stands in a root sector, so that chance must be kept out by the rest.
func TestChance(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 1<<20)
	for range 2000 {
		for i := range b[:512] {
			b[i] = byte(rnd.Uint32())
		}
		binary.BigEndian.PutUint32(b[0x1c2:], 2048)
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), b)); got != "" {
			t.Fatalf("noise is read as %s", got)
		}
	}
}

func TestDamage(t *testing.T) { volumetest.Damage(t, Scheme(), volumetest.Fixture(t, "atari-xgm.img")) }

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), volumetest.Fixture(f, "atari-primary.img")[:1024])
}
