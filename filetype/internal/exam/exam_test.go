package exam

import (
	"context"
	"errors"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
)

// four is a format of four bytes "okok" whose second half may be wrong.
var four = Kind{Format: "test file", Walk: func(e *Exam) error {
	p, err := e.Head(1)
	if err != nil {
		return err
	}
	if len(p) < 1 || p[0] != 'o' {
		return filetype.ErrNot
	}
	e.Want = 4
	e.Units(1, 2, "halves")
	e.Member("half", 2, "")
	e.Fact("Kind", "ok")
	e.R.GoodUntil = 2
	if p, err = e.Need(2, 2, "second half"); err != nil {
		return err
	}
	if string(p) != "ok" {
		return cursor.Corrupt("second half", 2, "ok", string(p))
	}
	if err := e.Each(block.Extent{Length: 4}, "all", nil); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, 4)
}}

func TestKind(t *testing.T) {
	tests := []struct {
		data    string
		verdict filetype.Verdict
		codes   []string
		good    int64
		missing int64
	}{
		{"okok", filetype.Consistent, []string{"filetype.no-proof"}, 4, 0},
		{"okoktail", filetype.Consistent, []string{"filetype.no-proof"}, 4, 0},
		{"okxx", filetype.Damaged, []string{"filetype.broken", "filetype.units"}, 2, 0},
		{"oko", filetype.Partial, []string{"filetype.ends-early", "filetype.units"}, 2, 1},
		{"o", filetype.Partial, []string{"filetype.ends-early", "filetype.units"}, 1, 3},
	}
	for _, tt := range tests {
		r, err := four.Examine(t.Context(), block.Bytes([]byte(tt.data)))
		if err != nil || r.Verdict != tt.verdict || r.GoodUntil != tt.good || r.Size != 4 || r.Missing.Bytes() != tt.missing {
			t.Errorf("%q: %+v, %v", tt.data, r, err)
		}
		for i, code := range tt.codes {
			if i >= len(r.Findings) || r.Findings[i].Code != code {
				t.Errorf("%q: %v, expected %v", tt.data, r.Findings, tt.codes)
			}
		}
		p, err := four.Preview(t.Context(), block.Bytes([]byte(tt.data)))
		if err != nil || len(p.Members) != 1 || len(p.Facts) != 1 {
			t.Errorf("%q: preview %+v, %v", tt.data, p, err)
		}
	}
	if _, err := four.Examine(t.Context(), block.Bytes(nil)); err != filetype.ErrNot {
		t.Errorf("an empty source: %v", err)
	}
	if _, err := four.Preview(t.Context(), block.Bytes([]byte("x"))); err != filetype.ErrNot {
		t.Errorf("another file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := four.Examine(ctx, block.Bytes([]byte("okok"))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLimits(t *testing.T) {
	e := four.start(t.Context(), block.Bytes(make([]byte, 1<<20)))
	if _, err := e.Need(0, 1<<20, "too long"); err == nil {
		t.Error("a structure longer than the buffer was read")
	} else if _, ok := cursor.IsCorrupt(err); !ok {
		t.Errorf("%v", err)
	}
	e.Listing = true
	for range filetype.MaxMembers + 5 {
		e.Member("m", 1, "")
	}
	if len(e.P.Members) != filetype.MaxMembers || e.P.More != 5 {
		t.Errorf("%d members, %d more", len(e.P.Members), e.P.More)
	}
	n := int64(0)
	if err := e.Each(block.Extent{Length: 1 << 20}, "all", func(p []byte) error { n += int64(len(p)); return nil }); err != nil || n != 1<<20 {
		t.Errorf("%d, %v", n, err)
	}
}

// A file with several holes has all of them named, although the walk ends at the first.
func TestHoles(t *testing.T) {
	data := block.Bytes([]byte("okok"))
	src := block.Join(data, []block.Run{{Logical: 0, Physical: 0, Length: 2}, {Logical: 2, Length: 1, Kind: block.Lost}, {Logical: 3, Length: 1, Kind: block.Lost}}, 4)
	r, err := four.Examine(t.Context(), src)
	if err != nil || r.Verdict != filetype.Partial || r.Missing.Bytes() != 2 {
		t.Errorf("%v, missing %v: %v %v", r.Verdict, r.Missing.Extents(), r.Findings, err)
	}
}
