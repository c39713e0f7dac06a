package filetypetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
)

// Framed holds a format whose files are packed frames behind each other to what all such do. fixtures has, each with the
// extension ext behind its name, "frames": two frames that begin with the same four bytes; "blocks": several blocks, with more
// than 20,000 bytes before three quarters; "plain": lines of text. bomb unpacks to far more than it holds.
func Framed(t *testing.T, row filetype.Format, fixtures map[string][]byte, ext string, bomb []byte) {
	t.Helper()
	t.Run("frames", func(t *testing.T) {
		data := fixtures["frames."+ext]
		second := bytes.LastIndex(data, data[:4])
		s := Sample{Name: "frames", Data: data, Verdict: filetype.Consistent, Head: 8}
		for n := second - 16; n < second+8; n++ {
			s.Ends = append(s.Ends, int64(n))
		}
		Run(t, row, []Sample{s})
	})
	// What is whole before a broken block is told.
	t.Run("blocks", func(t *testing.T) {
		data := bytes.Clone(fixtures["blocks."+ext])
		for i := range 200 {
			data[len(data)*3/4+i] ^= 0xA5
		}
		r := Accepted(t, row, data)
		if r.Verdict != filetype.Damaged || r.GoodUntil < 20000 || !strings.Contains(fmt.Sprint(r.Findings), "blocks before that are whole") {
			t.Errorf("%v %d %v", r.Verdict, r.GoodUntil, r.Findings)
		}
	})
	// Zeros without end cost little memory.
	t.Run("bomb", func(t *testing.T) {
		if r := Bomb(t, row, bomb, time.Minute, 64<<20); r.Verdict != filetype.Consistent {
			t.Errorf("%v %v", r.Verdict, r.Findings)
		}
	})
	t.Run("preview", func(t *testing.T) {
		p, err := row.Preview(t.Context(), block.Bytes(fixtures["plain."+ext]))
		if err != nil || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
			t.Errorf("%+v %v", p, err)
		}
	})
}
