package cluster

import "math/bits"

// pageBits is the number of clusters that a page of a bitmap covers: 4 KiB of bits.
const pageBits = 1 << 15

// Bitmap holds a bit for each cluster, in pages that exist only where a bit is set. The zero value
// is empty. For the largest FAT32 volume, wholly in use, it takes 32 MiB. It is not safe for concurrent changes.
type Bitmap struct {
	pages map[uint32]*[pageBits / 64]uint64
}

// Set sets the bit of c and reports whether it was set before.
func (b *Bitmap) Set(c uint32) bool {
	if b.pages == nil {
		b.pages = map[uint32]*[pageBits / 64]uint64{}
	}
	p := b.pages[c/pageBits]
	if p == nil {
		p = new([pageBits / 64]uint64)
		b.pages[c/pageBits] = p
	}
	word, bit := &p[c%pageBits/64], uint64(1)<<(c%64)
	was := *word&bit != 0
	*word |= bit
	return was
}

// Has reports whether the bit of c is set.
func (b *Bitmap) Has(c uint32) bool {
	p := b.pages[c/pageBits]
	return p != nil && p[c%pageBits/64]&(1<<(c%64)) != 0
}

// Count returns the number of set bits among n clusters from c, and the first of them.
func (b *Bitmap) Count(c, n uint32) (found int, first uint32) {
	for n > 0 {
		step := min(n, 64-c%64)
		if p := b.pages[c/pageBits]; p != nil {
			mask := ^uint64(0)
			if step < 64 {
				mask = (1<<step - 1) << (c % 64)
			}
			if w := p[c%pageBits/64] & mask; w != 0 {
				if found == 0 {
					first = c&^63 + uint32(bits.TrailingZeros64(w))
				}
				found += bits.OnesCount64(w)
			}
		}
		c, n = c+step, n-step
	}
	return found, first
}
