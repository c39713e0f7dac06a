package carve

import "salvor/block"

// maxBlind bounds how far around a gap its like is looked for, in units.
const maxBlind = 1 << 14

// blind reports whether a piece ends where nothing checks whether it does: inside of bytes without a check, with data
// around the gap that could be the file's own. What shows a gap is that it is of another kind than what stands around it: empty, and
// nowhere near is another stretch that is empty for so long; or text, in a file that is none.
func (q *quest) blind(pieces []block.Extent, blind []block.Extent) bool {
	at := int64(0)
	for i, p := range pieces[:len(pieces)-1] {
		begin := at
		at += p.Length
		for _, e := range blind {
			if e.Offset >= at || at >= e.End() {
				continue
			}
			next := pieces[i+1]
			if next.Offset < p.End()+q.t.unit || p.Length < q.t.unit || !q.shows(p.End(), next.Offset) {
				return true
			}
			low := p.Offset + max(e.Offset-begin, 0)
			high := next.Offset + min(e.End()-at, next.Length)
			if !q.only(p.End(), next.Offset, low, high) {
				return true
			}
		}
	}
	return false
}

// shows reports whether the gap from one place of the tape to another differs from what stands around it.
func (q *quest) shows(from, to int64) bool {
	before, after := q.kind(from-q.t.unit), q.kind(to)
	first, last := q.kind(from), q.kind(to-q.t.unit)
	if first == anyData || last == anyData {
		return false
	}
	for _, k := range [...]sectorKind{before, after} {
		if k == constant || k != anyData && (first == wordy || last == wordy) {
			return false
		}
	}
	return true
}

// only reports whether no other stretch from low to high on the tape is empty for as long as the gap.
func (q *quest) only(from, to, low, high int64) bool {
	unit := q.t.unit
	low = from - (from-max(low, from-maxBlind*unit))/unit*unit
	high = min(high, to+maxBlind*unit)
	run := int64(0)
	for off := low; off < high; off += unit {
		switch {
		case off >= from && off < to:
			run = 0
		case q.kind(off) != constant:
			run = 0
		default:
			if run += unit; run >= to-from {
				return false
			}
		}
	}
	return true
}
