package media_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

// tone is n bytes of a sound of 16 bits with some noise in it.
func tone(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 0, n)
	for i := 0; len(out) < n; i++ {
		v := int16(12000*math.Sin(float64(i)/9) + 2000*r.Float64())
		out = append(out, byte(v), byte(v>>8))
	}
	return out
}

func TestForeign(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat([]byte("The lighthouse keeper wrote a log, 12 lines each day.\n"), 1000)
	sound := tone(256 << 10)
	film := make([]byte, 128<<10) // not each byte is as frequent as the others
	for i := range film {
		film[i] = byte(r.Uint32() & r.Uint32())
		if r.IntN(2) == 0 {
			film[i] = byte(r.Uint32())
		}
	}
	zeros := make([]byte, 64<<10)
	for name, c := range map[string]struct {
		data []byte
		at   int64 // where it turns; -1: nowhere
	}{
		"sound":              {sound, -1},
		"sound, then noise":  {append(bytes.Clone(sound), noise...), int64(len(sound))},
		"sound, then text":   {append(bytes.Clone(sound), text...), int64(len(sound))},
		"sound, then a film": {append(bytes.Clone(sound), film...), int64(len(sound))},
		"then a short noise": {append(append(bytes.Clone(sound), film[:40<<10]...), sound...), -1},
		"sound, then zeros":  {append(bytes.Clone(sound), zeros...), -1},
		"a little noise":     {append(append(bytes.Clone(sound), noise[:5000]...), sound...), -1},
		"noise all the time": {noise, -1},
		"text all the time":  {text, -1},
	} {
		for _, step := range []int{100, 4096, 1 << 20} {
			f, err := media.NewForeignSamples(44, 1), error(nil)
			for p := c.data; len(p) > 0 && err == nil; p = p[min(len(p), step):] {
				err = f.See(p[:min(len(p), step)])
			}
			broken, ok := cursor.IsCorrupt(err)
			switch {
			case ok != (c.at >= 0):
				t.Errorf("%s, %d at once: %v", name, step, err)
			case ok && (broken.Offset > c.at+44 || broken.Offset < c.at-3*4096):
				t.Errorf("%s, %d at once: at %d, expected little before %d", name, step, broken.Offset, c.at)
			}
		}
	}
}

func TestPacked(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat([]byte("The lighthouse keeper wrote a log, 12 lines each day.\n"), 1000)
	for _, c := range []struct {
		data []byte
		at   int64
	}{{append(tone(40<<10), text...), 40 << 10}, {append(tone(40<<10), noise...), 40 << 10}, {append(tone(40<<10), "\x7FELF\x02\x01\x01\x00"...), 40 << 10}, {tone(40 << 10), 40 << 10}} {
		var got int64
		_, err := exam.Kind{Format: "test", Walk: func(e *exam.Exam) error {
			got = media.Packed(e, int64(len(c.data)))
			return filetype.ErrNot
		}}.Examine(t.Context(), block.Bytes(c.data))
		if err == nil || got > c.at || got < c.at-3*4096 {
			t.Errorf("until %d, expected little before %d", got, c.at)
		}
	}
}
