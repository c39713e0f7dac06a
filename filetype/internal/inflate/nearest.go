package inflate

import "bytes"

// hash tells three bytes from most others.
func hash(p []byte) uint32 {
	return (uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16) * 0x9E3779B1 >> 17
}

// link enters all places before end into the chains, as far as their three bytes are known.
func (f *Inflater) link(end int64) {
	known := f.base + int64(f.at)
	for p := max(f.next, f.base); p < end && p+3 <= known; p++ {
		h := hash(f.buf[p-f.base:])
		f.prev[p%windowSize] = f.head[h]
		f.head[h] = p + 1
		f.next = p + 1
	}
}

// nearest reports whether the n bytes that were just copied stand nowhere nearer than dist.
func (f *Inflater) nearest(n, dist int) bool {
	start := f.base + int64(f.at-n)
	f.link(start)
	got := f.buf[f.at-n : f.at]
	for p, walk := f.head[hash(got)]-1, 0; p >= 0 && start-p < int64(dist); walk++ {
		if walk == maxWalk || f.walk > (f.base+int64(f.at)+1<<16)*walkBudget {
			return false
		}
		f.walk++
		i := int(p - f.base)
		if f.buf[i+n-1] == got[n-1] && bytes.Equal(f.buf[i:i+n], got) {
			return false
		}
		before := f.prev[p%windowSize] - 1
		if before >= p {
			break
		}
		p = before
	}
	return true
}
