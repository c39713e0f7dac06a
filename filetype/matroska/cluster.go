package matroska

import (
	"fmt"
	"math"

	"salvor/block"
	"salvor/cursor"
)

// cluster reads a cluster and returns where it ends.
func (w *walker) cluster(e element) (int64, error) {
	if len(w.tracks) == 0 {
		return e.off, cursor.Corrupt("segment", e.off, "tracks before the first cluster", "none")
	}
	off, err := e.body, error(nil)
	if !e.open {
		if off, err = w.check(e); err != nil {
			return e.off, err
		}
	}
	end := e.end
	if e.open {
		end = w.segment.end
	}
	for off < end {
		if e.open && w.segment.open {
			if ended, err := w.stops(off, true); ended || err != nil {
				if err == nil {
					w.clusters++
				}
				return off, err
			}
		}
		c, err := w.at(off, end)
		if err != nil {
			return off, err
		}
		if e.open && inSegment[c.id] != "" && !inCluster[c.id] {
			break // the next element of the segment
		}
		if !inCluster[c.id] || c.open {
			return off, cursor.Corrupt("cluster", off, "a block", fmt.Sprintf("element %X", c.id))
		}
		if err := w.child(c); err != nil {
			return off, err
		}
		off = c.end
		w.R.GoodUntil = off
	}
	if err := w.checked(e, "cluster"); err != nil { // of one that tells its size
		w.R.GoodUntil = e.off
		return off, err
	}
	w.clusters++
	return off, nil
}

// stops reports whether what stands at off cannot be a further element of a segment, or of a cluster, that does not
// tell its size.
func (w *walker) stops(off int64, cluster bool) (bool, error) {
	p, err := w.Upto(off, maxHead)
	if len(p) == 0 {
		if _, unread := block.IsUnreadable(err); unread {
			return false, w.Lost(off, off+maxHead, "element", err)
		}
		return true, w.Context().Err()
	}
	id, n := parseID(p)
	if n == 0 { // cut within an id, or none
		return len(p) >= 4 || p[0] < 0x10, nil
	}
	return inSegment[id] == "" && !(cluster && inCluster[id]), nil
}

// child reads one element of a cluster.
func (w *walker) child(c element) error {
	if err := w.take(c); err != nil {
		return err
	}
	return w.read(block.Between(c.off, c.end), "cluster")
}

// take looks at the beginning of an element of a cluster.
func (w *walker) take(c element) error {
	switch c.id {
	case idTimestamp:
		if c.end-c.body > 8 {
			return cursor.Corrupt("cluster", c.off, "a time of up to 8 bytes", c.end-c.body)
		}
		p, err := w.Need(c.body, int(c.end-c.body), "time of a cluster")
		if err != nil {
			return err
		}
		w.at0 = min(number(p), math.MaxInt64)
		w.played = max(w.played, w.ticks(float64(w.at0)))
	case idSimpleBlock:
		return w.block(c)
	case idBlockGroup:
		seen := false
		for off := c.body; off < c.end; {
			g, err := w.at(off, c.end)
			if err != nil {
				return err
			}
			if g.open {
				return cursor.Corrupt("block group", off, "an element that tells its size", fmt.Sprintf("%X", g.id))
			}
			if g.id == idBlock {
				seen = true
				if err := w.block(g); err != nil {
					return err
				}
			}
			off = g.end
		}
		if !seen {
			return cursor.Corrupt("block group", c.off, "a block", "none")
		}
	}
	return nil
}

// block reads the head of a block: its track and its time.
func (w *walker) block(b element) error {
	p, err := w.Need(b.body, int(min(b.end-b.body, maxHead)), "block")
	if err != nil {
		return err
	}
	id, n, _ := parseSize(p)
	if n == 0 || len(p) < n+3 || w.tracks[id] == nil {
		return cursor.Corrupt("block", b.off, "a block of one of the tracks", fmt.Sprintf("track %d in %d bytes", id, b.end-b.body))
	}
	if t := int64(w.at0) + int64(int16(uint16(p[n])<<8|uint16(p[n+1]))); t > 0 {
		w.played = max(w.played, w.ticks(float64(t)))
	}
	w.blocks++
	return nil
}
