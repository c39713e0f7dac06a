package media_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"

	"salvor/filetype/internal/media"
)

func picture(t testing.TB, size int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			m.Set(x, y, color.RGBA{byte(x + r.IntN(40)), byte(y + r.IntN(40)), byte(x * y / 99), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestJPEGWatch(t *testing.T) {
	p := picture(t, 512)
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat([]byte("The lighthouse keeper wrote a log.\n"), 2000)
	for _, step := range []int{1, 100, 4096, 1 << 20} {
		see := func(p []byte) (int64, bool, bool) {
			var w media.JPEGWatch
			for len(p) > 0 {
				n := min(len(p), step)
				if at, ok := w.See(p[:n]); !ok {
					return at, false, false
				}
				p = p[n:]
			}
			return 0, true, w.Ended()
		}
		if at, ok, ended := see(p); !ok || !ended {
			t.Errorf("step %d: the picture itself: at %d, %v, ended %v", step, at, ok, ended)
		}
		for _, cut := range []int{4000, len(p) / 2, len(p) - 700} {
			for name, other := range map[string][]byte{"noise": noise, "text": text, "zeros": make([]byte, 16<<10)} {
				at, ok, _ := see(append(bytes.Clone(p[:cut]), other...))
				if late := int64(4 << 10); ok || at < int64(cut)-200 || at > int64(cut)+late {
					t.Errorf("step %d, cut at %d before %s: %d, %v", step, cut, name, at, ok)
				}
			}
		}
	}
}

func BenchmarkJPEGWatch(b *testing.B) {
	p := picture(b, 1024)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		var w media.JPEGWatch
		w.See(p)
	}
}
