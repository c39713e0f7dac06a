package ext

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// deletedFolder is where deleted inodes without a name are listed.
const deletedFolder = "lost+found-deleted"

// deletedNames yields the names that are left of entries that a directory lost. live holds the names that it
// has now, with their inodes: splitting a block leaves copies of entries that only moved.
func (w *walker) deletedNames(p pending, entries []entry, live map[string]uint32) {
	type key struct {
		name  string
		inode uint32
	}
	met := map[key]bool{}
	for _, e := range entries {
		if w.over() {
			return
		}
		if now, ok := live[e.name]; ok && (now == e.inode || e.inode == 0) || met[key{e.name, e.inode}] {
			continue
		}
		met[key{e.name, e.inode}] = true
		w.deletedName(p, e)
	}
}

// deletedName yields a deleted name, with the content of its inode where that is left.
func (w *walker) deletedName(p pending, e entry) {
	at := finding.At(e.offset, entryHeader)
	if w.slackName(p.number, e) {
		return
	}
	if in := w.deletedInode(e); in != nil {
		f := w.deletedFile(in)
		if w.seen.has(in.number) {
			f.Findings = append(f.Findings, nameShared.New(at))
		}
		again := w.seen.has(in.number)
		f.ID, f.Path = w.id(in.number), join(p.path, e.name)
		w.emit(f)
		if in.isDir() && !again {
			w.push(pending{number: in.number, path: f.Path, depth: p.depth + 1, state: filesystem.Deleted}, e.offset)
		}
		return
	}
	f := &filesystem.File{ID: fmt.Sprintf("d0x%x", e.offset), Path: join(p.path, e.name), State: filesystem.Deleted, Mode: entryMode(e)}
	if w.records[e.offset]++; w.records[e.offset] > 1 {
		f.ID = fmt.Sprintf("%s-%d", f.ID, w.records[e.offset])
	}
	if w.s.inUse.has(e.inode) {
		f.Findings = append(f.Findings, inodeReused.New(at, finding.Arg("inode", e.inode)))
	} else {
		f.Findings = append(f.Findings, inodeGone.New(at))
	}
	w.emit(f)
}

// deletedInode returns the inode that a deleted name leads to, or nil when it holds something else or
// nothing by now.
func (w *walker) deletedInode(e entry) *inode {
	if e.inode < w.v.sb.firstInode || w.s.inUse.has(e.inode) {
		return nil
	}
	in, err := w.v.inode(e.inode)
	if err != nil || in.links != 0 || !in.typed() {
		return nil
	}
	if w.v.sb.incompat&incompatFiletype != 0 && (e.kind == 0 || int(e.kind) >= len(entryTypes) || entryTypes[e.kind] != in.kind()) {
		return nil
	}
	return in
}

// deletedFile makes a File of a deleted inode.
func (w *walker) deletedFile(in *inode) *filesystem.File {
	f := w.v.file(in, filesystem.Deleted, w.s, w.use)
	// Whoever had its blocks since may be gone as well, and nothing tells of that.
	f.Sound = false
	if in.kind() != typeRegular {
		return f
	}
	// Nothing in a freed inode says that its blocks were not used again since, by a file that is gone as well.
	f.Sound = false
	at := finding.At(in.offset, w.v.sb.inodeSize)
	stream := &f.Streams[0]
	if in.inline() {
		return f // the inode is its own
	}
	if !stands(stream.Runs) {
		if runs, size := w.staleRuns(in); size > 0 {
			stream.Runs, stream.Size = runs, size
			if in.size == 0 {
				f.Findings = append(f.Findings, sizeGuessed.New(at))
			}
		} else if stream.Size > 0 && !slices.ContainsFunc(stream.Runs, func(r block.Run) bool { return r.Kind == block.Lost }) &&
			!w.wholeHole(in) {
			stream.Runs = []block.Run{{Length: stream.Size, Kind: block.Lost}}
		}
		if stream.Size == 0 {
			f.Streams = nil
			f.Findings = append(f.Findings, contentGone.New(at))
			return f
		}
	}
	if slices.ContainsFunc(f.Findings, func(n finding.Finding) bool { return n.Code == blocksMiscounted.Code }) {
		// A part of the list was emptied: what looks like a hole may be none.
		for i, r := range stream.Runs {
			if r.Kind == block.Zero {
				stream.Runs[i].Kind = block.Lost
			}
		}
	}
	w.attribute(f, in)
	return f
}

// attribute tells of each piece of a file whose inode is not in use whose bytes it holds by now.
func (w *walker) attribute(f *filesystem.File, in *inode) {
	if len(f.Streams) == 0 || in.inline() {
		return // an inode is its own
	}
	at := finding.At(in.offset, w.v.sb.inodeSize)
	stream := &f.Streams[0]
	var foreign, unclear int64
	stream.Runs, foreign, unclear = w.owned(stream.Runs, stream.Size)
	if foreign > 0 || unclear > 0 || len(f.Findings) > 0 {
		// Where a part was taken, or the list is not what it was, the rest may have been taken too by files that
		// are gone since.
		for i, r := range stream.Runs {
			if r.Kind == block.Data {
				stream.Runs[i].Kind = block.Guessed
				unclear += r.Length
			}
		}
		stream.Runs = block.Normalize(stream.Runs, stream.Size)
	}
	if foreign > 0 {
		f.Findings = append(f.Findings, blocksReused.New(at, finding.Expected(nil, foreign)))
	}
	if unclear > 0 {
		f.Findings = append(f.Findings, ownerUnclear.New(at, finding.Expected(nil, unclear)))
	}
}

// wholeHole reports whether an inode that names no block never had one.
func (w *walker) wholeHole(in *inode) bool {
	return in.sectors == 0 && in.checksumOK && w.v.sb.metaCsum() && in.flags&flagExtents != 0 && bareRoot(in.block())
}

// bareRoot reports whether nothing ever stood in the root of an extent tree.
func bareRoot(b []byte) bool {
	return binary.LittleEndian.Uint16(b) == extentMagic && !slices.ContainsFunc(b[12:], func(c byte) bool { return c != 0 })
}

// stands reports whether some run has a place.
func stands(runs []block.Run) bool {
	return slices.ContainsFunc(runs, func(r block.Run) bool { return r.Kind.Stands() })
}

// owned tells for each piece of a deleted file whether its bytes can still be its own.
func (w *walker) owned(runs []block.Run, size int64) (out []block.Run, foreign, unclear int64) {
	structures := w.v.structures()
	for _, r := range runs {
		if !r.Kind.Stands() {
			out = append(out, r)
			continue
		}
		e := r.PhysicalExtent()
		other := w.s.claims.Within(e).Union(structures.Within(e))
		doubt := w.s.used.Within(e).Union(w.s.unknown.Within(e)).Union(w.s.contested.Within(e)).Subtract(other)
		if r.Kind == block.Guessed {
			doubt = block.SetOf(e).Subtract(other)
		}
		piece := func(set block.Set, kind block.RunKind) {
			for x := range set.All() {
				out = append(out, block.Run{Logical: r.Logical + x.Offset - r.Physical, Physical: x.Offset, Length: x.Length, Kind: kind})
			}
		}
		piece(other, block.Foreign)
		piece(doubt, block.Guessed)
		piece(block.SetOf(e).Subtract(other).Subtract(doubt), r.Kind)
		foreign += other.Bytes()
		unclear += doubt.Bytes()
	}
	if foreign > 0 || unclear > 0 {
		// Some of its blocks were used again, so that others may have been.
		for i := range out {
			if out[i].Kind == block.Data {
				out[i].Kind = block.Guessed
				unclear += out[i].Length
			}
		}
	}
	return block.Normalize(out, size), foreign, unclear
}

// free reports whether the bitmaps say that no one owns any byte of n blocks from at, and no one claims one.
func (w *walker) free(at, n uint64) bool {
	e := w.v.sb.blocks(at, n)
	return !w.s.used.Overlaps(e) && !w.s.unknown.Overlaps(e) && !w.s.claims.Overlaps(e) && !w.v.structures().Overlaps(e)
}

// staleRuns returns what is left of the extents of an emptied inode: entries behind the count of the root, or
// in a node to which one of them leads. They are evidence only where they can be and no one owns their blocks.
func (w *walker) staleRuns(in *inode) ([]block.Run, int64) {
	b := in.block()
	if in.flags&flagExtents == 0 || binary.LittleEndian.Uint16(b) != extentMagic || binary.LittleEndian.Uint16(b[2:]) != 0 {
		return nil, 0
	}
	var runs []block.Run
	next := uint64(0)
	for i := range 4 {
		e := b[12+12*i:]
		if leaf := w.staleNode(in, e); leaf != nil {
			runs, next = w.staleLeaf(leaf, runs, next)
			continue
		}
		runs, next = w.staleExtent(e, runs, next)
	}
	if len(runs) == 0 || runs[0].Logical != 0 {
		return nil, 0
	}
	size := in.size
	if size <= 0 || size > int64(next)*w.v.sb.blockSize {
		size = int64(next) * w.v.sb.blockSize
	}
	return block.Normalize(runs, size), size
}

// staleNode returns the leaf to which an entry of an emptied root leads, or nil.
func (w *walker) staleNode(in *inode, e []byte) []byte {
	s := w.v.sb
	at := uint64(binary.LittleEndian.Uint32(e[4:])) | uint64(binary.LittleEndian.Uint16(e[8:]))<<32
	if at <= uint64(s.firstDataBlock) || at >= s.blocksCount || !w.free(at, 1) || w.use.nodes <= 0 {
		return nil
	}
	w.use.nodes--
	b := make([]byte, s.blockSize)
	if w.v.cache.read("ext: stale extents", b, int64(at)*s.blockSize) != nil {
		return nil
	}
	le := binary.LittleEndian
	most := int(le.Uint16(b[4:]))
	if le.Uint16(b) != extentMagic || most > (len(b)-12)/12 || int(le.Uint16(b[2:])) > most || le.Uint16(b[6:]) != 0 {
		return nil
	}
	if tail := 12 + 12*most; s.metaCsum() && (tail+4 > len(b) || crc32c(in.blockSeed(s), b[:tail]) != le.Uint32(b[tail:])) {
		return nil
	}
	return b[:12+12*most]
}

func (w *walker) staleLeaf(b []byte, runs []block.Run, next uint64) ([]block.Run, uint64) {
	for at := 12; at+12 <= len(b); at += 12 {
		runs, next = w.staleExtent(b[at:], runs, next)
	}
	return runs, next
}

// staleExtent adds one extent, if it can be one, behind those before it.
func (w *walker) staleExtent(e []byte, runs []block.Run, next uint64) ([]block.Run, uint64) {
	s := w.v.sb
	le := binary.LittleEndian
	l, n := uint64(le.Uint32(e)), uint64(le.Uint16(e[4:]))
	at := uint64(le.Uint32(e[8:])) | uint64(le.Uint16(e[6:]))<<32
	if l < next || n == 0 || n > maxInitialized || at <= uint64(s.firstDataBlock) || at >= s.blocksCount || n > s.blocksCount-at ||
		int64(at+n)*s.blockSize > w.v.src.Size() || !w.free(at, n) {
		return runs, next
	}
	runs = append(runs, block.Run{Logical: int64(l) * s.blockSize, Physical: int64(at) * s.blockSize, Length: int64(n) * s.blockSize, Kind: block.Guessed})
	return runs, l + n
}

// unnamed yields deleted inodes that no name leads to and whose content is left, directories with what is in
// them first.
func (w *walker) unnamed() {
	var folders, others []uint32
	for _, n := range w.s.deleted {
		if w.seen.has(n) || w.p.knows(n) {
			continue
		}
		in, err := w.v.inode(n)
		switch {
		case err != nil || in.links != 0:
		case in.isDir():
			if w.wasDirectory(in) {
				folders = append(folders, n)
			}
		case in.kind() == typeRegular:
			others = append(others, n)
		}
	}
	for _, n := range w.tops(folders) {
		w.unnamedOne(n)
	}
	for _, n := range others {
		w.unnamedOne(n)
	}
}

func (w *walker) unnamedOne(n uint32) {
	if w.over() || w.seen.has(n) {
		return
	}
	in, err := w.v.inode(n)
	if err != nil {
		return
	}
	f := w.deletedFile(in)
	if !in.isDir() && (len(f.Streams) == 0 || !in.inline() && !stands(f.Streams[0].Runs)) {
		return
	}
	f.ID, f.Path = w.id(n), fmt.Sprintf("%s/i%d", deletedFolder, n)
	w.emit(f)
	if in.isDir() {
		w.from(pending{number: n, path: f.Path, depth: 1, state: filesystem.Deleted})
	}
}

// wasDirectory reports whether the first block of a deleted directory is still its own.
func (w *walker) wasDirectory(in *inode) bool {
	if in.inline() {
		return true
	}
	m := w.v.mapInode(in, w.use)
	if len(m.runs) == 0 || !m.runs[0].Kind.Stands() || m.runs[0].Logical != 0 {
		return false
	}
	e := m.runs[0].PhysicalExtent()
	e.Length = w.v.sb.blockSize
	if w.s.claims.Overlaps(e) || w.v.structures().Overlaps(e) {
		return false
	}
	b := make([]byte, 12)
	return w.v.cache.read("ext: deleted directory", b, e.Offset) == nil &&
		binary.LittleEndian.Uint32(b) == in.number && b[6] == 1 && b[8] == '.'
}

// tops orders directories so that none comes before one that names it, as far as they do not go in circles.
func (w *walker) tops(list []uint32) []uint32 {
	named := newInodeSet(w.v.sb.inodesPerGroup)
	among := newInodeSet(w.v.sb.inodesPerGroup)
	for _, n := range list {
		among.add(n)
	}
	for _, n := range list {
		in, err := w.v.inode(n)
		if err != nil {
			continue
		}
		for _, e := range w.entries(in, true) {
			if e.inode != n && among.has(e.inode) {
				named.add(e.inode)
			}
		}
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b uint32) int {
		x, y := 0, 0
		if named.has(a) {
			x = 1
		}
		if named.has(b) {
			y = 1
		}
		return cmp.Compare(x, y)
	})
	return out
}
