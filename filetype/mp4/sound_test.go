package mp4

import (
	"math/rand/v2"
	"testing"
)

func TestSound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	aac := func() []byte { // any bits, then 111 and up to seven zeros
		v := uint32(rnd.Uint32())<<3 | 7
		v <<= rnd.IntN(8)
		return []byte{byte(v >> 8), byte(v)}
	}
	noise := func() []byte { return []byte{byte(rnd.Uint32()), byte(rnd.Uint32())} }
	var s sound
	for i := range int64(5000) {
		if at, ok := s.see(i, aac()); !ok {
			t.Fatalf("frame %d counts as odd", at)
		}
	}
	for i := int64(5000); ; i++ {
		at, ok := s.see(i, noise())
		if !ok {
			if at < 5000 || at > 5010 {
				t.Errorf("the odd frames begin at %d", at)
			}
			break
		}
		if i > 5100 {
			t.Fatal("noise passes for AAC")
		}
	}
	// Sound of another kind is not held to it.
	s = sound{}
	for i := range int64(5000) {
		if at, ok := s.see(i, noise()); !ok {
			t.Fatalf("frame %d of another kind counts as odd", at)
		}
	}
}
