package ntfs

import (
	"context"
	"fmt"
	"math/bits"

	"salvor/block"
	"salvor/finding"
)

// readBitmap reads which clusters the volume calls in use, and returns what is to be said when it cannot.
func (v *volume) readBitmap(ctx context.Context, s *survey) *finding.Finding {
	fail := func(why any) *finding.Finding {
		f := bitmapBroken.New(finding.Expected(nil, why))
		s.allocated = block.Set{}
		return &f
	}
	o := v.system(recordBitmap)
	if o == nil {
		return fail("its record is broken")
	}
	e := o.find(typeData, "")
	if e == nil {
		return fail("it has no content")
	}
	src := v.source(e)
	clusters := v.b.clusters()
	if src.Size() < (clusters+7)/8 {
		return fail(fmt.Sprintf("%d bytes for %d clusters", src.Size(), clusters))
	}
	size := v.b.clusterSize
	buf := make([]byte, chunkSize)
	for at := int64(0); at < (clusters+7)/8; at += chunkSize {
		if ctx.Err() != nil {
			return nil
		}
		b := buf[:min(chunkSize, (clusters+7)/8-at)]
		if n, err := src.ReadAt(b, at); n < len(b) {
			return fail(err)
		}
		eachRun(b, func(first, count int64) {
			e := block.Extent{Offset: (at*8 + first) * size, Length: count * size}
			s.allocated.Add(e.Intersect(block.Extent{Length: clusters * size}))
		})
	}
	s.allocation = true
	return nil
}

// eachRun calls visit with each run of set bits in b, the low bit of a byte first.
func eachRun(b []byte, visit func(first, count int64)) {
	from := int64(-1)
	at := int64(0)
	end := func(to int64) {
		if from >= 0 {
			visit(from, to-from)
			from = -1
		}
	}
	for ; len(b) >= 8; b = b[8:] {
		w := le.Uint64(b)
		switch {
		case w == 0:
			end(at)
		case w == ^uint64(0):
			if from < 0 {
				from = at
			}
		default:
			for i := int64(0); i < 64; {
				if rest := w >> i; rest&1 == 0 {
					end(at + i)
					i += int64(min(bits.TrailingZeros64(rest), 64))
				} else {
					if from < 0 {
						from = at + i
					}
					i += int64(bits.TrailingZeros64(^rest))
				}
			}
		}
		at += 64
	}
	for _, v := range b {
		for i := range int64(8) {
			if v>>i&1 == 0 {
				end(at + i)
			} else if from < 0 {
				from = at + i
			}
		}
		at += 8
	}
	end(at)
}

// Used returns the bytes that the volume's bitmap calls in use, where that can be read, and those of the boot
// sectors and of all files in use, the volume's own among them.
func (v *volume) Used(ctx context.Context) (block.Set, error) {
	s, err := v.survey(ctx)
	if err != nil {
		return block.Set{}, err
	}
	boots := block.SetOf(block.Extent{Length: v.b.sectorSize}, block.Extent{Offset: v.b.size() - v.b.sectorSize, Length: v.b.sectorSize})
	return s.allocated.Union(s.claims).Union(block.Places(v.table.runs)).Union(boots).Within(block.Extent{Length: min(v.b.size(), v.src.Size())}), nil
}
