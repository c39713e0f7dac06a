package sweep

import "testing"

// Each pair that value and mask allow is given once.
func TestEachPair(t *testing.T) {
	for _, tt := range []struct{ value, mask [2]byte }{
		{[2]byte{1, 2}, [2]byte{0xFF, 0xFF}}, {[2]byte{0x50, 2}, [2]byte{0xF0, 0x0F}}, {[2]byte{7, 0}, [2]byte{0xFF, 0}},
		{[2]byte{0xA5, 0x80}, [2]byte{0xAA, 0x81}}, {[2]byte{}, [2]byte{}},
	} {
		seen := map[[2]byte]int{}
		eachPair(tt.value, tt.mask, func(a, b byte) { seen[[2]byte{a, b}]++ })
		want := 0
		for a := range 256 {
			for b := range 256 {
				p := [2]byte{byte(a), byte(b)}
				if p[0]&tt.mask[0] == tt.value[0]&tt.mask[0] && p[1]&tt.mask[1] == tt.value[1]&tt.mask[1] {
					want++
					if seen[p] != 1 {
						t.Fatalf("%x with %x: %x is given %d times", tt.value, tt.mask, p, seen[p])
					}
				}
			}
		}
		if len(seen) != want {
			t.Errorf("%x with %x: %d pairs, want %d", tt.value, tt.mask, len(seen), want)
		}
	}
}
