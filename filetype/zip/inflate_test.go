package zip

import (
	"bytes"
	"compress/flate"
	"context"
	"io"
	"math/rand"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype/internal/window"
)

func deflate(t testing.TB, level int, data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func inflateAll(z *inflater, p []byte) ([]byte, int64, error) {
	var out []byte
	w := window.New(context.Background(), block.Bytes(p), 8<<10)
	end, err := z.run(w, 0, int64(len(p)), func(b []byte) error {
		out = append(out, b...)
		if len(out) > 8<<20 {
			return errTooLong
		}
		return nil
	})
	return out, end, err
}

func words(r *rand.Rand, n int) []byte {
	list := strings.Fields("the gateway stores what sensors say each minute and sends it on when a network is there 000000000 <tag attr=\"1\"/>")
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(list[r.Intn(len(list))])
		b.WriteByte(" \n\x00"[r.Intn(3)])
	}
	return b.Bytes()[:n]
}

func TestInflateAgreesWithStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	z := newInflater()
	noise := make([]byte, 200_000)
	r.Read(noise)
	for _, data := range [][]byte{nil, {1}, make([]byte, 1<<20), noise, words(r, 700_000), words(r, 100)} {
		for level := -2; level <= 9; level++ {
			p := deflate(t, level, data)
			behind := append(bytes.Clone(p), 0xAA, 0xBB, 0xCC)
			out, end, err := inflateAll(z, behind)
			if err != nil || !bytes.Equal(out, data) || end != int64(len(p)) {
				t.Fatalf("level %d, %d bytes: %d bytes out, end %d of %d, %v", level, len(data), len(out), end, len(p), err)
			}
			if z.loose {
				t.Errorf("level %d, %d bytes: loose", level, len(data))
			}
		}
	}
}

// TestEveryBitFlip turns each bit of real streams: what still gives the same content at the same length
// must stand in slack.
func TestEveryBitFlip(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	mixed := append(words(r, 900), make([]byte, 300)...)
	silent, named := 0, 0
	for _, data := range [][]byte{[]byte("a"), []byte("mimetype"), words(r, 400), words(r, 2500), mixed, bytes.Repeat([]byte("ab"), 700)} {
		for _, level := range []int{flate.BestSpeed, flate.DefaultCompression, flate.HuffmanOnly, flate.NoCompression} {
			p := deflate(t, level, data)
			z := newInflater()
			if _, _, err := inflateAll(z, p); err != nil {
				t.Fatal(err)
			}
			slack := z.slack.Clone()
			q := bytes.Clone(p)
			for i := range len(p) * 8 {
				q[i/8] ^= 1 << (i % 8)
				out, end, err := inflateAll(z, q)
				if err == nil && end == int64(len(p)) && bytes.Equal(out, data) && !z.loose {
					silent++
					if slack.Has(int64(i / 8)) {
						named++
					} else {
						t.Errorf("level %d, %d bytes of content: bit %d of %d turned without effect and is not slack", level, len(data), i, len(p)*8)
					}
				}
				q[i/8] ^= 1 << (i % 8)
			}
		}
	}
	t.Logf("%d silent flips, %d named", silent, named)
}

func TestInflateBroken(t *testing.T) {
	z := newInflater()
	good := deflate(t, 6, words(rand.New(rand.NewSource(3)), 3000))
	for name, p := range map[string][]byte{
		"nothing":            {},
		"type 3":             {0x07},
		"stored length":      {0x01, 1, 0, 0, 0, 'x'},
		"cut":                good[:len(good)/2],
		"distance before":    {0x03 | 0<<3, 0x02, 0x00},
		"dynamic of nothing": {0x05, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, err := inflateAll(z, p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzInflate(f *testing.F) {
	r := rand.New(rand.NewSource(4))
	f.Add([]byte{})
	f.Add(deflate(f, 1, words(r, 500)))
	f.Add(deflate(f, 9, words(r, 500)))
	f.Add(deflate(f, 0, words(r, 50)))
	f.Fuzz(func(t *testing.T, p []byte) {
		out, end, err := inflateAll(newInflater(), p)
		rd := bytes.NewReader(p)
		want, stdErr := io.ReadAll(io.LimitReader(flate.NewReader(rd), 8<<20))
		if err == nil && stdErr == nil && (!bytes.Equal(out, want) || end != int64(len(p)-rd.Len())) {
			t.Fatalf("%d bytes to %d, the standard library %d to %d", len(out), end, len(want), len(p)-rd.Len())
		}
		if err == nil && stdErr != nil {
			t.Fatalf("accepted what the standard library refuses: %v", stdErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	data := words(rand.New(rand.NewSource(5)), 4<<20)
	p := deflate(b, 6, data)
	w := window.New(context.Background(), block.Bytes(p), 256<<10)
	z := newInflater()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := z.run(w, 0, int64(len(p)), func([]byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
