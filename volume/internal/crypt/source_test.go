package crypt

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	reference "golang.org/x/crypto/xts"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
)

// faulty is a medium of which ranges cannot be read, and which may know them.
func faulty(b []byte, known bool, bad ...block.Extent) block.Source {
	var list []block.Unreadable
	for _, e := range bad {
		list = append(list, block.Unreadable{Extent: e, Why: block.Bad})
	}
	src := block.Source(blocktest.Faulty(block.Bytes(b), list))
	if !known {
		src = blocktest.Silent(src)
	}
	return src
}

// key is one that is not secret.
func key(n int) []byte {
	k := make([]byte, n)
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range k {
		k[i] = byte(rnd.Uint32())
	}
	return k
}

// encrypt is an independent maker of what New reads.
func encrypt(t testing.TB, name string, k []byte, plain []byte, size int, number uint64) []byte {
	t.Helper()
	out := bytes.Clone(plain)
	c, err := reference.NewCipher(ciphers["aes"], k)
	if err != nil || name != "aes-xts-plain64" {
		t.Fatal(name, err)
	}
	for at := 0; at < len(out); at += size {
		c.Encrypt(out[at:at+size], out[at:at+size], number)
		number += uint64(size / 512)
	}
	return out
}

// TestSource holds a volume of all kinds of pieces, on a medium with bad places, to the laws of sources.
func TestSource(t *testing.T) {
	const sector = 4096
	plain := bytes.Repeat([]byte("what stands on the volume, as text; "), 4000)[:32*sector]
	k := key(64)
	for _, known := range []bool{false, true} {
		t.Run(map[bool]string{false: "unknown", true: "known"}[known], func(t *testing.T) {
			blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
				s, err := New("aes-xts-plain64", k, sector, 512)
				if err != nil {
					t.Fatal(err)
				}
				medium := append(make([]byte, 5000), encrypt(t, "aes-xts-plain64", k, plain, sector, 1000)...)
				medium = append(medium, bytes.Repeat([]byte("plain"), 2000)...)
				// The fixed piece lies over the first bytes, zeros over the second sector.
				fixed := bytes.Repeat([]byte("F"), 512)
				pieces := []Piece{
					{Length: 512, Kind: Fixed, Bytes: fixed},
					{Length: sector, Physical: 5000 + 32*sector, Kind: Plain},
					{Logical: sector, Length: sector, Kind: Zero},
					{Logical: 20 * sector, Length: sector, Kind: Lost},
					{Length: 32 * sector, Physical: 5000, Sectors: s, Number: 1000},
					{Logical: 33 * sector, Length: 100, Physical: 100, Kind: Plain}, // leaves a gap
				}
				want := append(bytes.Clone(plain), make([]byte, sector+100)...)
				copy(want, medium[5000+32*sector:][:sector])
				copy(want, fixed)
				clear(want[sector : 2*sector])
				src := faulty(medium, known,
					block.Extent{Offset: 5000 + 3*sector + 512, Length: 512}, // a sector of the medium in one of the cipher
					block.Extent{Offset: 5000 + 9*sector + 7, Length: 3},     // inside of a block of the cipher
					block.Extent{Offset: 5000 + 15*sector, Length: 2 * sector},
				)
				unreadable := block.SetOf(
					block.Extent{Offset: 3*sector + 512, Length: 512},
					block.Extent{Offset: 9 * sector, Length: 16},
					block.Extent{Offset: 15 * sector, Length: 2 * sector},
					block.Extent{Offset: 20 * sector, Length: sector},
					block.Extent{Offset: 32 * sector, Length: sector},
				)
				return NewSource(src, pieces, int64(len(want))), want, unreadable
			})
		})
	}
}

// A mode that needs the whole sector loses the whole sector.
func TestSourceWholeSectors(t *testing.T) {
	blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
		k := key(32)
		s, err := New("aes-cbc-eboiv", k, 512, 512)
		if err != nil {
			t.Fatal(err)
		}
		medium := make([]byte, 300*512+100) // the end is no whole sector
		want := bytes.Clone(medium)
		s.Decrypt(want[:300*512], 0)
		src := faulty(medium, true, block.Extent{Offset: 70*512 + 100, Length: 1}, block.Extent{Offset: 299 * 512, Length: 10})
		unreadable := block.SetOf(block.Extent{Offset: 70 * 512, Length: 512}, block.Extent{Offset: 299 * 512, Length: 512 + 100})
		return NewSource(src, []Piece{{Length: int64(len(medium)), Sectors: s}}, int64(len(medium))), want, unreadable
	})
}

// TestMixed has encrypted and plain sectors beside each other; one that could be either is not read.
func TestMixed(t *testing.T) {
	const sector = 512
	k := key(64)
	s, err := New("aes-xts-plain64", k, sector, sector)
	if err != nil {
		t.Fatal(err)
	}
	words := bytes.Repeat([]byte("words and words "), sector/16)
	noise := key(sector)
	medium := bytes.Join([][]byte{
		encrypt(t, "aes-xts-plain64", k, words, sector, 0),
		words,
		make([]byte, sector),
		encrypt(t, "aes-xts-plain64", k, make([]byte, sector), sector, 3),
		noise,
		words,
	}, nil)
	src := NewSource(block.Bytes(medium), []Piece{{Length: int64(len(medium)), Kind: Mixed, Sectors: s}}, int64(len(medium)))
	got := make([]byte, len(medium))
	n, err := src.ReadAt(got, 0)
	u, ok := block.IsUnreadable(err)
	if want := bytes.Join([][]byte{words, words, make([]byte, 2*sector)}, nil); n != len(want) || !ok || !bytes.Equal(got[:n], want) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if e := (block.Extent{Offset: 4 * sector, Length: sector}); u.Ranges[0].Extent != e || !errors.Is(err, errUndecided) {
		t.Errorf("%v, expected %v", u, e)
	}
	if n, err := src.ReadAt(got[:sector], 5*sector); n != sector || err != nil && err != io.EOF || !bytes.Equal(got[:n], words) {
		t.Errorf("behind it: %d, %v", n, err)
	}
}

func TestPlaces(t *testing.T) {
	s, err := New("aes-xts-plain64", key(32), 512, 512)
	if err != nil {
		t.Fatal(err)
	}
	src := NewSource(block.Bytes(make([]byte, 1<<20)), []Piece{
		{Length: 4096, Physical: 8192, Sectors: s},
		{Logical: 4096, Length: 4096, Kind: Zero},
		{Logical: 8192, Length: 4096, Physical: 4096, Kind: Plain},
	}, 12288)
	got := src.Places(block.Extent{Offset: 1000, Length: 8000})
	want := []volume.Place{{Logical: 1000, Length: 3096, Physical: 9192}, {Logical: 8192, Length: 808, Physical: 4096}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
}

// TestLarge reads more at once than one processor decrypts, from places where no sector begins.
func TestLarge(t *testing.T) {
	const sector = 4096
	k := key(64)
	s, err := New("aes-xts-plain64", k, sector, 512)
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("some text, "), 3<<20/11+1)[:3<<20]
	src := NewSource(block.Bytes(encrypt(t, "aes-xts-plain64", k, plain, sector, 0)), []Piece{{Length: int64(len(plain)), Sectors: s}}, int64(len(plain)))
	for _, at := range []int{0, 1, 16, 512, 4095, 4096, 70000} {
		got := make([]byte, len(plain)-at-at%7)
		if n, err := src.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got[:n], plain[at:at+n]) {
			t.Errorf("from %d: %d bytes, %v", at, n, err)
		}
	}
}

// BenchmarkSource reads a volume in the pieces that the main job reads.
func BenchmarkSource(b *testing.B) {
	s, err := New("aes-xts-plain64", key(64), 512, 512)
	if err != nil {
		b.Fatal(err)
	}
	src := NewSource(block.Bytes(make([]byte, 16<<20)), []Piece{{Length: 16 << 20, Sectors: s}}, 16<<20)
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for i := 0; b.Loop(); i++ {
		if _, err := src.ReadAt(p, int64(i%15)<<20); err != nil {
			b.Fatal(err)
		}
	}
}
