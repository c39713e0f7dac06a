package extimg

import (
	"bytes"
	"context"
	"fmt"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
)

const (
	maxTold  = 20
	noInodes = 1 // flags of groups: nothing was ever written there
	noBlocks = 2
)

// Format is the row of this package in the table of firmware formats. It is not looked for in dumps: volumes of a case are
// found without it.
func Format() firmware.Format {
	return firmware.Format{Name: "ext", Title: "ext2, ext3 or ext4", Look: look, Open: open}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: s.title(), Name: s.name, Size: s.bytes()}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: s.title(), Name: s.name, Role: firmware.RootFS, Announced: s.bytes()}
	v := &volume{super: s, ctx: ctx, win: fsimage.NewWindow(src), size: src.Size(), part: part}
	if s.bytes() > v.size {
		part.Checks = append(part.Checks, fsimage.Cut(s.bytes(), v.size, fsimage.Region{Name: fmt.Sprintf("root file system, group %d of %d", v.size/s.size/s.perGroup+1, s.groups()), Extent: block.Extent{Length: s.bytes()}}))
	}
	over := block.Extent{Offset: superAt, Length: superSize}
	if s.summed() {
		part.Checks = append(part.Checks, firmware.Sum32("superblock", "CRC-32C", over, s.sum, s.haveSum))
	}
	switch {
	case !s.summed() && s.read&readGDT == 0:
		part.Checks = append(part.Checks, firmware.Check{What: "metadata", Method: "CRC-32C", State: firmware.Cannot, Extent: block.Extent{Length: s.bytes()}, Why: "this image was made without checksums"})
	case s.must&mustMeta != 0:
		part.Checks = append(part.Checks, firmware.Check{What: "group descriptors", Method: "CRC-32C", State: firmware.Cannot, Extent: block.Extent{Length: s.bytes()}, Why: "descriptors beside their groups (meta_bg) are not read here"})
	default:
		v.groups()
	}
	part.Checks = append(part.Checks, fsimage.Proven("metadata", "CRC-32C", v.proven)...)
	if v.told > maxTold {
		part.Checks = append(part.Checks, firmware.Check{What: "metadata", Method: "CRC-32C", State: firmware.Failed, Extent: block.Extent{Length: s.bytes()}, Expected: "none broken", Found: fmt.Sprintf("%d more that are", v.told-maxTold)})
	}
	fsimage.Behind(ctx, src, s.bytes(), part, o)
	return part, ctx.Err()
}

// volume is an image while it is read.
type volume struct {
	*super
	ctx    context.Context
	win    *fsimage.Window
	size   int64
	part   *firmware.Part
	proven block.Set
	told   int
}

// check compares a sum with the one that was computed.
func (v *volume) check(what string, e block.Extent, want, have uint32) {
	if want == have {
		v.proven.Add(e)
		return
	}
	if v.told++; v.told <= maxTold {
		v.part.Checks = append(v.part.Checks, firmware.Sum32(what, "CRC-32C", e, want, have))
	}
}

// region reads bytes that are there. What lies behind the end of a cut image was told.
func (v *volume) region(what string, e block.Extent) []byte {
	if e.Offset < 0 || e.End() > v.size && v.super.bytes() > v.size {
		return nil
	}
	p, err := v.win.Bytes("ext: "+what, e.Offset, e.Length)
	if err != nil {
		if v.told++; v.told <= maxTold {
			v.part.Checks = append(v.part.Checks, fsimage.Failed(what, "CRC-32C", e, err))
		}
		return nil
	}
	return p
}

// groups checks all descriptors, and what they lead to.
func (v *volume) groups() {
	at := (superAt/v.super.size + 1) * v.super.size // the block behind that of the superblock
	table := block.Extent{Offset: at, Length: v.super.groups() * v.desc}
	p := bytes.Clone(v.region("group descriptors", table))
	for number := int64(0); number < v.super.groups() && p != nil && v.ctx.Err() == nil; number++ {
		raw := p[number*v.desc:][:v.desc]
		g := v.parseGroup(raw)
		e := block.Extent{Offset: at + number*v.desc, Length: v.desc}
		have := v.groupSum(number, raw)
		v.check(fmt.Sprintf("descriptor of group %d", number), e, uint32(g.sum), uint32(have))
		if have == g.sum && v.summed() {
			v.group(number, g)
		}
	}
}

// group checks the bitmaps and the inodes of a group.
func (v *volume) group(number int64, g group) {
	mask := uint32(ones)
	if v.desc < 64 {
		mask = 0xFFFF
	}
	if g.flags&noBlocks == 0 {
		e := block.Extent{Offset: g.blockMap * v.super.size, Length: min(v.clusters/8, v.super.size)}
		if p := v.region("block bitmap", e); p != nil {
			v.check(fmt.Sprintf("block bitmap of group %d", number), e, g.blockSum, fsimage.Castagnoli(v.seed, p)&mask)
		}
	}
	if g.flags&noInodes != 0 {
		return
	}
	e := block.Extent{Offset: g.inodeMap * v.super.size, Length: v.inodes / 8}
	p := v.region("inode bitmap", e)
	if p == nil {
		return
	}
	used := bytes.Clone(p)
	have := fsimage.Castagnoli(v.seed, used) & mask
	v.check(fmt.Sprintf("inode bitmap of group %d", number), e, g.inodeSum, have)
	if have != g.inodeSum {
		return
	}
	for i := int64(0); i < v.inodes-g.unused && v.ctx.Err() == nil; i++ {
		if used[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		e := block.Extent{Offset: g.inodes*v.super.size + i*v.inodeSize, Length: v.inodeSize}
		p := v.region("inode", e)
		if p == nil {
			return
		}
		n := number*v.inodes + i + 1
		if n < 11 && len(bytes.Trim(p, "\x00")) == 0 {
			continue // reserved, and never written
		}
		want, have := v.inodeSum(n, p)
		v.check(fmt.Sprintf("inode %d", n), e, want, have)
	}
}
