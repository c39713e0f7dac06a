package wincompress

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// units splits a packed stream of size bytes.
func units(packed []byte, size, unit int) [][]byte {
	n := (size + unit - 1) / unit
	data := packed[4*(n-1):]
	var out [][]byte
	for i := range n {
		from, to := 0, len(data)
		if i > 0 {
			from = int(binary.LittleEndian.Uint32(packed[4*(i-1):]))
		}
		if i < n-1 {
			to = int(binary.LittleEndian.Uint32(packed[4*i:]))
		}
		out = append(out, data[from:to])
	}
	return out
}

var packings = []struct {
	name   string
	unit   int
	decode func(dst, src []byte) error
}{
	{"lzx", LZXWindow, LZX}, {"lzx-fast", LZXWindow, LZX},
	{"xpress4096", 4096, XPRESS}, {"xpress8192", 8192, XPRESS}, {"xpress16384", 16384, XPRESS},
}

func TestAgainstWimlib(t *testing.T) {
	want := unzip(t, "sample")
	for _, p := range packings {
		var got []byte
		stored := 0
		for i, u := range units(unzip(t, p.name), len(want), p.unit) {
			dst := make([]byte, min(p.unit, len(want)-len(got)))
			if len(u) == len(dst) {
				copy(dst, u)
				stored++
			} else if err := p.decode(dst, u); err != nil {
				t.Fatalf("%s: unit %d: %v", p.name, i, err)
			}
			got = append(got, dst...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: wrong bytes", p.name)
		}
		t.Logf("%s: %d of %d units as they are", p.name, stored, (len(want)+p.unit-1)/p.unit)
	}
}

// The example of [MS-XCA], section 3.2, of the letters from a to z.
func TestXPRESSOfSpecification(t *testing.T) {
	src := make([]byte, 256)
	src[0x30], src[0x3B], src[0x3C], src[0x3D], src[0x80] = 0x50, 0x45, 0x44, 0x04, 0x04
	for i := 0x31; i <= 0x3A; i++ {
		src[i] = 0x55
	}
	src = append(src, unhex(t, "d8523ed794115be9195ff9d67cdf8d0400000000")...)
	got := make([]byte, 26)
	if err := XPRESS(got, src); err != nil || string(got) != "abcdefghijklmnopqrstuvwxyz" {
		t.Errorf("%q, %v", got, err)
	}
}

// The example of [MS-XCA], section 3.3.
func TestLZNT1OfSpecification(t *testing.T) {
	src := unhex(t, "38b0884623200020472041001 0a24701a045204400084501507900c0452005241388 05b4024a44ef0358028c091601484500be009e000401189000")
	want := "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\x00"
	got := make([]byte, 4096)
	n, err := LZNT1(got, src)
	if err != nil || string(got[:n]) != want {
		t.Errorf("%q, %v", got[:n], err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLZNT1Chunks(t *testing.T) {
	stored := append([]byte{0xFF, 0x3F}, bytes.Repeat([]byte("x"), 4096)...)
	short := []byte{0x03, 0xB0, 0x02, 'a', 0xFC, 0x0F} // a, then a match of 0xFFF bytes
	for _, tt := range []struct {
		name string
		src  []byte
		room int
		want string // "!" when it is corrupt
	}{
		{"nothing", nil, 10, ""},
		{"the end", []byte{0, 0, 'a'}, 10, ""},
		{"stored", stored, 8192, strings.Repeat("x", 4096)},
		{"no room", stored, 100, "!"},
		{"a run", short, 8192, strings.Repeat("a", 4096)},
		{"a short chunk before another", append([]byte{0x01, 0xB0, 0x00, 'a'}, stored...), 8192, "a" + strings.Repeat("\x00", 4095) + strings.Repeat("x", 4096)},
		{"no mark", []byte{0x01, 0x80, 0, 'a'}, 10, "!"},
		{"over the end", []byte{0x09, 0xB0, 0, 'a'}, 10, "!"},
		{"half a match", []byte{0x01, 0xB0, 0x01, 'a'}, 10, "!"},
		{"before the start", []byte{0x02, 0xB0, 0x01, 0x00, 0x10}, 10, "!"},
		{"too long", []byte{0x04, 0xB0, 0x00, 'a', 'b', 'c', 'd'}, 3, "!"},
	} {
		dst := make([]byte, tt.room)
		n, err := LZNT1(dst, tt.src)
		if tt.want == "!" {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %d bytes, %v", tt.name, n, err)
			}
		} else if err != nil || string(dst[:n]) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, dst[:n], err)
		}
	}
}

func TestCodes(t *testing.T) {
	var c code
	for _, tt := range []struct {
		lengths []byte
		ok      bool
	}{
		{[]byte{1, 1}, true}, {[]byte{1, 2, 2}, true}, {[]byte{0, 0}, true},
		{[]byte{1, 1, 1}, false}, {[]byte{1, 2}, false}, {[]byte{8, 1}, false},
	} {
		if err := c.build(tt.lengths, 7); (err == nil) != tt.ok {
			t.Errorf("%v: %v", tt.lengths, err)
		}
	}
}

// Damaged input ends, in an error or in other bytes, and never outside of its room.
func TestDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	size := len(unzip(t, "sample"))
	for _, p := range packings {
		for _, u := range units(unzip(t, p.name), size, p.unit) {
			for range 20 {
				b := bytes.Clone(u)
				for range 1 + rnd.IntN(6) {
					b[rnd.IntN(len(b))] = byte(rnd.Uint32())
				}
				if rnd.IntN(3) == 0 {
					b = b[:rnd.IntN(len(b))]
				}
				if err := p.decode(make([]byte, p.unit), b); err != nil && !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%s: %v", p.name, err)
				}
			}
		}
	}
}

func FuzzXPRESS(f *testing.F) {
	f.Add(units(unzip(f, "xpress4096"), len(unzip(f, "sample")), 4096)[0])
	f.Fuzz(func(t *testing.T, p []byte) {
		if err := XPRESS(make([]byte, 70000), p); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	})
}

func FuzzLZX(f *testing.F) {
	f.Add(units(unzip(f, "lzx"), len(unzip(f, "sample")), LZXWindow)[1])
	f.Fuzz(func(t *testing.T, p []byte) {
		if err := LZX(make([]byte, LZXWindow), p); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	})
}

func FuzzLZNT1(f *testing.F) {
	f.Add([]byte{0x03, 0xB0, 0x02, 'a', 0xFC, 0x0F})
	f.Fuzz(func(t *testing.T, p []byte) {
		dst := make([]byte, 65536)
		if n, err := LZNT1(dst, p); n > len(dst) || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Error(n, err)
		}
	})
}
