package ext

import (
	"context"

	"salvor/block"
)

// Used returns the bytes that the block bitmaps call used, where those can be relied on, and those of the
// volume's own structures and of all files in use.
func (v *volume) Used(ctx context.Context) (block.Set, error) {
	s, err := v.survey(ctx)
	if err != nil {
		return block.Set{}, err
	}
	volume := block.Extent{Length: min(v.sb.size(), v.src.Size())}
	boot := block.SetOf(block.Extent{Length: superblockOffset + superblockSize})
	return s.used.Union(s.claims).Union(v.structures()).Union(boot).Within(volume), nil
}

// allocation reads all block bitmaps: the bytes that they call used, and those of groups whose bitmap cannot
// be relied on.
func (v *volume) allocation(ctx context.Context) (used, unknown block.Set, err error) {
	s := v.sb
	for n := range s.groups() {
		if n >= uint64(len(v.groups)) {
			unknown.Add(block.Between(int64(s.groupStart(n))*s.blockSize, s.size()))
			break
		}
		if err := ctx.Err(); err != nil {
			return block.Set{}, block.Set{}, err
		}
		first := s.groupStart(n)
		blocks := min(s.blocksCount-first, uint64(s.blocksPerGroup))
		bits := v.blockBitmap(n)
		if bits == nil {
			unknown.Add(s.blocks(first, blocks))
			continue
		}
		per := uint64(s.clusterBlocks)
		clusters := (blocks + per - 1) / per
		for i := uint64(0); i < clusters; {
			if i%8 == 0 && bits[i/8] == 0 {
				i += 8
				continue
			}
			from := i
			for i < clusters && bit(bits, i) {
				i++
			}
			if i == from {
				i++
				continue
			}
			used.Add(s.blocks(first+from*per, (i-from)*per)) // in order, so that each costs little
		}
	}
	return used, unknown, nil
}
