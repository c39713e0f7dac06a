package inflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// Going on from any mark gives the rest of the content, at every level and for data that is stored.
func TestFollowFromMarks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	var content []byte
	for len(content) < 300_000 {
		if rnd.IntN(3) == 0 {
			for range rnd.IntN(9000) {
				content = append(content, byte(rnd.Uint32()))
			}
		}
		content = append(content, bytes.Repeat([]byte{byte(rnd.IntN(64)), 'a', 'b', byte(rnd.IntN(9))}, rnd.IntN(300))...)
	}
	for _, level := range []int{0, 1, 6, 9, flate.HuffmanOnly} {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		stream := append(b.Bytes(), "what follows"...)
		src := block.Bytes(stream)
		var f Inflater
		var marks []*Mark
		var got []byte
		var lengths []int
		out := func(p []byte) error { got = append(got, p...); return nil }
		res, err := f.Follow(t.Context(), filetype.NewStream(t.Context(), src, 0), nil, func(m *Mark) {
			marks, lengths = append(marks, m), append(lengths, len(got))
		}, out)
		if err != nil || res.Out != int64(len(content)) || !bytes.Equal(got, content) {
			t.Fatalf("level %d: %d bytes, %v", level, len(got), err)
		}
		if len(marks) < b.Len()/filetype.MarkEvery/2 {
			t.Errorf("level %d: %d marks in %d bytes", level, len(marks), b.Len())
		}
		for i := 0; i < len(marks); i += 1 + len(marks)/40 {
			got = nil
			s := filetype.NewStream(t.Context(), src, marks[i].Offset())
			var later *Mark
			at := lengths[i]
			res, err := f.Follow(t.Context(), s, marks[i], func(m *Mark) {
				if n := m.Offset() - marks[i].Offset(); later == nil && n > 20*filetype.MarkEvery {
					later, at = m, lengths[i]+len(got)
				}
			}, out)
			if err != nil || res.Out != int64(len(content)) || !bytes.Equal(got, content[lengths[i]:]) || s.Offset() != int64(b.Len()) {
				t.Fatalf("level %d, from mark %d at %d: %d bytes of %d, end %d of %d, %v", level, i, marks[i].Offset(), len(got),
					len(content)-lengths[i], s.Offset(), b.Len(), err)
			}
			if later == nil {
				continue
			}
			got = nil
			s = filetype.NewStream(t.Context(), src, later.Offset())
			if _, err := f.Follow(t.Context(), s, later, nil, out); err != nil || !bytes.Equal(got, content[at:]) {
				t.Fatalf("level %d, from a mark made behind mark %d: %d bytes of %d, %v", level, i, len(got), len(content)-at, err)
			}
		}
	}
}

// Marks that stand near each other have the content before them, and the tables of their block, in common: a search keeps
// hundreds of them.
func TestMarksShare(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	var content []byte
	for len(content) < 1<<20 {
		content = fmt.Appendf(content, "%d values of sensor %d\n", rnd.IntN(1e6), rnd.IntN(50))
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	var f Inflater
	count, kept := 0, 0
	stretches, tables := map[*byte]bool{}, map[*alphabets]bool{}
	_, err = f.Follow(t.Context(), filetype.NewStream(t.Context(), block.Bytes(b.Bytes()), 0), nil, func(m *Mark) {
		count++
		tables[m.alphabets] = true
		size := 0
		for _, s := range m.window {
			size += len(s.p)
			if !stretches[&s.p[0]] {
				stretches[&s.p[0]] = true
				kept += cap(s.p)
			}
		}
		if want := min(int(m.out), windowSize); size < want || size > want+4*lookLeast {
			t.Fatalf("the mark at %d keeps %d bytes of %d", m.at, size, m.out)
		}
	}, func([]byte) error { return nil })
	if err != nil || count < 300 {
		t.Fatalf("%d marks, %v", count, err)
	}
	if kept > len(content)*3/2 || len(tables) > count/8 {
		t.Errorf("%d marks keep %d bytes of %d, and %d tables", count, kept, len(content), len(tables))
	}
}
