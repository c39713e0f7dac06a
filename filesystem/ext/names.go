package ext

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"salvor/filesystem"
)

const (
	maxNamesOfOne = 16
	maxRounds     = 16 // of looking for the names of directories that were met as parents
)

// ask notes by what the directory of a block can be known, before it is known which ones there are.
func (p *past) ask(c logged, b []byte) {
	if p.unseed == nil {
		p.owners[c.block] = 0
	} else if seed, ok := p.unseed.leafSeed(b); ok {
		p.seeds[seed] = 0
	}
}

// met answers what was asked, for one directory.
func (p *past) met(in *inode, use *budget) {
	if p.unseed != nil {
		seed := in.blockSeed(p.v.sb)
		if _, asked := p.seeds[seed]; asked {
			p.seeds[seed] = in.number
		}
		return
	}
	if in.inline() || len(p.owners) == 0 {
		return
	}
	for _, r := range p.v.mapInode(in, use).runs {
		for o := int64(0); r.Kind.Stands() && o < r.Length; o += p.v.sb.blockSize {
			n := uint64((r.Physical + o) / p.v.sb.blockSize)
			if owner, asked := p.owners[n]; asked && owner == 0 {
				p.owners[n] = in.number
			}
		}
	}
}

// directoryOf returns the number of the directory whose block b is; 0 when nothing tells. parent is that of the
// directory above it, where b is the first block.
func (p *past) directoryOf(d *directory, c logged, b []byte) (number, parent uint32) {
	if number, parent = d.itself(b); number != 0 {
		return number, parent
	}
	if p.unseed == nil {
		return p.owners[c.block], 0
	}
	if seed, ok := p.unseed.leafSeed(b); ok {
		return p.seeds[seed], 0
	}
	return 0, 0
}

// readNames looks through all copies of directory blocks for the names of what is lost.
func (p *past) readNames(ctx context.Context, s *survey) error {
	use := p.v.newBudget()
	for i := range p.versions {
		if x := &p.versions[i]; x.kind == typeDir && x.alive() {
			if in, err := p.inode(x); err == nil {
				p.met(in, use)
			}
		}
	}
	sb := p.v.sb
	d := &directory{inodes: sb.inodesCount, filetype: sb.incompat&incompatFiletype != 0, indexed: true, blockSize: int(sb.blockSize)}
	wanted := map[uint32]bool{}
	for _, l := range p.lost {
		wanted[l.number] = true
	}
	for round := 0; round < maxRounds && len(wanted) > 0; round++ {
		found := map[uint32]bool{}
		take := func(dir uint32, e entry, when int64) {
			if wanted[e.inode] && dir != 0 && e.name != "." && e.name != ".." {
				p.named(e, dir, when)
				if p.unmet(dir, when, s) {
					found[dir] = true
				}
			}
		}
		b := make([]byte, sb.blockSize)
		for k, i := range p.leaves {
			if k%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			c := p.copies[i]
			if !p.read(c, b) {
				continue
			}
			dir, _ := p.directoryOf(d, c, b)
			_ = d.parse(b, c.at, binary.LittleEndian.Uint32(b) == dir, func(e entry) { take(dir, e, c.when) })
		}
		for _, l := range p.lost {
			if l.kind == typeDir && l.at != 0 && (round == 0 || found[l.number]) {
				p.lostEntries(d, l, use, func(e entry) { take(l.number, e, l.last) })
			}
		}
		clear(wanted)
		for n := range found {
			l := &lost{version: version{number: n, kind: typeDir, links: 2, first: before, last: before}, state: filesystem.Rebuilt, from: before, until: never, death: never}
			p.lost = append(p.lost, l)
			p.byNumber[n] = append(p.byNumber[n], l)
			wanted[n] = true
		}
	}
	for _, l := range p.lost {
		slices.SortStableFunc(l.names, func(a, b name) int {
			if a.weak != b.weak {
				if b.weak {
					return -1
				}
				return 1
			}
			return cmp.Compare(b.seen, a.seen)
		})
	}
	return nil
}

// unmet reports whether nothing is known yet of a directory: it is not there, and was not met in the past.
func (p *past) unmet(dir uint32, when int64, s *survey) bool {
	if p.dirAt(dir, when) != nil {
		return false
	}
	if !s.inUse.has(dir) {
		return true
	}
	in, err := p.v.inode(dir)
	return err != nil || !in.isDir()
}

// dirAt returns the lost directory that had a number at a time, or nil.
func (p *past) dirAt(number uint32, when int64) *lost {
	for _, l := range p.byNumber[number] {
		if l.kind == typeDir && l.from <= when && when < l.until {
			return l
		}
	}
	return nil
}

// lostEntries reads the entries of a directory that was deleted, as they were.
func (p *past) lostEntries(d *directory, l *lost, use *budget, emit func(entry)) {
	in, err := p.inode(&l.version)
	if err != nil {
		return
	}
	v := p.v
	if in.inline() {
		runs, _ := in.inlineRuns()
		for i, r := range runs {
			if at := r.Physical - in.offset; r.Kind.Stands() && at >= 0 && at+r.Length <= int64(len(in.raw)) {
				for _, b := range inlinePieces(in.raw[at:at+r.Length], i == 0) {
					_ = d.parse(b.b, r.Physical+int64(b.at), false, emit)
				}
			}
		}
		return
	}
	b := make([]byte, v.sb.blockSize)
	for _, r := range v.mapInode(in, use).runs {
		for o := int64(0); r.Kind.Stands() && o < r.Length && use.bytes > 0; o += v.sb.blockSize {
			use.bytes -= v.sb.blockSize
			first := r.Logical+o == 0
			fits := func(b []byte) bool {
				if number, _ := d.itself(b); first && number != in.number {
					return false
				}
				return d.whole(b) && v.checkLeaf(b, in)
			}
			if v.readNode(in, "ext: directory block", b, uint64((r.Physical+o)/v.sb.blockSize), fits) == nil && fits(b) {
				_ = d.parse(b, r.Physical+o, first, emit)
			}
		}
	}
}

// named gives a name to the file that had a number when the name was seen.
func (p *past) named(e entry, dir uint32, when int64) {
	for _, l := range p.byNumber[e.inode] {
		if when < l.from || when >= l.until || int(e.kind) >= len(entryTypes) || e.kind != 0 && entryTypes[e.kind] != l.kind {
			continue
		}
		i := slices.IndexFunc(l.names, func(n name) bool { return n.dir == dir && n.text == e.name })
		switch {
		case i >= 0:
			l.names[i].seen = max(l.names[i].seen, when)
			l.names[i].weak = l.names[i].weak && e.stale
		case len(l.names) < maxNamesOfOne:
			l.names = append(l.names, name{dir, e.name, when, e.stale})
		}
	}
}
