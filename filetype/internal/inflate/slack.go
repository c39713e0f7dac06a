package inflate

import (
	"bytes"

	"salvor/block"
)

// maxSlack is how many places that could be written otherwise are named; with more, the stream is not forced.
const maxSlack = 1 << 16

// free names bytes that could be written otherwise with the same result.
func (f *Inflater) free(e block.Extent) {
	if !f.forced || e.Length <= 0 {
		return
	}
	f.slack.Add(e)
	if f.slack.Count() > maxSlack {
		f.forced = false
	}
}

// alternatives looks for single bits of a distance that could be turned with the same result. The distance took size
// bits from bit at of the stream on, which stand in bits; the n bytes that it gave were copied last.
func (f *Inflater) alternatives(bits uint64, at int64, size uint, n int) {
	start := f.at - n
	copied := f.buf[start:f.at]
	before := f.base + int64(start)
	for i := range size {
		turned := bits ^ 1<<i
		s, l := f.dist.decode(turned)
		if l == 0 || s > 29 || l+uint(distExtra[s]) != size {
			continue
		}
		d := int(distBase[s]) + int(turned>>l&(1<<distExtra[s]-1))
		if int64(d) > before || d > start || f.buf[start-d] != copied[0] {
			continue
		}
		if bytes.Equal(copied, f.buf[start-d:f.at-d]) {
			f.free(block.Extent{Offset: (at + int64(i)) / 8, Length: 1})
		}
	}
}
