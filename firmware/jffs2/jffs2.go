package jffs2

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
)

const (
	maxTold    = 20
	maxEntries = 1 << 20
	maxPieces  = 4096 // of one file that do not touch each other
	formatBits = 0o170000
	regular    = 0o100000
	lookBytes  = 64 << 10
	markSize   = 4
	mark       = 0xDEADC0DE
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "jffs2", Title: "JFFS2", Look: look, Open: open, Probes: []probe.Probe{
		{ID: "firmware.jffs2.little", Bytes: []byte{0x85, 0x19, 0x03, 0x20, 0x0C, 0, 0, 0}, Align: 4096},
		{ID: "firmware.jffs2.big", Bytes: []byte{0x19, 0x85, 0x20, 0x03, 0, 0, 0, 0x0C}, Align: 4096},
		{ID: "firmware.jffs2.end", Bytes: []byte{0xDE, 0xAD, 0xC0, 0xDE}, Align: 4096},
	}}
}

// begin recognises an image by its first node, or by several behind a first one that is broken. marked says that it is
// only the mark behind which one is made, with free bytes only up to the place far.
func begin(ctx context.Context, src block.Source, far int64) (order binary.ByteOrder, marked bool, err error) {
	p, err := cursor.Read(src, "jffs2: node", 0, min(lookBytes, src.Size()), lookBytes)
	if err != nil || len(p) < markSize {
		return nil, false, cursor.ErrNot
	}
	if binary.BigEndian.Uint32(p) == mark {
		rest := block.Between(markSize, min(far, src.Size()))
		if fsimage.Fill(ctx, src, rest).Length == rest.Length {
			return nil, true, nil
		}
		return nil, false, cursor.ErrNot
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		n, err := parse(p, order)
		if err != nil {
			continue
		}
		if n.valid() {
			return order, false, nil
		}
		good := 0
		for at := 4; at+headSize <= len(p) && good < 3; at += 4 {
			if n, err := parse(p[at:], order); err == nil && n.valid() {
				good++
			}
		}
		if good >= 3 {
			return order, false, nil
		}
	}
	return nil, false, cursor.ErrNot
}

func title(order binary.ByteOrder) string {
	if order == binary.BigEndian {
		return "JFFS2, big-endian"
	}
	return "JFFS2, little-endian"
}

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	order, marked, err := begin(ctx, src, lookBytes)
	switch {
	case err != nil:
		return firmware.Sighting{}, err
	case marked:
		return firmware.Sighting{Title: markTitle, Size: markSize}, nil
	}
	return firmware.Sighting{Title: title(order)}, nil
}

const markTitle = "mark behind which a JFFS2 is made at the first start"

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	order, marked, err := begin(ctx, src, src.Size())
	if err != nil {
		return nil, err
	}
	if marked {
		part := &firmware.Part{Title: markTitle, Role: firmware.Settings, Announced: markSize}
		part.Checks = []firmware.Check{{What: "mark", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: markSize}, Strong: true, Expected: "deadc0de", Found: "deadc0de"}}
		fsimage.Behind(ctx, src, markSize, part, o)
		return part, ctx.Err()
	}
	part := &firmware.Part{Title: title(order), Role: firmware.RootFS}
	v := &volume{ctx: ctx, src: src, order: order, win: fsimage.NewWindow(src), part: part, entries: map[entry]latest{}, inodes: map[uint32]*file{}}
	end := v.scan()
	// Nothing says how long an image is. Whether nodes should follow the last one is not known.
	v.proven.Remove(v.last)
	v.lost()
	if v.erase > 0 {
		part.Title += fmt.Sprintf(", erase blocks of %d KiB", v.erase>>10)
	}
	part.Title += fmt.Sprintf(", %d files", len(v.inodes))
	part.Checks = append(part.Checks, fsimage.Proven("nodes", "CRC-32", v.proven)...)
	if v.told > maxTold {
		part.Checks = append(part.Checks, firmware.Check{What: "nodes", Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Length: src.Size()}, Expected: "none broken", Found: fmt.Sprintf("%d more that are", v.told-maxTold)})
	}
	fsimage.Behind(ctx, src, end, part, o)
	return part, ctx.Err()
}

// entry is a name in a directory.
type entry struct {
	parent uint32
	name   string
}

// latest is what the newest node of a name says.
type latest struct {
	version, inode uint32
	at             int64
}

// file is what the nodes of an inode say.
type file struct {
	version uint32
	size    int64 // by the newest node
	regular bool
	data    block.Set // that nodes hold
}

// volume is an image while it is read.
type volume struct {
	ctx     context.Context
	src     block.Source
	order   binary.ByteOrder
	win     *fsimage.Window
	part    *firmware.Part
	proven  block.Set
	told    int
	last    block.Extent // node
	cut     bool
	entries map[entry]latest
	inodes  map[uint32]*file
	marks   int64 // where the last mark of an erased block stands
	erase   int64 // bytes; 0 when not known
}

func (v *volume) failed(c firmware.Check) {
	if v.told++; v.told <= maxTold && v.ctx.Err() == nil {
		v.part.Checks = append(v.part.Checks, c)
	}
}

// scan reads all nodes, and returns where the image ends.
func (v *volume) scan() (end int64) {
	for at := int64(0); at+headSize <= v.src.Size() && v.ctx.Err() == nil; {
		p, err := v.win.Bytes("jffs2: node", at, headSize)
		if err != nil {
			v.failed(fsimage.Failed("nodes", "CRC-32", block.Between(at, v.src.Size()), err))
			return v.src.Size()
		}
		n, err := parse(p, v.order)
		switch {
		case err == nil && n.valid():
			length := v.node(n, at)
			if length == 0 {
				return v.src.Size() // cut
			}
			end = at + length
			at += length
		case p[0] == 0xFF || p[0] == 0:
			fill := fsimage.Fill(v.ctx, v.src, block.Between(at, v.src.Size()))
			if fill.End() == v.src.Size() {
				return end
			}
			next := fill.End() &^ 3
			if next == at || p[0] == 0 && next-at < headSize {
				next = v.search(at, "bytes of no node")
			} else {
				v.proven.Add(block.Between(at, next))
			}
			at = next
		default:
			if err != nil && v.order.Uint16(p) != magic && v.other(at) {
				return end
			}
			at = v.search(at, "header of a node")
		}
	}
	return end
}

// other reports whether no node follows at all: what stands here is not of this image.
func (v *volume) other(at int64) bool {
	for off := int64(4); off < lookBytes; off += 4 {
		p, err := v.win.Bytes("jffs2: node", at+off, headSize)
		if err != nil {
			return true
		}
		if n, err := parse(p, v.order); err == nil && n.valid() {
			return false
		}
	}
	return true
}

// search finds the next node behind something broken, and tells what lies between.
func (v *volume) search(at int64, what string) int64 {
	found := "bytes of no node"
	if p, err := v.win.Bytes("jffs2: node", at, headSize); err == nil {
		found = fmt.Sprintf("% x", p)
		if n, err := parse(p, v.order); err == nil {
			found = fmt.Sprintf("a node of %d bytes with the CRC-32 %08x, whose header gives %08x", n.length, n.sum, n.have)
		}
	}
	next := at + 4
	for ; next+headSize <= v.src.Size() && v.ctx.Err() == nil; next += 4 {
		p, err := v.win.Bytes("jffs2: node", next, headSize)
		if err != nil {
			break
		}
		if n, err := parse(p, v.order); err == nil && n.valid() {
			break
		}
	}
	if next+headSize > v.src.Size() {
		next = v.src.Size()
	}
	v.failed(firmware.Check{What: what, Method: "CRC-32", State: firmware.Failed, Extent: block.Between(at, next), Expected: "a node whose sum fits", Found: found})
	return next
}

// node checks the node at a place, and returns how far the next one is; 0 when the image ends inside of it.
func (v *volume) node(n node, at int64) int64 {
	name := names[n.kind]
	if name == "" {
		name = fmt.Sprintf("node of type %#04x", n.kind)
	}
	e := block.Extent{Offset: at, Length: n.length}
	if e.End() > v.src.Size() {
		v.cut = true
		v.failed(fsimage.Cut(e.End(), v.src.Size(), fsimage.Region{Name: "root file system, in a node (" + name + ")", Extent: e}))
		return 0
	}
	v.last = e
	p, err := v.win.Bytes("jffs2: node", at, n.length)
	if err == nil {
		if n.obsolete { // its sums are those of the node as it was written
			p = bytes.Clone(p)
			n.order.PutUint16(p[2:], n.kind)
		}
		err = n.check(p, at)
	}
	next := (n.length + 3) &^ 3
	if n.kind == typeClean {
		if d := at - v.marks; v.marks < at && (v.erase == 0 || d < v.erase) && d >= 4096 && d&(d-1) == 0 {
			v.erase = d
		}
		v.marks = at
	}
	if err != nil {
		v.failed(fsimage.Failed(name+" node", "CRC-32", e, err))
		return next
	}
	switch {
	case n.obsolete: // one flipped bit makes a node obsolete, and no sum sees that
	case n.kind == typePad && n.length > headSize:
		// What padding covers has no sum.
		v.proven.Add(block.Extent{Offset: at, Length: headSize})
		v.gap(block.Between(at+headSize, e.End()))
	default:
		v.proven.Add(e)
	}
	v.gap(block.Between(e.End(), at+next))
	if !n.obsolete {
		v.remember(n, p, at)
	}
	return next
}

// gap checks bytes that fill up.
func (v *volume) gap(e block.Extent) {
	switch c, known := fsimage.Filling(v.ctx, v.src, "bytes that fill up", e, 0xFF, 0); {
	case !known:
	case c.State == firmware.Passed:
		v.proven.Add(e)
	default:
		v.failed(c)
	}
}

func (v *volume) remember(n node, p []byte, at int64) {
	if len(v.entries)+len(v.inodes) > maxEntries {
		return
	}
	switch n.kind {
	case typeEntry:
		key := entry{n.order.Uint32(p[12:]), string(p[40 : 40+int(p[28])])}
		version := n.order.Uint32(p[16:])
		if old, ok := v.entries[key]; !ok || version >= old.version {
			v.entries[key] = latest{version, n.order.Uint32(p[20:]), at}
		}
	case typeInode:
		number := n.order.Uint32(p[12:])
		f := v.inodes[number]
		if f == nil {
			f = &file{}
			v.inodes[number] = f
		}
		if version := n.order.Uint32(p[16:]); version >= f.version {
			f.version, f.size, f.regular = version, int64(n.order.Uint32(p[28:])), n.order.Uint32(p[20:])&formatBits == regular
		}
		if f.data.Count() < maxPieces {
			f.data.Add(block.Extent{Offset: int64(n.order.Uint32(p[44:])), Length: int64(n.order.Uint32(p[52:]))})
		}
	}
}

// lost tells names whose file has no node.
func (v *volume) lost() {
	if v.cut || v.told > 0 || len(v.entries)+len(v.inodes) > maxEntries {
		return // told already
	}
	for e, l := range v.entries {
		if l.inode == 0 {
			continue // deleted
		}
		c := firmware.Check{What: fmt.Sprintf("file %q", e.name), Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: l.at, Length: 40},
			Expected: fmt.Sprintf("nodes of inode %d", l.inode), Found: "none", Why: "a download or copy that was cut off between two nodes shows so"}
		f, ok := v.inodes[l.inode]
		if ok && (!f.regular || f.data.Count() >= maxPieces) {
			continue
		}
		if ok {
			missing := f.data.Complement(block.Extent{Length: f.size})
			if missing.Empty() {
				continue
			}
			c.Expected, c.Found = fmt.Sprintf("%d bytes", f.size), fmt.Sprintf("%d of them in no node, from %d on", missing.Bytes(), missing.Extents()[0].Offset)
		}
		v.failed(c)
	}
}
