package ubifs

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	maxTold  = 20
	maxNodes = 64 << 20
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "ubifs", Title: "UBIFS", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.ubifs.superblock", Bytes: []byte{0x31, 0x18, 0x10, 0x06}, Align: 2048}}}
}

func read(src block.Source) (*super, error) {
	p, err := cursor.Read(src, "ubifs: superblock", 0, superSize, superSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parseSuper(p)
}

func (s *super) title() string {
	return fmt.Sprintf("UBIFS %d, blocks of %d bytes, pages of %d", s.version, s.block, s.page)
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: s.title(), Size: s.block * s.blocks}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: s.title(), Role: firmware.RootFS, Announced: s.block * s.blocks}
	v := &volume{super: *s, src: src, ctx: ctx, win: fsimage.NewWindow(src), part: part}
	part.Checks = append(part.Checks, firmware.Sum32("superblock", "CRC-32", block.Extent{Length: superSize}, s.expected, s.found))
	if part.Announced > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(part.Announced, src.Size(), v.regions()...))
	}
	for number := int64(0); number < min(s.blocks, (src.Size()+s.block-1)/s.block) && ctx.Err() == nil; number++ {
		v.scan(number)
	}
	v.index()
	part.Checks = append(part.Checks, fsimage.Proven("nodes", "CRC-32", v.proven)...)
	if v.told > maxTold {
		part.Checks = append(part.Checks, firmware.Check{What: "nodes", Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Length: src.Size()}, Expected: "none broken", Found: fmt.Sprintf("%d more that are", v.told-maxTold)})
	}
	fsimage.Behind(ctx, src, part.Announced, part, o)
	return part, ctx.Err()
}

// volume is an image while it is read.
type volume struct {
	super
	src    block.Source
	ctx    context.Context
	win    *fsimage.Window
	part   *firmware.Part
	proven block.Set
	told   int
	leaves int
}

func (v *volume) regions() []fsimage.Region {
	at := int64(0)
	var out []fsimage.Region
	add := func(name string, blocks int64) {
		out = append(out, fsimage.Region{Name: name, Extent: block.Extent{Offset: at * v.block, Length: blocks * v.block}})
		at += blocks
	}
	add("superblock", 1)
	add("master nodes", 2)
	add("log", v.log)
	add("properties of blocks", v.lpt)
	add("orphans", v.orph)
	add("files", v.blocks-at)
	return out
}

func (v *volume) failed(what string, e block.Extent, err error) {
	if v.told++; v.told <= maxTold && v.ctx.Err() == nil {
		v.part.Checks = append(v.part.Checks, fsimage.Failed(what, "CRC-32", e, err))
	}
}

// scan checks all nodes of one block. Those of the LPT hold none.
func (v *volume) scan(number int64) {
	lpt := 3 + v.log
	at, end := number*v.block, min((number+1)*v.block, v.src.Size())
	if number >= lpt && number < lpt+v.lpt {
		return
	}
	for at+8 <= end && v.ctx.Err() == nil {
		n, err := v.node(at, end)
		if err != nil {
			v.failed(fmt.Sprintf("node in block %d", number), block.Between(at, end), err)
			return
		}
		if n == 0 {
			return // free up to the end of the block
		}
		at += n
	}
}

// node checks what begins at a place, and returns its length; 0 when the rest of the block is free.
func (v *volume) node(at, end int64) (int64, error) {
	p, err := v.win.Bytes("ubifs: node", at, min(headSize, end-at))
	if err != nil {
		return 0, err
	}
	n, err := parse(p, at)
	if err == nil {
		if at+n.length > end {
			if end == v.src.Size() && end%v.block != 0 {
				return 0, nil // told as cut
			}
			return 0, cursor.Corrupt("ubifs: node", at, fmt.Sprintf("a node of at most %d bytes", end-at), n.length)
		}
		if p, err = v.win.Bytes("ubifs: node", at, n.length); err != nil {
			return 0, err
		}
		if err := n.check(p, at); err != nil {
			v.failed(names[n.kind]+" node", block.Extent{Offset: at, Length: n.length}, err)
		} else {
			v.proven.Add(block.Extent{Offset: at, Length: n.length})
		}
		next := n.length
		if n.kind == typePad && n.length >= headSize+4 {
			next += int64(le.Uint32(p[headSize:]))
			v.gap(at+n.length, min(at+next, end))
		}
		aligned := (next + 7) &^ 7
		v.gap(at+next, min(at+aligned, end))
		return min(aligned, end-at), nil
	}
	if _, broken := cursor.IsCorrupt(err); broken {
		return 0, err
	}
	switch p[0] {
	case 0xFF:
		rest := block.Between(at, end)
		fill := fsimage.Fill(v.ctx, v.src, rest)
		v.proven.Add(fill)
		if fill.Length < rest.Length {
			if n := fill.Length &^ 7; n > 0 {
				return n, nil // nodes behind free pages, which a journal may have
			}
			return 0, cursor.Corrupt("ubifs: node", at, "a node, or free bytes", fmt.Sprintf("% x", p[:min(len(p), 8)]))
		}
		return 0, nil
	case padByte:
		n := int64(0)
		for n < int64(len(p)) && p[n] == padByte {
			n++
		}
		if n &^= 7; n > 0 {
			v.proven.Add(block.Extent{Offset: at, Length: n})
			return n, nil
		}
	}
	return 0, cursor.Corrupt("ubifs: node", at, "a node, or free bytes", fmt.Sprintf("% x", p[:min(len(p), 8)]))
}

// gap checks bytes that fill up.
func (v *volume) gap(from, to int64) {
	e := block.Between(from, to)
	switch c, known := fsimage.Filling(v.ctx, v.src, "bytes that fill up", e, 0, padByte, 0xFF); {
	case !known:
	case c.State == firmware.Passed:
		v.proven.Add(e)
	default:
		if v.told++; v.told <= maxTold {
			v.part.Checks = append(v.part.Checks, c)
		}
	}
}

// index follows the index from the newest master node on: each node that it leads to must be there.
func (v *volume) index() {
	root, ok := v.root()
	if !ok {
		return
	}
	seen := cursor.NewVisited(maxNodes)
	stack := []branch{root}
	for len(stack) > 0 && v.ctx.Err() == nil {
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		at := b.block*v.block + b.offset
		if !seen.Enter(at) {
			continue
		}
		e := block.Extent{Offset: at, Length: b.length}
		if b.block >= v.blocks || b.offset+b.length > v.block || b.length < headSize {
			v.failed("index", e, cursor.Corrupt("ubifs: index", at, "a place inside of the image", fmt.Sprintf("%d bytes at %d of block %d", b.length, b.offset, b.block)))
			continue
		}
		if e.End() > v.src.Size() {
			v.failed("node that the index leads to", block.Between(min(at, v.src.Size()), v.src.Size()), cursor.Corrupt("ubifs: index", at, fmt.Sprintf("a node of %d bytes", b.length), fmt.Sprintf("the end of the image at %d", v.src.Size())))
			continue
		}
		p, err := v.win.Bytes("ubifs: node", at, b.length)
		if err != nil {
			v.failed("node that the index leads to", e, err)
			continue
		}
		n, err := parse(p, at)
		if err == nil && n.length != b.length {
			err = cursor.Corrupt("ubifs: node", at, fmt.Sprintf("%d bytes", b.length), n.length)
		}
		if err == nil && !v.proven.Contains(e) {
			if err = n.check(p, at); err == nil {
				v.proven.Add(e)
			}
		}
		if err != nil {
			if _, broken := cursor.IsCorrupt(err); !broken {
				err = cursor.Corrupt("ubifs: node", at, "a node", fmt.Sprintf("% x", p[:8]))
			}
			v.failed("node that the index leads to", e, err)
			continue
		}
		if n.kind != typeIndex {
			v.leaves++
			continue
		}
		count := int64(le.Uint16(p[24:]))
		if 28+count*branchSize > n.length {
			v.failed("index", e, cursor.Corrupt("ubifs: index node", at, fmt.Sprintf("branches inside of %d bytes", n.length), count))
			continue
		}
		for i := range count {
			stack = append(stack, parseBranch(p[28+i*branchSize:]))
		}
	}
	if v.told == 0 {
		v.part.Checks = append(v.part.Checks, firmware.Check{What: "index", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: v.block * v.blocks}, Expected: "a node behind each branch", Found: fmt.Sprintf("%d nodes of files", v.leaves)})
	}
}

// root returns where the newest master node says that the index begins.
func (v *volume) root() (root branch, ok bool) {
	var newest uint64
	for number := int64(1); number <= 2; number++ {
		for at, end := number*v.block, min((number+1)*v.block, v.src.Size()); at+512 <= end; {
			p, err := v.win.Bytes("ubifs: master node", at, 512)
			if err != nil {
				break
			}
			n, err := parse(p, at)
			if err != nil {
				break
			}
			if n.kind == typeMaster && n.length == 512 && n.check(p, at) == nil && (!ok || n.sequence > newest) {
				newest, ok = n.sequence, true
				root = parseBranch(p[48:])
			}
			step := n.length
			if n.kind == typePad {
				step += int64(le.Uint32(p[headSize:]))
			}
			at += (step + 7) &^ 7
		}
	}
	if !ok {
		v.failed("master nodes", block.Extent{Offset: v.block, Length: 2 * v.block}, cursor.Corrupt("ubifs: master node", v.block, "one whose sum fits", "none"))
	}
	return root, ok
}
