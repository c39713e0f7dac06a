package ext

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"salvor/block"
)

// overlay is a volume with newer blocks of its journal in the place of those that they were meant for. Nothing
// is written: reads are led to the copies.
type overlay struct {
	block.Source
	blockSize int64
	blocks    []laid // in the order of their blocks
	magic     int64  // where the four bytes stand that were taken out of an escaped copy
}

// lostCopy is the place of a copy that cannot be read. What stands on the volume is older, which is better than nothing
// where it is metadata, and wrong where it is content.
const lostCopy = -1

// laid is a block of the volume, and where the copy stands that is newer.
type laid struct {
	block   uint64
	at      int64
	escaped bool
}

// find returns the index of the first block that is not before n.
func (o *overlay) find(n uint64) int {
	i, _ := slices.BinarySearchFunc(o.blocks, n, func(l laid, n uint64) int { return cmp.Compare(l.block, n) })
	return i
}

// ReadAt reads the volume as it would be after a replay.
func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || len(o.blocks) == 0 {
		return o.Source.ReadAt(p, off)
	}
	done := 0
	for done < len(p) {
		at := off + int64(done)
		i := o.find(uint64(at / o.blockSize))
		for i < len(o.blocks) && o.blocks[i].at == lostCopy {
			i++
		}
		next := int64(1<<63 - 1)
		if i < len(o.blocks) {
			next = int64(o.blocks[i].block) * o.blockSize
		}
		if at < next {
			n := int(min(int64(len(p)-done), next-at))
			m, err := o.Source.ReadAt(p[done:done+n], at)
			if done += m; m < n {
				return done, err
			}
			continue
		}
		l, in := o.blocks[i], at-next
		n := int(min(int64(len(p)-done), o.blockSize-in))
		m, err := o.Source.ReadAt(p[done:done+n], l.at+in)
		if l.escaped && in < 4 && m > 0 {
			copy(p[done:done+m], []byte{0xC0, 0x3B, 0x39, 0x98}[in:])
		}
		if m < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = block.NewUnreadable(block.Between(at+int64(m), at+int64(n)), block.Absent, io.ErrUnexpectedEOF)
			}
			return done + m, err
		}
		done += n
	}
	return done, nil
}

// Unreadable answers for the volume below, without what the copies replace.
func (o *overlay) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(o.Source, within)
}

// places turns runs on the replayed volume into runs on the volume itself: each byte where it really stands.
func (o *overlay) places(runs []block.Run) []block.Run {
	if len(o.blocks) == 0 || !slices.ContainsFunc(runs, func(r block.Run) bool {
		i := o.find(uint64(r.Physical / o.blockSize))
		return r.Kind.Stands() && i < len(o.blocks) && int64(o.blocks[i].block)*o.blockSize < r.Physical+r.Length
	}) {
		return runs
	}
	var out []block.Run
	size := int64(0)
	for _, r := range runs {
		size = max(size, r.Logical+r.Length)
		if !r.Kind.Stands() {
			out = append(out, r)
			continue
		}
		for r.Length > 0 {
			i := o.find(uint64(r.Physical / o.blockSize))
			start := r.Physical + r.Length
			if i < len(o.blocks) {
				start = min(start, int64(o.blocks[i].block)*o.blockSize)
			}
			if start > r.Physical {
				n := start - r.Physical
				out = append(out, block.Run{Logical: r.Logical, Physical: r.Physical, Length: n, Kind: r.Kind})
				r.Logical, r.Physical, r.Length = r.Logical+n, r.Physical+n, r.Length-n
				continue
			}
			l := o.blocks[i]
			in := r.Physical - int64(l.block)*o.blockSize
			n := min(r.Length, o.blockSize-in)
			if l.at == lostCopy {
				out = append(out, block.Run{Logical: r.Logical, Length: n, Kind: block.Lost})
			} else if l.escaped && in < 4 {
				// These four bytes stand at the start of every block of the journal's own.
				n = min(r.Length, 4-in)
				out = append(out, block.Run{Logical: r.Logical, Physical: o.magic + in, Length: n, Kind: r.Kind})
			} else {
				out = append(out, block.Run{Logical: r.Logical, Physical: l.at + in, Length: n, Kind: r.Kind})
			}
			r.Logical, r.Physical, r.Length = r.Logical+n, r.Physical+n, r.Length-n
		}
	}
	return block.Normalize(out, size)
}
