package carve

import (
	"bytes"

	"salvor/block"
	"salvor/filetype"
)

// Units in which files begin and go on, in bytes.
const (
	leastUnit = sector
	mostUnit  = 64 << 10
	// unitSamples is how many files must have been found before their places say how large a cluster is.
	unitSamples = 8
)

// Unit returns the size of the clusters in which files stand and the remainder of the places where clusters begin, from
// the places at which whole files were found. Without enough of them it is the sector.
func Unit(starts []int64) (unit, base int64) {
	unit = leastUnit
	if len(starts) < unitSamples {
		return unit, 0
	}
	for u := int64(2 * leastUnit); u <= mostUnit; u *= 2 {
		count := map[int64]int{}
		for _, s := range starts {
			count[s%u]++
		}
		rest, most := int64(0), 0
		for r, n := range count {
			if n > most || n == most && r < rest {
				rest, most = r, n
			}
		}
		// A few files may stand inside of others, or in a volume of another kind.
		if most*20 < len(starts)*19 {
			break
		}
		unit, base = u, rest
	}
	return unit, base
}

// space is what is free of a source, in whole units.
type space struct {
	src        block.Source
	unit, base int64
	free       block.Set
}

// round returns e widened to whole units.
func (s *space) round(e block.Extent) block.Extent {
	down := func(x int64) int64 { return (x-s.base)/s.unit*s.unit + s.base }
	if e.Offset < s.base {
		return block.Between(0, down(max(e.End(), s.base)+s.unit-1))
	}
	return block.Between(down(e.Offset), down(e.End()+s.unit-1))
}

// take removes the units that places touch from what is free.
func (s *space) take(places block.Set) {
	for e := range places.All() {
		s.free.Remove(s.round(e))
	}
}

// tape is the free space in the order in which a file is looked for in it: from its beginning on, and then what
// lies before it. Its offsets are those of the file as long as no other file's bytes lie between.
type tape struct {
	src     block.Source
	unit    int64
	runs    []block.Run
	size    int64
	forward int64 // offset at which what lies before the file begins
}

// maxPieces bounds the pieces of a tape.
const maxPieces = 1 << 16

// tape returns the tape of a file that begins at off: up to ahead bytes from there on, and behind bytes before.
func (s *space) tape(off, ahead, behind int64) *tape {
	t := &tape{src: s.src, unit: s.unit}
	add := func(within block.Extent) {
		for e := range s.free.Within(within).All() {
			if len(t.runs) == maxPieces {
				return
			}
			t.runs = append(t.runs, block.Run{Logical: t.size, Physical: e.Offset, Length: e.Length})
			t.size += e.Length
		}
	}
	end := s.src.Size()
	add(block.Between(off, min(end, off+ahead)))
	t.forward = t.size
	if behind > 0 {
		add(block.Between(max(0, off-behind), off))
	}
	return t
}

// joined returns the runs of a file that consists of the given pieces of the tape, in their order.
func (t *tape) joined(pieces []block.Extent) []block.Run {
	var out []block.Run
	at := int64(0)
	for _, p := range pieces {
		for _, r := range block.Slice(t.runs, p) {
			out = append(out, block.Run{Logical: at, Physical: r.Physical, Length: r.Length})
			at += r.Length
		}
	}
	return block.Normalize(out, at)
}

// pieceStart returns the offset on the tape of the n-th place at which a piece may begin behind from: units, nearest
// first, then those before the file, from the farthest on: the first that fits is then the beginning of a piece.
func (t *tape) pieceStart(from int64, n int) (off int64, ok bool) {
	ahead := max(0, (t.forward-from+t.unit-1)/t.unit)
	if int64(n) < ahead {
		return from + int64(n)*t.unit, true
	}
	off = t.forward + (int64(n)-ahead)*t.unit
	return off, off < t.size
}

// kindOf says of the first sector of a unit what it can be part of.
type sectorKind uint8

const (
	anyData  sectorKind = iota
	constant            // one byte only
	wordy               // text
)

func kindOf(p []byte) sectorKind {
	switch {
	case len(p) == 0:
		return constant
	case bytes.Count(p[:min(16, len(p))], p[:1]) == min(16, len(p)) && bytes.Count(p, p[:1]) == len(p):
		return constant
	case plain(p, 8)*8 == len(p) && plain(p, 1)*64 >= len(p)*63:
		return wordy
	}
	return anyData
}

// anchored returns the offsets on the tape where an anchor stands at a distance of whole units from at, where it would
// stand if the file had no gap, nearest first, at most limit of them.
func (t *tape) anchored(a filetype.Anchor, at int64, limit int) (found []int64) {
	src := block.Join(t.src, t.runs, t.size)
	head := make([]byte, 4<<10)
	if a.Size > 0 {
		head = head[:min(a.Size, len(head))]
	}
	fits := func(off int64) bool {
		if a.Fits == nil {
			return true
		}
		n, _ := src.ReadAt(head[:min(int64(len(head)), t.size-off)], off)
		return a.Fits(head[:n])
	}
	if len(a.Bytes) < 4 {
		for off := at + t.unit; a.Fits != nil && off < t.size && len(found) < limit; off += t.unit {
			if fits(off) {
				found = append(found, off)
			}
		}
		return found
	}
	buf := make([]byte, 1<<20)
	rest := at % t.unit
	for off := at; off < t.size; {
		n, _ := src.ReadAt(buf[:min(int64(len(buf)), t.size-off)], off)
		if n < len(a.Bytes) {
			break
		}
		p := buf[:n]
		for i := 0; ; {
			k := bytes.Index(p[i:], a.Bytes)
			if k < 0 {
				break
			}
			if i += k; (off+int64(i))%t.unit == rest && off+int64(i) > at && fits(off+int64(i)) {
				found = append(found, off+int64(i))
				if len(found) == limit {
					return found
				}
			}
			i++
		}
		if n < len(buf) {
			break
		}
		off += int64(n - len(a.Bytes) + 1)
	}
	return found
}

// fill returns the place from low to high, on the tape, at which gap bytes of one value follow, no more and no fewer:
// a gap that nothing was written to. ok is false when there is none, or another stretch that is as long.
func (t *tape) fill(low, high, gap int64, kind func(off int64) sectorKind) (at int64, ok bool) {
	run, long := int64(-1), 0
	for off := low; off <= high+gap && off < t.size; off += t.unit {
		if kind(off) == constant {
			if run < 0 {
				run = off
			}
			continue
		}
		if run >= 0 && off-run >= gap && run <= high {
			long++
			if at, ok = run, off-run == gap; long > 1 {
				return 0, false
			}
		}
		run = -1
	}
	return at, ok
}
