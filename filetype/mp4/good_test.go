package mp4

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/filetype"
)

// film is the data of a film in AVC whose index is not there: frames of some kilobytes, with sound between them.
func film(seed uint64, frames int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	out := []byte("\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  \x00\x00\x00\x08wide\x00\x00\x00\x00mdat")
	size := len(out) - 8
	noise := func(n int) {
		for range n {
			out = append(out, byte(r.Uint32()))
		}
	}
	for i := range frames {
		n := 3000 + r.IntN(9000)
		out = binary.BigEndian.AppendUint32(out, uint32(n))
		if i%25 == 0 {
			out = append(out, 0x65, 0x88)
		} else {
			out = append(out, 0x41, 0x9A|byte(i&1))
		}
		noise(n - 2)
		noise(200 + r.IntN(200))
	}
	binary.BigEndian.PutUint32(out[size:], uint32(len(out)-size))
	return out
}

// A film that is cut before its index is good up to little before the cut, whatever follows.
func TestCutBeforeTheIndex(t *testing.T) {
	whole := film(1, 120)
	noise := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat([]byte("The keeper cleaned the lamp and wrote it down.\n"), 20000)
	for name, behind := range map[string][]byte{"noise": noise, "zeros": make([]byte, 1<<20), "text": text, "another film": film(9, 120)} {
		for _, cut := range []int{100 << 10, 300<<10 + 512, 555 << 10} {
			rep := judge(t, append(bytes.Clone(whole[:cut]), behind...))
			if rep.Verdict != filetype.Partial && rep.Verdict != filetype.Damaged || rep.GoodUntil > int64(cut) || rep.GoodUntil < int64(cut)-(40<<10) {
				t.Errorf("cut at %d before %s: %v, good until %d", cut, name, rep.Verdict, rep.GoodUntil)
			}
		}
	}
}

// A film whose index stands first says how long it plays.
func TestPlays(t *testing.T) {
	p := fixture(t, "faststart.mp4")
	r := judge(t, p[:len(p)*3/4])
	text := ""
	for _, f := range r.Findings {
		text += f.String()
	}
	if r.Verdict != filetype.Partial || !strings.Contains(text, "plays 0:0") || !strings.Contains(text, "of 0:02") {
		t.Errorf("%v %s", r.Verdict, text)
	}
}
