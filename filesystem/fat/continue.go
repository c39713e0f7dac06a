package fat

import (
	"slices"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// broken is what tells clusters apart in which a long name goes on that another one breaks off: the number of the
// first part, 0 for a short entry, and the checksum.
type broken struct{ order, checksum byte }

// goesOn returns what the beginning of a cluster continues, when that is a live long name.
func goesOn(p []byte) (broken, bool) {
	if !isLongEntry(p) || p[0] == markDeleted || p[0]&lastPart != 0 || p[0] == 0 || p[0] > maxParts {
		return broken{}, false
	}
	return broken{p[0], p[13]}, true
}

// maxRests bounds the clusters that are tried as the rest of one long name. By chance one in 256 has the checksum.
const maxRests = 256

// rest returns what the beginning of a cluster may be the rest of.
func rest(p []byte) broken {
	if b, within := goesOn(p); within {
		return b
	}
	return broken{0, checksum([11]byte(p))}
}

// openName returns the long name that cluster c breaks off; nil when it ends with a whole entry.
func (v *volume) openName(c uint32) *longName {
	size := min(v.b.clusterSize(), (maxParts+1)*entrySize)
	p := make([]byte, size)
	bad, err := cluster.ReadAround(v.src, p, v.b.at(c)+v.b.clusterSize()-size)
	if err != nil || !bad.Empty() {
		return nil
	}
	var n longName
	for ; len(p) >= entrySize; p = p[entrySize:] {
		if isLongEntry(p) && p[0] != markDeleted {
			n.add(parsePart(p))
		} else {
			n.reset()
		}
	}
	if len(n.parts) == 0 || n.broken != "" || n.parts[len(n.parts)-1].order&^lastPart < 1 {
		return nil
	}
	return &n
}

// completes reports whether cluster c begins with the rest of a long name and its short entry, whose checksum the
// parts have. Where no name is broken off, it reports whether c does not begin within one.
func (v *volume) completes(open *longName, c uint32) bool {
	p := make([]byte, min(v.b.clusterSize(), (maxParts+1)*entrySize))
	bad, err := cluster.ReadAround(v.src, p, v.b.at(c))
	if err != nil || bad.Overlaps(block.Extent{Length: entrySize}) {
		return false
	}
	if open == nil {
		_, within := goesOn(p)
		return !within
	}
	n := longName{parts: slices.Clone(open.parts)}
	for ; len(p) >= entrySize && isLongEntry(p); p = p[entrySize:] {
		n.add(parsePart(p))
	}
	if len(p) < entrySize {
		return false
	}
	e, err := parseShort(p, 0, v.b.width)
	if err != nil || e.wasDeleted {
		return false
	}
	doubts, _ := e.doubts(v.b)
	long, _ := n.of(e.name)
	return doubts == 0 && long != "" && firstFrom(e.name[0], long)
}

// completion returns the one cluster, of those that the search found and that were not read yet, which completes a
// long name; 0 when there is none, or more than one.
func (w *walker) completion(open *longName, read []step) uint32 {
	if open == nil {
		return 0
	}
	last := &open.parts[len(open.parts)-1]
	found := uint32(0)
	list := w.s.rests[broken{last.order&^lastPart - 1, last.checksum}]
	if len(list) > maxRests {
		return 0
	}
	for _, c := range list {
		if w.directories.Has(c) || w.s.live.Has(c) || !w.v.completes(open, c) || slices.Contains(read, step{c, true}) || slices.Contains(read, step{c, false}) {
			continue
		}
		if found != 0 {
			return 0
		}
		found = c
	}
	return found
}
