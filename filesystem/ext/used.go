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
	sb := v.sb
	volume := block.Extent{Length: min(sb.size(), v.src.Size())}
	list := []block.Extent{block.Between(0, min(superblockOffset+superblockSize, volume.Length))}
	for n := range uint64(len(v.groups)) {
		if err := ctx.Err(); err != nil {
			return block.Set{}, err
		}
		bits := v.blockBitmap(n)
		if bits == nil {
			continue
		}
		per := uint64(sb.clusterBlocks)
		first := sb.groupStart(n)
		clusters := (min(sb.blocksCount-first, uint64(sb.blocksPerGroup)) + per - 1) / per
		for i := uint64(0); i < clusters; {
			if i%8 == 0 && bits[i/8] == 0 {
				i += 8
				continue
			}
			if !bit(bits, i) {
				i++
				continue
			}
			from := i
			for i < clusters && bit(bits, i) {
				i++
			}
			list = append(list, sb.blocks(first+from*per, (i-from)*per))
		}
	}
	return block.SetOf(list...).Union(s.claims).Union(v.structures()).Within(volume), nil
}
