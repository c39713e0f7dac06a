package compare

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"salvor/block"
)

const (
	window     = 64      // bytes that the hash of an anchor covers
	maxAnchors = 1 << 20 // of all contents together
	leastBits  = 5       // one place of 32 is an anchor at most
	chunk      = 1 << 20 // bytes read at once

	// word chooses places, mixed gives their hashes: odd numbers without a pattern (the golden ratio, and xxHash's second
	// prime).
	wordPrime = 0x9E3779B97F4A7C15
	mixPrime  = 0xC2B2AE3D27D4EB4F
	// wordShift keeps runs of zeros from being chosen.
	wordShift = 0xD6E8FEB86659FD93
)

// place is where an anchor stands: the number of its content, and the offset in it. dead is one that stands there twice.
type place struct {
	content int32
	dead    bool
	offset  int64
}

// index are the anchors of all contents, in a table with open addresses. One hash may stand in several contents.
type index struct {
	shift  uint // 64 less the bits that must be zero
	keys   []uint64
	places []place
	seen   []uint32 // one bit for each region in which the anchor was met; the last bit for the earlier package
	mask   uint64
	count  int
	// filter has a bit for each hash that is in the table: most that is asked for is not, and this one fits the cache.
	filter [1 << 15]uint64
}

// sampling returns how many leading zero bits make an anchor, for this many bytes.
func sampling(total int64) uint {
	n := uint(leastBits)
	for total>>n > maxAnchors/4 {
		n++
	}
	return n
}

// newIndex reads the contents once.
func newIndex(ctx context.Context, contents []Content, done func(int64)) (*index, error) {
	total := int64(0)
	for _, c := range contents {
		total += c.Source.Size()
	}
	zero := sampling(total)
	size := uint64(1) << bits.Len64(uint64(min(maxAnchors, total>>zero+1024))*2)
	x := &index{shift: 64 - zero, keys: make([]uint64, size), places: make([]place, size), seen: make([]uint32, size), mask: size - 1}
	for i, c := range contents {
		err := x.scan(ctx, c.Source, done, func(h uint64, at int64) {
			if x.count < maxAnchors {
				x.add(h, int32(i), at)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}

// least is the length in bytes of a piece that holds an anchor all but surely: one of 10,000 does not.
func (x *index) least() int64 { return window + 10<<(64-x.shift) }

func (x *index) add(h uint64, content int32, at int64) {
	x.filter[h>>49] |= 1 << (h >> 43 & 63)
	for i := h & x.mask; ; i = (i + 1) & x.mask {
		switch {
		case x.keys[i] == 0:
			x.keys[i], x.places[i] = h, place{content: content, offset: at}
			x.count++
			return
		case x.keys[i] == h && x.places[i].content == content:
			x.places[i].dead = true
			return
		}
	}
}

// each calls visit with the number of each anchor of that hash.
func (x *index) each(h uint64, visit func(slot int)) {
	if x.filter[h>>49]&(1<<(h>>43&63)) == 0 {
		return
	}
	for i := h & x.mask; x.keys[i] != 0; i = (i + 1) & x.mask {
		if x.keys[i] == h && !x.places[i].dead {
			visit(int(i))
		}
	}
}

// scan reads src once and calls visit for each place that is chosen by its bytes. What cannot be read is passed over.
func (x *index) scan(ctx context.Context, src block.Source, done func(int64), visit func(h uint64, at int64)) error {
	buf := make([]byte, min(chunk, src.Size())+window)
	held := 0 // bytes of buf that stand before what is read next
	base := int64(0)
	for at := int64(0); at < src.Size(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.ReadAt(buf[held:held+int(min(chunk, src.Size()-at))], at)
		if n > 0 {
			x.choose(buf[:held+n], base, visit)
			if done != nil {
				done(int64(n))
			}
		}
		at += int64(n)
		if skip, ok := skipTo(err, at, src.Size()); ok {
			if done != nil {
				done(skip - at)
			}
			at, held, base = skip, 0, skip
			continue
		} else if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("compare: %w", err)
		} else if n == 0 {
			return nil
		}
		keep := min(held+n, window-1)
		copy(buf, buf[held+n-keep:held+n])
		held, base = keep, at-int64(keep)
	}
	return nil
}

// skipTo returns the place behind what could not be read at at.
func skipTo(err error, at, size int64) (int64, bool) {
	u, ok := block.IsUnreadable(err)
	if !ok {
		return at, false
	}
	end := (at/unit + 1) * unit
	for _, r := range u.Ranges {
		if r.Has(at) {
			end = max(end, r.End())
		}
	}
	return min(end, size), true
}

// choose calls visit for each anchor of p that has its whole window in p.
func (x *index) choose(p []byte, base int64, visit func(h uint64, at int64)) {
	shift := x.shift
	i, end := 0, len(p)-window+1
	// Four places in one turn, which do not wait for each other: this loop is what reading a region costs.
	for ; i+4 <= end; i += 4 {
		q := p[i : i+12 : len(p)]
		low, high := binary.LittleEndian.Uint64(q), uint64(binary.LittleEndian.Uint32(q[8:]))
		w1, w2, w3 := low>>8|high<<56, low>>16|high<<48, low>>24|high<<40
		a, b := (low+wordShift)*wordPrime>>shift, (w1+wordShift)*wordPrime>>shift
		c, d := (w2+wordShift)*wordPrime>>shift, (w3+wordShift)*wordPrime>>shift
		if a != 0 && b != 0 && c != 0 && d != 0 {
			continue
		}
		for k, none := range [4]bool{a != 0, b != 0, c != 0, d != 0} {
			if !none {
				anchor(p[i+k:], base+int64(i+k), visit)
			}
		}
	}
	for ; i < end; i++ {
		if (binary.LittleEndian.Uint64(p[i:])+wordShift)*wordPrime>>shift == 0 {
			anchor(p[i:], base+int64(i), visit)
		}
	}
}

// anchor calls visit with the hash of the window at the start of p, unless a byte is repeated there.
func anchor(p []byte, at int64, visit func(h uint64, at int64)) {
	if w := binary.LittleEndian.Uint64(p); w == bits.RotateLeft64(w, 8) {
		return
	}
	h := uint64(window)
	for j := 0; j < window; j += 8 {
		h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(p[j:]))*mixPrime, 31)
	}
	if h = h*wordPrime ^ h>>29; h == 0 {
		h = 1
	}
	visit(h, at)
}
