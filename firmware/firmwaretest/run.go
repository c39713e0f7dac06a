// Package firmwaretest holds readers of firmware formats to what all of them promise: a good image is whole, a flipped bit
// is noticed wherever a check of the format can see it, a file that is cut off is never whole, and hostile bytes do no
// harm.
package firmwaretest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/firmware"
)

// Options say what a format cannot see.
type Options struct {
	// Blind are bytes of the image that no check of the format covers.
	Blind block.Set
	// Short are lengths, in bytes, to which the image can be cut without any check of the format noticing.
	Short func(n int64) bool
	// Flips and Cuts are how many places are tried; 0 for 300 and 100.
	Flips, Cuts int
	// Keys are those that the image's signatures are checked with.
	Keys []firmware.Key
}

// Scratch keeps in memory what comes out of compression.
type Scratch struct{ b []byte }

func (s *Scratch) Write(p []byte) (int, error) { s.b = append(s.b, p...); return len(p), nil }

// Size is how much was written.
func (s *Scratch) Size() int64 { return int64(len(s.b)) }

// ReadAt reads what was written.
func (s *Scratch) ReadAt(p []byte, off int64) (int, error) { return block.Bytes(s.b).ReadAt(p, off) }

// Open opens an image by the formats.
func Open(t testing.TB, image []byte, keys []firmware.Key, formats ...firmware.Format) *firmware.Part {
	t.Helper()
	p, err := firmware.Open(context.Background(), block.Bytes(image), "image", firmware.Options{Formats: formats, Keys: keys, Limit: 1 << 30,
		Scratch: func() (firmware.Scratch, error) { return &Scratch{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Run holds formats to their promises over a good image, which begins with the first of them.
func Run(t *testing.T, image []byte, o Options, formats ...firmware.Format) {
	t.Helper()
	whole := Open(t, image, o.Keys, formats...)
	if whole.Format != formats[0].Name {
		t.Fatalf("it is taken for %q, want %q: %v", whole.Format, formats[0].Name, whole.Findings)
	}
	if v := firmware.Whole(whole); v.Answer == firmware.No || v.Answer == firmware.CannotTell && o.Blind.Empty() {
		t.Fatalf("a good image is %v: %q, uncovered %v", v.Answer, v.Reasons, whole.Uncovered().Extents())
	}
	rnd := rand.New(rand.NewPCG(uint64(len(image)), 8))
	flips, cuts := o.Flips, o.Cuts
	if flips == 0 {
		flips = 300
	}
	if cuts == 0 {
		cuts = 100
	}
	for i := range flips {
		at := rnd.IntN(len(image))
		if i < 64 {
			at = min(i, len(image)-1) // headers
		}
		if o.Blind.Has(int64(at)) {
			continue
		}
		p := bytes.Clone(image)
		p[at] ^= 1 << rnd.IntN(8)
		got := Open(t, p, o.Keys, formats...)
		if v := firmware.Whole(got); v.Answer == firmware.OK || got.Format == formats[0].Name && v.Answer != firmware.No {
			t.Errorf("a flipped bit at %d: %v %q", at, v.Answer, v.Reasons)
		}
	}
	for i := range cuts {
		n := rnd.IntN(len(image))
		switch {
		case i == 0:
			n = len(image) - 1
		case i < 20:
			n = i * 8
		}
		n = min(n, len(image)-1)
		if o.Short != nil && o.Short(int64(n)) {
			continue
		}
		got := Open(t, image[:n], o.Keys, formats...)
		if v := firmware.Whole(got); v.Answer == firmware.OK || got.Format == formats[0].Name && v.Answer != firmware.No {
			t.Errorf("cut to %d of %d bytes: %v %q", n, len(image), v.Answer, v.Reasons)
		}
	}
	for range 200 { // rubbish does no harm
		p := bytes.Clone(image)
		for range 1 + rnd.IntN(16) {
			at := rnd.IntN(len(p))
			n := min(1<<rnd.IntN(10), len(p)-at)
			for k := range p[at : at+n] {
				p[at+k] = byte(rnd.Uint32())
			}
		}
		Open(t, p, o.Keys, formats...)
	}
}

// Noise returns n bytes that follow from the seed.
func Noise(n int, seed uint64) []byte {
	p := make([]byte, n)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}
