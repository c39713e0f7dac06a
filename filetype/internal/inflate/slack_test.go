package inflate

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// words returns n bytes of text, with zeros in some places.
func words(r *rand.Rand, n int) []byte {
	list := strings.Fields("the gateway stores what sensors say each minute and sends it on when a network is there 000000000 <tag attr=\"1\"/>")
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(list[r.IntN(len(list))])
		b.WriteByte(" \n\x00"[r.IntN(3)])
	}
	return b.Bytes()[:n]
}

// What the library's writer gives at any level has slack that can be named.
func TestNamedIsForced(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, data := range contents() {
		for level := -2; level <= 9; level++ {
			if _, res, _, err := run(pack(t, data, level), Named); err != nil || !res.Forced {
				t.Errorf("%s, level %d: %+v, %v", name, level, res, err)
			}
		}
	}
	if _, res, _, err := run(pack(t, words(r, 700_000), 6), Named); err != nil || !res.Forced {
		t.Errorf("words: %v, %v", res.Forced, err)
	}
}

// TestEveryBitFlip turns each bit of real streams: what still gives the same content at the same length must stand in
// the slack.
func TestEveryBitFlip(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	mixed := append(words(r, 900), make([]byte, 300)...)
	silent, named := 0, 0
	for _, data := range [][]byte{[]byte("a"), []byte("mimetype"), words(r, 400), words(r, 2500), mixed, bytes.Repeat([]byte("ab"), 700)} {
		for _, level := range []int{stdflate.BestSpeed, stdflate.DefaultCompression, stdflate.HuffmanOnly, stdflate.NoCompression} {
			p := pack(t, data, level)
			_, res, _, err := run(p, Named)
			if err != nil {
				t.Fatal(err)
			}
			q := bytes.Clone(p)
			for i := range len(p) * 8 {
				q[i/8] ^= 1 << (i % 8)
				out, other, end, err := run(q, Named)
				if err == nil && end == int64(len(p)) && bytes.Equal(out, data) && other.Forced {
					silent++
					if res.Slack.Has(int64(i / 8)) {
						named++
					} else {
						t.Errorf("level %d, %d bytes of content: bit %d of %d turned without effect and is not slack", level, len(data), i, len(p)*8)
					}
				}
				q[i/8] ^= 1 << (i % 8)
			}
		}
	}
	if silent == 0 {
		t.Error("no bit could be turned without effect")
	}
	t.Logf("%d silent flips, %d named", silent, named)
}

func TestRefuses(t *testing.T) {
	good := pack(t, words(rand.New(rand.NewPCG(3, 3)), 3000), 6)
	for name, p := range map[string][]byte{
		"nothing":            {},
		"type 3":             {0x07},
		"stored length":      {0x01, 1, 0, 0, 0, 'x'},
		"cut":                good[:len(good)/2],
		"distance before":    {0x03 | 0<<3, 0x02, 0x00},
		"dynamic of nothing": {0x05, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, _, err := run(p, Named); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzNamed compares with the library what any bytes inflate to.
func FuzzNamed(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	f.Add([]byte{})
	for _, level := range []int{0, 1, 9} {
		f.Add(pack(f, words(r, 500), level))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 64<<10 {
			return
		}
		out, _, end, err := run(p, Named)
		rd := bytes.NewReader(p)
		want, stdErr := io.ReadAll(io.LimitReader(stdflate.NewReader(rd), 128<<20))
		if err == nil && stdErr == nil && (!bytes.Equal(out, want) || end != int64(len(p)-rd.Len())) {
			t.Fatalf("%d bytes to %d, the standard library %d to %d", len(out), end, len(want), len(p)-rd.Len())
		}
		if err == nil && stdErr != nil {
			t.Fatalf("accepted what the standard library refuses: %v", stdErr)
		}
	})
}
