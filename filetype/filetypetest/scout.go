package filetypetest

import (
	"context"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// Scouts holds the scout of a format to its promises with one whole file: the file is whole for it; going on from any
// mark comes to the same end; what is cut anywhere has ended without being whole; and in a file whose middle is noise the
// contradiction is met behind the place where the noise begins, and Good is not behind it.
func Scouts(t *testing.T, f filetype.Format, file []byte) {
	t.Helper()
	src := block.Bytes(file)
	var marks []filetype.Mark
	whole, err := f.Scout(t.Context(), src, nil, func(m filetype.Mark) { marks = append(marks, m) })
	if err != nil || !whole.Whole || whole.Bad > int64(len(file)) {
		t.Fatalf("a whole file: %+v, %v", whole, err)
	}
	rnd := rand.New(rand.NewPCG(11, uint64(len(file))))
	for range min(len(marks), 24) {
		m := marks[rnd.IntN(len(marks))]
		if m.Offset() < 0 || m.Offset() > int64(len(file)) {
			t.Fatalf("a mark at %d of %d", m.Offset(), len(file))
		}
		// Twice, since a mark must not change.
		for range 2 {
			if r, err := f.Scout(t.Context(), src, m, nil); err != nil || !r.Whole || r.Bad != whole.Bad {
				t.Fatalf("from the mark at %d: %+v, %v; want the end %d", m.Offset(), r, err, whole.Bad)
			}
		}
	}
	for range 40 {
		at := 64 + rnd.IntN(max(int(whole.Bad)-96, 1))
		r, err := f.Scout(t.Context(), block.Bytes(file[:at]), nil, nil)
		if err == nil && (r.Whole || r.Good > int64(at)) {
			t.Errorf("cut at %d of %d: %+v", at, len(file), r)
		}
		broken := append([]byte(nil), file...)
		for i := at; i < min(at+8192, len(broken)-16); i++ {
			broken[i] = byte(rnd.Uint32())
		}
		if r, err = f.Scout(t.Context(), block.Bytes(broken), nil, nil); err == nil && !r.Whole && r.Good > int64(at) {
			t.Errorf("noise from %d on: good up to %d", at, r.Good)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := f.Scout(ctx, src, nil, nil); err == nil && r.Whole && len(file) > 1<<20 {
		t.Error("a scout does not stop")
	}
}

// FuzzScout gives any bytes to a scout, and goes on from its marks over other bytes.
func FuzzScout(f *testing.F, format filetype.Format, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var last filetype.Mark
		check := func(src []byte, from filetype.Mark) {
			r, err := format.Scout(t.Context(), block.Bytes(src), from, func(m filetype.Mark) { last = m })
			if err == nil && (r.Bad < 0 || r.Good < 0) {
				t.Errorf("%+v", r)
			}
		}
		check(a, nil)
		if last != nil {
			from := last
			check(b, from)
			check(a, from)
		}
	})
}
