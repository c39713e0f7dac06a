package hfsplus

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"sync"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// Kind is the row of this package in the table of file systems.
func Kind() filesystem.Kind {
	return filesystem.Kind{Name: "hfsplus", Probes: probes(), Locate: locate, Open: Open, Decode: decode, Mend: Mend}
}

// volume is an opened volume.
type volume struct {
	src  block.Source // what Open was given
	meta block.Source // the same with the journal carried out, as overlay says
	// overlay leads from offsets of src to where the newest copy of that place stands on src; nil without a journal
	// that was not carried out.
	overlay []block.Run
	base    int64 // where block 0 stands on src: behind the wrapper, if there is one
	h       *header

	catalog, overflow, attributes *tree
	special                       []block.Extent // where the volume's own files stand on src
	allocation                    *allocation
	journal                       *journal

	// searched says that the leaves of the catalogue were found by their looks, older copies among them.
	searched bool

	info filesystem.Info
}

// Open opens the HFS+ or HFSX volume at the start of vol, or in the HFS wrapper that stands there: by its header, by
// the copy of that at its end or, when both are gone, by the nodes of its catalogue, for which all of vol is
// read. It answers [cursor.ErrNot] when none of these is there.
func Open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	v := &volume{src: vol, meta: vol}
	inner := vol
	if p, err := cursor.Read(vol, "hfsplus: wrapper", headerAt, headerSize, headerSize); err == nil {
		if e, ok := embedded(p); ok && e.End() <= vol.Size()+headerSize {
			v.base, inner = e.Offset, block.Section(vol, e)
			v.note(wrapped.New(finding.At(v.base, e.Length)))
		}
	}
	err := v.findHeader(inner)
	if errors.Is(err, cursor.ErrNot) {
		err = v.search(ctx, inner)
		v.searched = true
	}
	if err != nil {
		return nil, err
	}
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *volume) note(f finding.Finding) { v.info.Findings = append(v.info.Findings, f) }

// findHeader takes the header or, when it is broken, its copy.
func (v *volume) findHeader(inner block.Source) error {
	first, err := readHeader(inner, headerAt)
	if err == nil {
		v.h = first
		end := min(first.size(), inner.Size()) - headerAt
		if other, err := readHeader(inner, end); err != nil {
			v.note(headerDiffers.New(finding.At(v.base+end, headerSize), finding.Expected(nil, err)))
		} else if other.blockSize != first.blockSize || other.blocks != first.blocks {
			v.note(headerDiffers.New(finding.At(v.base+end, headerSize), finding.Expected(nil, "another size")))
		}
		return nil
	}
	// The copy stands before the end of the volume, which may be up to some blocks before that of its partition.
	const reach = 1 << 20
	for back := int64(headerAt); back <= min(reach, inner.Size()-headerSize); back += 512 {
		at := (inner.Size() - back) / 512 * 512
		if h, copyErr := readHeader(inner, at); copyErr == nil && h.size()-headerAt <= at && at-h.size() <= reach {
			v.h = h
			v.note(headerBackup.New(finding.At(v.base+at, headerSize), finding.Expected(nil, err)))
			return nil
		}
	}
	if _, broken := cursor.IsCorrupt(err); broken {
		return fmt.Errorf("%w: %w", cursor.ErrNot, err)
	}
	if _, unreadable := block.IsUnreadable(err); unreadable {
		return fmt.Errorf("%w: %w", cursor.ErrNot, err)
	}
	return err
}

// open reads the trees, where a search has not found them already.
func (v *volume) open(ctx context.Context) error {
	h := v.h
	v.info.Kind = "hfsplus"
	if h.x {
		v.info.Kind = "hfsx"
	}
	v.info.BlockSize, v.info.Size = h.blockSize, h.size()
	if h.hasID {
		v.info.UUID = uuidOf(h.id)
	}
	if here := v.src.Size() - v.base; h.size() > here {
		v.note(headerTruncated.New(finding.At(v.src.Size(), h.size()-here), finding.Expected(h.size(), here)))
	}
	if h.attributes&volumeInconsistent != 0 {
		v.note(volumeMarked.New(finding.At(v.base+h.at+4, 4)))
	}
	if !v.searched {
		if h.attributes&volumeUnmounted == 0 {
			v.note(volumeInUse.New(finding.At(v.base+h.at+4, 4)))
		}
		v.openJournal(ctx)
		v.overflow = v.openTree(ctx, &h.extents, idExtents, "extents overflow file", 2)
		v.catalog = v.openTree(ctx, &h.catalog, idCatalog, "catalogue", 0)
		if h.attributesFile.size > 0 {
			v.attributes = v.openTree(ctx, &h.attributesFile, idAttributes, "attributes file", 2)
		}
		l := v.layout(&h.allocation, idAllocation, forkData)
		v.claim(l)
		v.allocation = &allocation{src: block.Join(v.meta, v.runs(l.extents, h.allocation.size, isData), h.allocation.size), blocks: h.blocks}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if v.catalog == nil {
		return fmt.Errorf("hfsplus: the catalogue cannot be read: %w", cursor.Corrupt("hfsplus: catalogue", v.base, "a B-tree", "none"))
	}
	v.info.Label = v.label()
	for _, f := range v.info.Findings {
		switch {
		case f.Severity == finding.Error:
			v.info.State = filesystem.Damaged
		case f.Code == volumeInUse.Code && v.info.State == filesystem.Clean:
			v.info.State = filesystem.Dirty
		}
	}
	return nil
}

// claim notes where one of the volume's own files stands.
func (v *volume) claim(l layout) {
	for _, e := range l.extents {
		v.special = append(v.special, block.Extent{Offset: v.place(e.start), Length: int64(e.count) * v.h.blockSize})
	}
}

// openTree opens one of the B-trees; nil when nothing of it can be read, which is noted.
func (v *volume) openTree(ctx context.Context, f *fork, id uint32, name string, numberAt int) *tree {
	l := v.layout(f, id, forkData)
	v.claim(l)
	runs := v.runs(l.extents, f.size, isData)
	src := block.Join(v.meta, runs, f.size)
	arg := finding.Arg("tree", name)
	place := finding.At(v.base, 0)
	if len(l.extents) > 0 {
		place = finding.At(v.place(l.extents[0].start), int64(l.extents[0].count)*v.h.blockSize)
	}
	if f.size == 0 {
		return nil
	}
	p, err := cursor.Read(src, "hfsplus: "+name, 0, min(minNode, f.size), minNode)
	var th *treeHeader
	if err == nil {
		th, err = parseTreeHeader(p, 0)
	}
	t := &tree{name: name, src: src, runs: runs, numberAt: numberAt}
	if err != nil {
		v.note(treeHeaderBroken.New(place, arg, finding.Expected(nil, err)))
		if t.size = guessNodeSize(src, numberAt); t.size == 0 {
			v.note(treeMissing.New(place, arg, finding.Expected(nil, "no node of it was found")))
			return nil
		}
	} else {
		t.size = th.nodeSize
	}
	if err := t.scan(ctx, th); err != nil {
		return nil
	}
	if th != nil && !t.chained {
		v.note(treeChain.New(place, arg))
	}
	if t.broken > 0 {
		v.note(treeNodes.New(place, arg, finding.Expected(nil, t.broken)))
	}
	return t
}

// guessNodeSize finds the size with which the most nodes of src are leaves.
func guessNodeSize(src block.Source, numberAt int) int64 {
	best, most := int64(0), 0
	buf := make([]byte, min(src.Size(), 4<<20))
	n, _ := src.ReadAt(buf, 0)
	for size := int64(maxNode); size >= minNode; size /= 2 {
		t := &tree{size: size, numberAt: numberAt}
		good := 0
		for at := int64(0); at+size <= int64(n); at += size {
			p := buf[at : at+size]
			if d := parseDescriptor(p); d.kind == nodeLeaf && d.height == 1 && d.records > 0 {
				if _, ok := t.span(p, 0); ok && wholeLeaf(p) {
					good++
				}
			}
		}
		if good > most {
			best, most = size, good
		}
	}
	return best
}

// wholeLeaf reports whether every record of a leaf can be one.
func wholeLeaf(p []byte) bool {
	return leafRecords(p, 0, func(record) bool { return true }) == nil
}

// label returns the name of the root folder, which is the volume's.
func (v *volume) label() string {
	name := ""
	v.catalog.records(idRoot, func(r record) bool {
		if id, _, n, ok := parseThread(r); ok && id == idRoot {
			name = n
			return false
		}
		return true
	}, func(error) {})
	return name
}

// uuidOf turns the identifier of eight bytes into the UUID that systems show: one of version 3 in Apple's name
// space.
func uuidOf(id [8]byte) string {
	space := [16]byte{0xb3, 0xe2, 0x0f, 0x39, 0xf2, 0x92, 0x11, 0xd6, 0x97, 0xa4, 0x00, 0x30, 0x65, 0x43, 0xec, 0xac}
	h := md5.Sum(append(space[:], id[:]...))
	h[6] = h[6]&0x0f | 0x30
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:])
}

// Info describes the volume.
func (v *volume) Info() filesystem.Info {
	info := v.info
	info.Findings = append([]finding.Finding(nil), v.info.Findings...)
	return info
}

// Open returns the bytes of a stream of f.
func (v *volume) Open(f *filesystem.File, stream string) (block.Source, error) {
	for _, s := range f.Streams {
		if s.Name != stream {
			continue
		}
		if s.Encoding == "" {
			return block.Join(v.src, s.Runs, s.Size), nil
		}
		stored := int64(0)
		for _, r := range s.Runs {
			stored = max(stored, r.LogicalExtent().End())
		}
		return decode(s.Encoding, block.Join(v.src, s.Runs, stored), s.Size)
	}
	return nil, fmt.Errorf("hfsplus: %s: stream %q: %w", f.ID, stream, fs.ErrNotExist)
}

// allocation is the volume's map of blocks.
type allocation struct {
	src    block.Source
	blocks uint32

	mu  sync.Mutex
	at  int64 // of buf in the map
	buf []byte
}

const allocationWindow = 64 << 10

// set returns the blocks of v that are in use, as places on its source. What of the map cannot be read counts as
// free.
func (a *allocation) set(ctx context.Context, v *volume) (block.Set, error) {
	var extents []block.Extent
	open := block.Extent{}
	for at := int64(0); at < int64(a.blocks+7)/8; at += allocationWindow {
		if err := ctx.Err(); err != nil {
			return block.Set{}, err
		}
		buf := make([]byte, min(allocationWindow, int64(a.blocks+7)/8-at))
		n, _ := a.src.ReadAt(buf, at)
		for i, b := range buf[:n] {
			for k := range 8 {
				place := block.Extent{Offset: v.place(uint32(at+int64(i))*8 + uint32(k)), Length: v.h.blockSize}
				switch {
				case b&(0x80>>k) == 0 || place.End() > v.base+v.h.size():
				case open.Length > 0 && open.End() == place.Offset:
					open.Length += place.Length
				default:
					if open.Length > 0 {
						extents = append(extents, open)
					}
					open = place
				}
			}
		}
	}
	return block.SetOf(append(extents, open)...), nil
}

// count returns how many blocks of e are in use; known is false where the map cannot be read.
func (a *allocation) count(e extentDescriptor) (used uint32, known bool) {
	if a == nil || uint64(e.start)+uint64(e.count) > uint64(a.blocks) {
		return 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for b, left := e.start, e.count; left > 0; {
		i := int64(b / 8)
		if i < a.at || i >= a.at+int64(len(a.buf)) {
			a.at = i / allocationWindow * allocationWindow
			a.buf = make([]byte, min(allocationWindow, max(a.src.Size()-a.at, 0)))
			n, _ := a.src.ReadAt(a.buf, a.at)
			a.buf = a.buf[:n]
			if i >= a.at+int64(n) {
				return used, false
			}
		}
		n := min(left, 8-b%8)
		mask := byte(0xFF) >> (b % 8) & (0xFF << (8 - b%8 - n))
		used += uint32(bits.OnesCount8(a.buf[i-a.at] & mask))
		b, left = b+n, left-n
	}
	return used, true
}
