package array

import "salvor/volume"

// Ten says how the copies of RAID 10 stand.
type Ten struct {
	Near, Far int   // copies beside each other, and far from each other; both at least 1
	Offset    bool  // the far copies stand one chunk behind each other instead of far away
	Set       int   // within how many parts the far copies stay; 0 for all
	Chunk     int64 // bytes
}

type ten struct {
	Ten
	parts        int
	stride       int64
	lastSet      int // the first part of the last set of far copies
	lastSetParts int
}

// RAID10 returns the array of parts of which size bytes each are used. It returns nil when the numbers cannot be.
func RAID10(parts []volume.Placer, size int64, how Ten) volume.Placer {
	n := len(parts)
	if n == 0 || n > MaxParts || how.Chunk <= 0 || how.Near < 1 || how.Far < 1 || how.Near*how.Far > n || how.Near > 255 || how.Far > 255 || size < 0 || size > maxSize/int64(n) {
		return nil
	}
	if how.Set == 0 {
		how.Set = n
	}
	if how.Set < 1 || how.Set > n || how.Set < how.Far {
		return nil
	}
	g := ten{Ten: how, parts: n}
	g.lastSet = (n/how.Set - 1) * how.Set
	g.lastSetParts = how.Set + n%how.Set
	// Chunks of a part that one set of far copies has, then chunks of the array, then chunks of a part again, which
	// are rounded up: so does the driver.
	chunks := size / how.Chunk / int64(how.Far) * int64(n) / int64(how.Near)
	used := (chunks*int64(how.Near)*int64(how.Far) + int64(n) - 1) / int64(n)
	g.stride = used / int64(how.Far) * how.Chunk
	if how.Offset {
		g.stride = how.Chunk
	}
	return &array{size: chunks * how.Chunk, parts: parts, geometry: g}
}

func (g ten) find(off int64, spots []spot) ([]spot, int64) {
	chunk, rest := off/g.Chunk, off%g.Chunk
	chunk *= int64(g.Near)
	part, row := int(chunk%int64(g.parts)), chunk/int64(g.parts)
	if g.Offset {
		row *= int64(g.Far)
	}
	at := row*g.Chunk + rest
	for range g.Near {
		d, s := part, at
		spots = append(spots, spot{d, s})
		for range g.Far - 1 {
			d = g.next(d)
			s += g.stride
			spots = append(spots, spot{d, s})
		}
		if part++; part >= g.parts {
			part = 0
			at += g.Chunk
		}
	}
	return spots, g.Chunk - rest
}

// next returns the part that holds the following far copy of what stands on part d.
func (g ten) next(d int) int {
	first := d / g.Set * g.Set
	d += g.Near
	if g.parts%g.Set != 0 && d > g.lastSet {
		return g.lastSet + (d-g.lastSet)%g.lastSetParts
	}
	return first + d%g.Set
}

func (g ten) spare() int { return g.Near*g.Far - 1 }
