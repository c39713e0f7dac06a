package lzfse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"salvor/cursor"
)

// forms are the ways in which a sample is encoded.
func forms(p []byte) map[string][]byte {
	le := binary.LittleEndian
	vn := encodeLZVN(p)
	raw := append(le.AppendUint32([]byte("bvx-"), uint32(len(p))), p...)
	lzvn := append(le.AppendUint32(le.AppendUint32([]byte("bvxn"), uint32(len(p))), uint32(len(vn))), vn...)
	older, newer := encode(p, true), encode(p, false)
	all := append([]byte(nil), newer[:len(newer)-4]...)
	all = append(append(append(append(all, older[:len(older)-4]...), lzvn...), raw...), "bvx$"...)
	return map[string][]byte{
		"raw": append(raw, "bvx$"...), "lzvn": append(lzvn, "bvx$"...), "older": older, "newer": newer, "all": all,
	}
}

func TestDecode(t *testing.T) {
	for _, n := range []int{1, 3, 4, 5, 17, 100, 4095, 40000} {
		p := sample(n)
		for name, src := range forms(p) {
			want := p
			if name == "all" {
				want = bytes.Repeat(p, 4)
			}
			dst := make([]byte, len(want)+10)
			got, err := Decode(dst, src)
			if err != nil || !bytes.Equal(dst[:got], want) {
				t.Errorf("%s of %d bytes: %d, %v", name, n, got, err)
			}
			// A buffer that is too small gets its part.
			dst = make([]byte, len(want)/2)
			if got, err := Decode(dst, src); err != nil || got != len(dst) || !bytes.Equal(dst, want[:got]) {
				t.Errorf("%s of %d bytes, half: %d, %v", name, n, got, err)
			}
			for _, cut := range []int{0, 3, 7, 11, 40, len(src) / 2, len(src) - 6} {
				if cut < 0 || cut >= len(src) {
					continue
				}
				dst := make([]byte, len(want)+10)
				if got, err := Decode(dst, src[:cut]); err == nil {
					t.Errorf("%s of %d bytes, cut to %d: %d bytes without an error", name, n, cut, got)
				} else if _, ok := cursor.IsCorrupt(err); !ok {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

func TestDecodeLZVN(t *testing.T) {
	p := sample(70000)
	dst := make([]byte, len(p))
	if n, err := DecodeLZVN(dst, encodeLZVN(p)); err != nil || !bytes.Equal(dst[:n], p) {
		t.Fatalf("%d, %v", n, err)
	}
	for _, tt := range []struct {
		src  string
		want string
		ok   bool
	}{
		{"\x06", "", true},
		{"\x0e\x16\x06", "", true},
		{"\xe3abc\xf3\x06", "abc", false},         // a match without a distance
		{"\xe3abc\x00\x03\x06", "abcabc", true},   // distance 3, match 3
		{"\xe1a\x00\x01\xf2\x06", "aaaaaa", true}, // again, by the distance before
		{"\xe1a\x00\x02\x06", "a", false},         // before the beginning
		{"\xe3ab", "", false},                     // literals missing
		{"\x1e", "", false},                       // not defined
		{"\x71", "", false}, {"\xd2", "", false},  // not defined
		{"\xe1a\xa0\x07\x00\x06", "aaaaaaa", true}, // middle: match 6, distance 1
		{"\xe1a\x07\x01\x00\x06", "aaaa", true},    // large
		{"\xe0", "", false}, {"\xf0", "", false}, {"\xa0\x01", "", false}, {"\x07\x01", "", false}, {"\x01", "", false},
		{"\xe1a", "a", false},
	} {
		dst := make([]byte, 100)
		n, err := DecodeLZVN(dst, []byte(tt.src))
		if string(dst[:n]) != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %q, %v", tt.src, dst[:n], err)
		}
	}
}

// Whatever is broken, decoding ends and writes nowhere else.
func TestDamaged(t *testing.T) {
	p := sample(20000)
	random := rand.New(rand.NewPCG(1, 2))
	for name, src := range forms(p) {
		for range 2000 {
			bad := bytes.Clone(src)
			for range 1 + random.IntN(4) {
				bad[random.IntN(len(bad))] = byte(random.Uint32())
			}
			buf := make([]byte, 30000)
			n, _ := Decode(buf[:25000], bad)
			if n > 25000 || !bytes.Equal(buf[25000:], make([]byte, 5000)) {
				t.Fatalf("%s: wrote behind its buffer", name)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, src := range forms(sample(3000)) {
		f.Add(src)
	}
	f.Add([]byte("bvx2"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, decode := range []func(dst, src []byte) (int, error){Decode, DecodeLZVN} {
			dst := make([]byte, 1<<16)
			n, err := decode(dst, src)
			if n < 0 || n > len(dst) {
				t.Fatal(n)
			}
			if _, ok := cursor.IsCorrupt(err); err != nil && !ok {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	p := sample(40000)
	for name, src := range forms(p) {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			dst := make([]byte, len(p))
			for b.Loop() {
				if _, err := Decode(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
