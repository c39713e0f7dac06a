package ext

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/finding"
)

// findBroken notes the inodes whose record on the volume cannot be, and of which the journal holds a copy. Every
// change of an inode went through the journal, so that the newest copy is what should stand there.
func (p *past) findBroken(ctx context.Context) error {
	v := p.v
	use := v.newBudget()
	for i := 0; i < len(p.versions); {
		if err := ctx.Err(); err != nil {
			return err
		}
		number := p.versions[i].number
		for i++; i < len(p.versions) && p.versions[i].number == number; i++ {
		}
		newest := &p.versions[i-1]
		if !newest.alive() || newest.last == before || v.freed(number) {
			continue
		}
		if why := v.brokenRecord(number, newest, use); why != "" {
			if v.rebuilt == nil {
				v.rebuilt = map[uint32]rebuilt{}
			}
			v.rebuilt[number] = rebuilt{*newest, why}
		}
	}
	return nil
}

// freed reports whether a bitmap that can be relied on calls an inode free: whoever emptied its record meant it.
func (v *volume) freed(number uint32) bool {
	n := uint64(number-1) / uint64(v.sb.inodesPerGroup)
	if number == 0 || n >= uint64(len(v.groups)) {
		return true
	}
	bits := v.inodeBitmap(n)
	return bits != nil && !bit(bits, uint64(number-1)%uint64(v.sb.inodesPerGroup))
}

// rebuilt is the newest copy of a record that is broken, and what is wrong with that.
type rebuilt struct {
	version
	why string
}

// brokenRecord says why the record of an inode on the volume cannot be what was written there last.
func (v *volume) brokenRecord(number uint32, newest *version, use *budget) string {
	in, err := v.record(number)
	switch {
	case err != nil:
		return err.Error()
	case !in.checksumOK:
		return "it does not match its checksum"
	case in.mode == 0 && in.links == 0 && in.size == 0:
		return "it is empty"
	case v.sb.metaCsum():
		return ""
	case !in.typed():
		return fmt.Sprintf("mode 0%o", in.mode)
	case in.generation != newest.generation && !v.plausibleInode(in):
		return "its fields cannot be"
	case in.generation != newest.generation && in.hasMap() && !in.inline() && len(v.mapInode(in, use).problems) > 0:
		return "its list of blocks cannot be"
	}
	return ""
}

// plausibleInode reports whether the fields of a record without a checksum can be.
func (v *volume) plausibleInode(in *inode) bool {
	s := v.sb
	le := binary.LittleEndian
	if in.size < 0 || in.size > s.blockSize<<32 || in.sectors > s.blocksCount*uint64(s.blockSize/512) || in.attributes >= s.blocksCount {
		return false
	}
	b := in.block()
	switch {
	case in.inline() || in.fastLink() || !in.hasMap():
		return true
	case in.flags&flagExtents != 0:
		return le.Uint16(b) == extentMagic && le.Uint16(b[2:]) <= le.Uint16(b[4:]) && le.Uint16(b[4:]) <= 4 && le.Uint16(b[6:]) <= maxLevels
	}
	for i := range 15 {
		if uint64(le.Uint32(b[4*i:])) >= s.blocksCount {
			return false
		}
	}
	return true
}

// newestNode reads the newest copy of a metadata block in the journal that fits, for one that is broken on the
// volume. It answers where that copy stands.
func (v *volume) newestNode(p *past, at uint64, b []byte, fits func([]byte) bool) (int64, bool) {
	if p == nil {
		return 0, false
	}
	list := p.of(at)
	for i := len(list) - 1; i >= 0; i-- {
		if c := p.copies[list[i]]; c.when != before && p.read(c, b) && fits(b) {
			return c.at, true
		}
	}
	return 0, false
}

// findDoubtful finds how much of the volume's start was overwritten, by the structures that should stand
// there: what lies between two broken ones is not trusted either.
func (v *volume) findDoubtful() block.Set {
	if len(v.groups) == 0 || v.groups[0].current {
		return block.Set{}
	}
	s := v.sb
	if primary, err := readSuperblock(v.src, superblockOffset); err == nil && primary.sameLayout(s) {
		return block.Set{}
	}
	end := uint64(len(v.groups))
	for n := range end {
		if n > 0 && s.hasSuper(n) {
			if b, err := readSuperblock(v.src, s.copyOffset(n)); err == nil && b.sameLayout(s) {
				end = n
				break
			}
		}
		if v.showsLife(n) {
			end = max(n, 1)
			break
		}
	}
	return block.SetOf(block.Between(0, int64(s.groupStart(end))*s.blockSize))
}

// showsLife reports whether an inode in the table of a group, which stands in the group itself, checks.
func (v *volume) showsLife(n uint64) bool {
	s, g := v.sb, &v.groups[n]
	if !g.usable || g.inodeTable < s.groupStart(n) || g.inodeTable >= s.groupStart(n+1) {
		return false
	}
	raw := make([]byte, s.inodeSize)
	for i := range min(s.inodesPerGroup, 64) {
		at := int64(g.inodeTable)*s.blockSize + int64(i)*s.inodeSize
		if v.cache.read("ext: inode", raw, at) != nil {
			return false
		}
		number := uint32(n)*s.inodesPerGroup + i + 1
		if in, err := parseInode(raw, number, at, s); err == nil && in.checksumOK && in.typed() && (in.links > 0 || in.deleted > 0) {
			return s.metaCsum() || in.links < 100 && in.size >= 0 && in.size < s.size()
		}
	}
	return false
}

// guessed makes guesses of runs that overlap set.
func guessed(runs []block.Run, set block.Set) []block.Run {
	out := slices.Clone(runs)
	for i, r := range out {
		if r.Kind == block.Data && set.Overlaps(r.PhysicalExtent()) {
			out[i].Kind = block.Guessed
		}
	}
	return out
}

// doubt takes the trust from a file that stands where much was overwritten.
func (v *volume) doubt(runs []block.Run, s *survey) []finding.Finding {
	if s.doubtful.Empty() {
		return nil
	}
	for _, r := range runs {
		if e := r.PhysicalExtent(); e.Length > 0 && s.doubtful.Overlaps(e) {
			return []finding.Finding{overwritten.New(finding.At(e.Offset, e.Length))}
		}
	}
	return nil
}
