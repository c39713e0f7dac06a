package inflate

import (
	"bytes"
	stdflate "compress/flate"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
)

// pack compresses with the standard library, whose levels from 4 on take the nearest copy as zlib does, or
// with another writer that does not.
func pack(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := stdflate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func run(packed []byte, ask Freedom) (out []byte, r Result, end int64, err error) {
	s := filetype.NewStream(context.Background(), block.Bytes(packed), 0)
	r, err = new(Inflater).Run(context.Background(), s, ask, func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	return out, r, s.Offset(), err
}

func contents() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var words strings.Builder
	list := strings.Fields("the boats left before light came and nobody on the quay said a word to any of them")
	for words.Len() < 400000 {
		words.WriteString(list[r.IntN(len(list))])
		words.WriteByte(' ')
	}
	return map[string][]byte{
		"empty": nil, "short": []byte("hello hello hello"), "zeros": make([]byte, 500000),
		"noise": noise, "words": []byte(words.String()),
		"far": append(append(bytes.Clone(noise[:32768]), noise[:32768]...), noise[:20000]...),
	}
}

func TestRoundTrip(t *testing.T) {
	for name, data := range contents() {
		for _, level := range []int{-2, -1, 0, 1, 6, 9} {
			packed := pack(t, data, level)
			for _, behind := range []int{0, 1, 9, 5000} {
				for _, ask := range []Freedom{Ignored, Refused, Named} {
					out, r, end, err := run(append(bytes.Clone(packed), bytes.Repeat([]byte{0xA5}, behind)...), ask)
					if err != nil || !bytes.Equal(out, data) || r.Out != int64(len(data)) || end != int64(len(packed)) {
						t.Fatalf("%s, level %d, %d behind: %d of %d bytes, end %d of %d: %v", name, level, behind, len(out), len(data), end, len(packed), err)
					}
					if ask == Ignored && r.Forced {
						t.Errorf("%s: forced without being asked", name)
					}
				}
			}
		}
	}
}

// Wherever a stream is cut, the end of the source is the error and the place is exact.
func TestCut(t *testing.T) {
	packed := pack(t, contents()["words"][:3000], 6)
	for n := range len(packed) {
		_, _, end, err := run(packed[:n], Refused)
		if !errors.Is(err, io.EOF) || end != int64(n) {
			t.Fatalf("cut at %d: %v at %d", n, err, end)
		}
	}
}

// On damaged streams this reader and a library agree on what can be inflated and to what; and no flipped
// bit leaves a forced stream forced with the same content.
func TestFlips(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	same, sound := 0, 0
	for name, data := range contents() {
		if len(data) > 4000 {
			data = data[:4000]
		}
		packed := pack(t, data, 6)
		_, whole, _, err := run(packed, Refused)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			c := bytes.Clone(packed)
			c[r.IntN(len(c))] ^= 1 << r.IntN(8)
			out, res, end, err := run(c, Refused)
			theirs, theirErr := io.ReadAll(flate.NewReader(bytes.NewReader(c)))
			if (err == nil) != (theirErr == nil) || err == nil && !bytes.Equal(out, theirs) {
				// Libraries differ on incomplete distance codes, which zlib refuses too.
				if c, ok := cursor.IsCorrupt(err); !ok || c.Expected != "complete codes" {
					t.Fatalf("%s: %v here, %v there", name, err, theirErr)
				}
			}
			if err != nil {
				continue
			}
			sound++
			if bytes.Equal(out, data) && end == int64(len(c)) { // an earlier end is seen by who reads what follows
				same++
				if res.Forced && whole.Forced {
					t.Errorf("%s: other bits, the same content, and forced\n% x\n% x", name, packed[:min(40, len(packed))], c[:min(40, len(c))])
				}
			}
		}
	}
	t.Logf("of 18000 flipped streams %d inflate, %d to the same content", sound, same)
}

func TestForced(t *testing.T) {
	packed := pack(t, contents()["words"], 6)
	if _, r, _, err := run(packed, Refused); err != nil || !r.Forced {
		t.Errorf("level 6: forced %v, %v", r.Forced, err)
	}
	// The bits that fill up the last byte.
	for bit := 7; bit >= 0; bit-- {
		c := bytes.Clone(packed)
		c[len(c)-1] |= 1 << bit
		if bytes.Equal(c, packed) {
			continue
		}
		if _, r, _, err := run(c, Refused); err != nil || r.Forced {
			t.Errorf("bit %d set behind the end: forced %v, %v", bit, r.Forced, err)
		}
		break
	}
}

func TestBroken(t *testing.T) {
	for name, p := range map[string]string{
		"block type 3":     "\x07",
		"stored length":    "\x01\x05\x00\x00\x00hello",
		"distance too far": "\x03\x02\x00",
	} {
		_, _, _, err := run([]byte(p), Named)
		if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := filetype.NewStream(ctx, block.Bytes(pack(t, contents()["zeros"], 6)), 0)
	_, err := new(Inflater).Run(ctx, s, Ignored, func([]byte) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func FuzzInflate(f *testing.F) {
	for _, data := range contents() {
		f.Add(pack(f, data[:min(len(data), 2000)], 6))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		n := 0
		s := filetype.NewStream(t.Context(), block.Bytes(p), 0)
		_, err := new(Inflater).Run(t.Context(), s, Refused, func(p []byte) error {
			if n += len(p); n > 64<<20 {
				return io.ErrShortWrite
			}
			return nil
		})
		if c, ok := cursor.IsCorrupt(err); ok && (c.Offset < 0 || c.Offset > int64(len(p))) {
			t.Fatal(err)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	data := contents()["words"]
	packed := pack(b, data, 6)
	for _, ask := range []Freedom{Ignored, Refused, Named} {
		b.Run([]string{"ignored", "refused", "named"}[ask], func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			f := new(Inflater)
			for b.Loop() {
				s := filetype.NewStream(b.Context(), block.Bytes(packed), 0)
				if _, err := f.Run(b.Context(), s, ask, func([]byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
