package fat

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem/internal/cluster"
)

// maxDirectory is the largest directory in bytes: 65536 entries.
const maxDirectory = 65536 * entrySize

// directoryChunk is how much of a directory is read at once, in bytes.
const directoryChunk = 64 << 10

// directoryClusters is the most clusters that a directory may have.
func (v *volume) directoryClusters() uint32 {
	return uint32(max(maxDirectory/v.b.clusterSize(), 1))
}

// rootExtents returns where the root directory stands, and its chain on FAT32.
func (v *volume) rootExtents(steps *cluster.Budget) ([]block.Extent, chain) {
	if v.b.width != 32 {
		return []block.Extent{{Offset: v.b.rootAt(), Length: v.b.rootBytes()}}, chain{}
	}
	ch := v.directoryChain(v.b.rootCluster, steps)
	return v.extents(ch.spans), ch
}

// extents returns where clusters stand, in bytes.
func (v *volume) extents(spans []span) []block.Extent {
	out := make([]block.Extent, 0, len(spans))
	for _, s := range spans {
		out = append(out, block.Extent{Offset: v.b.at(s.first), Length: int64(s.count) * v.b.clusterSize()})
	}
	return out
}

// readSlots calls slot with each entry of 32 bytes in extents and its offset, until that returns false.
// Where bytes cannot be read it calls hole, which may be nil, and goes on behind them.
func (v *volume) readSlots(ctx context.Context, extents []block.Extent, slot func(p []byte, off int64) bool, hole func(error) bool) {
	var buf []byte
	for _, e := range extents {
		for at := e.Offset; at < e.End(); {
			if ctx.Err() != nil {
				return
			}
			n := int(min(e.End()-at, directoryChunk))
			if len(buf) < n {
				buf = make([]byte, n)
			}
			p := buf[:n]
			var whys []block.Unreadable
			bad, err := cluster.ReadTelling(v.src, p, at, func(u block.Unreadable) { whys = append(whys, u) })
			if err != nil {
				if hole != nil && !hole(err) {
					return
				}
				at += int64(n)
				continue
			}
			for _, u := range whys {
				err := &block.UnreadableError{Ranges: []block.Unreadable{u}}
				if hole != nil && !hole(fmt.Errorf("fat: directory: %w", err)) {
					return
				}
			}
			for i := 0; i+entrySize <= n; i += entrySize {
				if !bad.Empty() && bad.Overlaps(block.Extent{Offset: int64(i), Length: entrySize}) {
					continue
				}
				if !slot(p[i:i+entrySize:i+entrySize], at+int64(i)) {
					return
				}
			}
			at += int64(n)
		}
	}
}

// look is what the first bytes of a cluster say of it as a directory.
type look struct {
	self       bool   // it begins with an entry "." for itself
	dot        bool   // it begins with an entry "."
	parent     uint32 // what ".." names, where there is one
	good, odd  int    // entries that can be, and others
	ended      bool   // there is an end mark
	unreadable bool
}

// directory reports whether a cluster without an entry for itself can be one of a directory.
func (l *look) directory() bool { return l.good > 0 && l.odd*4 <= l.good }

// What is read of a cluster to judge it, in bytes: its whole beginning, a part where there may be very many
// clusters to judge, or just the entries for itself and its parent.
const (
	maxLook  = 32 << 10
	someLook = 2 << 10
	dotLook  = 2 * entrySize
)

// lookAt judges cluster c.
func (v *volume) lookAt(c uint32) look {
	return v.lookAtStart(c, maxLook)
}

// lookAtStart judges cluster c by its first n bytes.
func (v *volume) lookAtStart(c uint32, n int64) look {
	return v.lookAtExtent(block.Extent{Offset: v.b.at(c), Length: min(v.b.clusterSize(), n)}, c)
}

// lookAtExtent judges the bytes of x, which begin cluster c.
func (v *volume) lookAtExtent(x block.Extent, c uint32) look {
	var l look
	p := make([]byte, x.Length)
	bad, err := cluster.ReadAround(v.src, p, x.Offset)
	if err != nil || bad.Has(0) {
		l.unreadable = true
		return l
	}
	for i := 0; i+entrySize <= len(p); i += entrySize {
		if !bad.Empty() && bad.Overlaps(block.Extent{Offset: int64(i), Length: entrySize}) {
			continue
		}
		s := p[i : i+entrySize]
		if s[0] == markEnd {
			l.ended = true
			for _, rest := range s {
				if rest != 0 {
					l.odd++
					break
				}
			}
			continue
		}
		if isLongEntry(s) {
			if part := parsePart(s); part.plausible() {
				l.good++
			} else {
				l.odd++
			}
			continue
		}
		e, err := parseShort(s, x.Offset+int64(i), v.b.width)
		if err != nil {
			l.odd++
			continue
		}
		if e.isDirectory() && e.isDot() {
			switch {
			case i == 0 && e.name[1] == ' ':
				l.dot, l.self = true, e.start == c
			case i == entrySize && e.name[1] == '.':
				l.parent = e.start
			}
			l.good++
			continue
		}
		if n, _ := e.doubts(v.b); n > 0 || e.modified.IsZero() && e.created.IsZero() {
			l.odd++
		} else {
			l.good++
		}
	}
	return l
}

// corruptEntry is the error for an entry that is none.
func corruptEntry(off int64, what string) error {
	return cursor.Corrupt("fat: directory entry", off, "a name, attributes, cluster and size that can be", what)
}
