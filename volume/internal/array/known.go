package array

import (
	"salvor/block"
	"salvor/volume"
)

// Budget bounds how many pieces are looked at to answer one question about what is lost, however deep arrays stand on
// each other. What is behind it is not named, which the contract of a source allows.
type Budget struct{ left int }

// NewBudget returns the budget of one question: 64 GiB of chunks of 64 KiB.
func NewBudget() *Budget { return &Budget{left: 1 << 20} }

// Spend reports whether one more piece may be looked at.
func (b *Budget) Spend() bool {
	b.left--
	return b.left >= 0
}

// Spent reports whether nothing is left.
func (b *Budget) Spent() bool { return b.left <= 0 }

// quarter takes a part of what is left for a question that may be given up.
func (b *Budget) quarter() *Budget {
	q := &Budget{left: b.left / 4}
	b.left -= q.left
	return q
}

// bounded is a source that answers within a budget.
type bounded interface {
	Known(within block.Extent, b *Budget) []block.Unreadable
}

// Known returns what src knows to be unreadable in within, as [block.UnreadableIn] does, out of a budget.
func Known(src block.Source, within block.Extent, b *Budget) []block.Unreadable {
	if k, ok := src.(bounded); ok {
		return k.Known(within, b)
	}
	return block.UnreadableIn(src, within)
}

// lost returns what is known to be unreadable of e on a part that may be missing, or too short.
func lost(part volume.Placer, e block.Extent, b *Budget) []block.Unreadable {
	if part == nil {
		return []block.Unreadable{{Extent: e, Why: block.Absent, Err: errMissing}}
	}
	have := e.Intersect(block.Extent{Length: part.Size()})
	out := Known(part, have, b)
	if rest := block.Between(max(have.End(), e.Offset), e.End()); rest.Length > 0 {
		out = append(out, block.Unreadable{Extent: rest, Why: block.Absent})
	}
	return out
}
