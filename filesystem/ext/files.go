package ext

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

const (
	maxDepth     = 1024    // of directories
	maxDirectory = 4 << 30 // bytes of one directory
	// Inodes of directories with more entries than smallDirectory are read batchSize at a time.
	smallDirectory = 512
	batchSize      = 1 << 16
)

// Files yields the root directory and then all that directories name, each directory followed by what is in
// it; deleted names stand behind the live ones of their directory. After those come inodes in use that no
// directory names, and deleted inodes without a name.
func (v *volume) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		s, err := v.survey(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		w := newWalker(ctx, v, s, yield)
		w.root()
		w.orphans()
		w.missing()
		w.extentLeaves()
		w.past()
		w.unnamed()
		if !w.stopped && ctx.Err() != nil {
			yield(nil, ctx.Err())
		}
	}
}

// walker goes over a volume once.
type walker struct {
	ctx     context.Context
	v       *volume
	s       *survey
	use     *budget
	yield   func(*filesystem.File, error) bool
	stopped bool

	seen  inodeSet          // that were yielded
	times map[uint32]int    // how often, where it was more than once
	p     *past             // what the journal knows; nil when that is nothing
	paths map[uint32]string // of those that something lost needs
	// leavesTaken are the starts of checksums of leaves that were made into files.
	leavesTaken map[uint32]bool
	finds       *found
	fetched     map[uint32]*inode // of a large directory
	records     map[int64]int     // how often the name of a record was yielded without an inode
	read        inodeSet          // directories whose entries were read
	bytes       int64             // of directories that may still be read
	stack       []pending
}

// pending is a directory that was yielded and not read yet.
type pending struct {
	number uint32
	path   string
	depth  int
	state  filesystem.State
	sealed bool // the names in it are encrypted
	found  bool // its inode is gone, and its blocks were found by what is in them
}

func newWalker(ctx context.Context, v *volume, s *survey, yield func(*filesystem.File, error) bool) *walker {
	per := v.sb.inodesPerGroup
	w := &walker{ctx: ctx, v: v, s: s, use: v.newBudget(), yield: yield, seen: newInodeSet(per), times: map[uint32]int{}, records: map[int64]int{},
		read: newInodeSet(per), leavesTaken: map[uint32]bool{}, bytes: 2*v.src.Size() + 16<<20}
	if s.past != nil {
		w.p = s.past.begin()
		w.paths = w.p.parents()
	}
	return w
}

func (w *walker) over() bool { return w.stopped || w.ctx.Err() != nil }

func (w *walker) emit(f *filesystem.File) {
	if w.v.over != nil {
		for i := range f.Streams {
			f.Streams[i].Runs = w.v.over.places(f.Streams[i].Runs)
		}
	}
	if !w.over() && !w.yield(f, nil) {
		w.stopped = true
	}
}

func (w *walker) fail(err error) {
	if !w.over() && !w.yield(nil, err) {
		w.stopped = true
	}
}

// root walks over all that the root directory leads to.
func (w *walker) root() {
	in, err := w.v.inode(rootInode)
	if err == nil && !in.isDir() {
		err = cursor.Corrupt("ext: inode 2: mode", in.offset, "a directory", fmt.Sprintf("0%o", in.mode))
	}
	switch {
	case err != nil:
		w.fail(err)
		if w.missingDir(rootInode, "", 0, 0) {
			p := w.stack[len(w.stack)-1]
			w.stack = w.stack[:0]
			w.from(p)
		}
	default:
		w.seen.add(rootInode)
		f := w.v.file(in, filesystem.Live, w.s, w.use)
		f.ID = "i2"
		w.emit(f)
		w.from(pending{number: rootInode})
	}
}

// from reads a directory and all below it.
func (w *walker) from(p pending) {
	w.stack = append(w.stack, p)
	for len(w.stack) > 0 && !w.over() {
		p := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		low := len(w.stack)
		w.directory(p)
		slices.Reverse(w.stack[low:])
	}
	w.stack = w.stack[:0]
}

// directory yields what one directory names.
func (w *walker) directory(p pending) {
	if !w.read.add(p.number) {
		return
	}
	if p.found {
		for _, e := range w.foundEntries(p.number) {
			w.child(p, e)
		}
		return
	}
	in, err := w.v.inode(p.number)
	if err != nil {
		w.fail(err)
		return
	}
	if p.state == filesystem.Deleted {
		if w.wasDirectory(in) {
			w.deletedNames(p, w.entries(in, true), nil)
		}
		return
	}
	p.sealed = in.flags&flagEncrypted != 0
	var stale []entry
	entries := w.entries(in, false)
	for i, e := range entries {
		if i%batchSize == 0 && len(entries) > smallDirectory {
			w.fetch(entries[i:min(i+batchSize, len(entries))])
		}
		if e.stale {
			stale = append(stale, e)
		} else {
			w.child(p, e)
		}
	}
	clear(w.fetched)
	if len(stale) == 0 {
		return
	}
	live := make(map[string]uint32, len(entries)-len(stale))
	for _, e := range entries {
		if !e.stale {
			live[e.name] = e.inode
		}
	}
	w.deletedNames(p, stale, live)
}

// child yields what a live entry of a directory names.
func (w *walker) child(p pending, e entry) {
	path := join(p.path, e.name)
	in, err := w.inode(e.inode)
	if err == nil && in.isDir() && w.seen.has(e.inode) {
		w.fail(cursor.Corrupt("ext: directory entry", e.offset, "a directory that has one name", fmt.Sprintf("inode %d, which was met before", e.inode)))
		return
	}
	if err == nil && w.garbage(in, e) {
		err = cursor.Corrupt(in.String(), in.offset, "its checksum", "bytes of something else")
		in = nil
	}
	var f *filesystem.File
	unusable := err != nil || !in.typed() || !in.checksumOK && w.v.sb.metaCsum()
	if unusable && e.kind == 2 && w.missingDir(e.inode, path, p.depth+1, e.offset) {
		return
	}
	if err != nil {
		f = w.leafFile(crc32cUint32(crc32cUint32(w.v.sb.seed, e.inode), 0))
	}
	switch {
	case f != nil:
		f.Mode = entryMode(e)
		err = nil
	case err != nil:
		f = &filesystem.File{State: p.state, Mode: entryMode(e),
			Findings: []finding.Finding{inodeUnreadable.New(finding.At(e.offset, entryHeader), finding.Arg("inode", e.inode), finding.Expected(nil, err))}}
	default:
		f = w.v.file(in, p.state, w.s, w.use)
		w.judgeEntry(f, in, e)
	}
	f.ID, f.Path = w.id(e.inode), path
	if e.unchecked {
		f.Sound = false
		f.Findings = append(f.Findings, blockChecksum.New(finding.At(e.offset, entryHeader)))
	}
	if p.sealed {
		f.Findings = append(f.Findings, nameEncrypted.New(finding.At(e.offset, entryHeader)))
	}
	if e.copied {
		f.Findings = append(f.Findings, entryCopied.New(finding.At(e.offset, entryHeader)))
	}
	if e.resynced {
		f.Sound = false
		f.Findings = append(f.Findings, entryResynced.New(finding.At(e.offset, entryHeader)))
	}
	w.remember(e.inode, f.Path)
	w.emit(f)
	if err != nil {
		w.fail(fmt.Errorf("ext: entry %q at %d: %w", path, e.offset, err))
	} else if in != nil && in.isDir() && in.links > 0 {
		w.push(pending{number: e.inode, path: path, depth: p.depth + 1, state: p.state}, e.offset)
	}
}

// garbage reports whether nothing of an inode's record can be that of the file that an entry names.
func (w *walker) garbage(in *inode, e entry) bool {
	if !w.v.sb.metaCsum() || in.checksumOK || in.inline() {
		return false
	}
	sameType := int(e.kind) < len(entryTypes) && entryTypes[e.kind] == in.kind()
	mapped := in.flags&flagExtents != 0 && binary.LittleEndian.Uint16(in.block()) == extentMagic
	return !sameType && !mapped
}

// fetch reads the inodes of many entries in the order of their numbers: a large directory names them in the order
// of a hash, and each read of one by itself would be somewhere else.
func (w *walker) fetch(list []entry) {
	if w.fetched == nil {
		w.fetched = make(map[uint32]*inode, len(list))
	}
	clear(w.fetched)
	numbers := make([]uint32, 0, len(list))
	for _, e := range list {
		if !e.stale {
			numbers = append(numbers, e.inode)
		}
	}
	slices.Sort(numbers)
	for i, n := range slices.Compact(numbers) {
		if i%1024 == 0 && w.over() {
			return
		}
		if in, err := w.v.inode(n); err == nil {
			w.fetched[n] = in
		}
	}
}

func (w *walker) inode(number uint32) (*inode, error) {
	if in := w.fetched[number]; in != nil {
		return in, nil
	}
	return w.v.inode(number)
}

// push makes a directory one that is still to be read.
func (w *walker) push(d pending, at int64) {
	if d.depth > maxDepth {
		w.fail(cursor.Corrupt("ext: directory entry", at, fmt.Sprintf("at most %d directories in each other", maxDepth), "more"))
		return
	}
	w.stack = append(w.stack, d)
}

// judgeEntry compares an entry with the inode that it names.
func (w *walker) judgeEntry(f *filesystem.File, in *inode, e entry) {
	v := w.v
	at := finding.At(e.offset, entryHeader)
	says := ""
	switch {
	case !in.typed():
		says = "of no type"
	case in.links == 0 || !in.deletedTime(v.sb).IsZero():
		says = "deleted"
	case w.s.doubted.has(in.number):
		says = "free, by the bitmap of its group"
	case in.number < v.sb.firstInode && in.number != rootInode:
		says = "the volume's own"
	case in.flags&flagEAInode != 0:
		says = "the value of an extended attribute"
	}
	if says != "" {
		f.Sound = false
		f.Findings = append(f.Findings, inodeContradiction.New(at, finding.Arg("inode", in.number), finding.Expected(nil, says)))
		if !w.s.inUse.has(in.number) {
			w.attribute(f, in)
		}
	}
	if v.sb.incompat&incompatFiletype != 0 && in.typed() && e.kind != 0 && (int(e.kind) >= len(entryTypes) || entryTypes[e.kind] != in.kind()) {
		f.Sound = false
		f.Findings = append(f.Findings, typeContradiction.New(at, finding.Expected(entryMode(e).Type(), f.Mode.Type())))
	}
}

// id returns the identity of the next path to an inode.
func (w *walker) id(number uint32) string {
	if w.seen.add(number) {
		return fmt.Sprintf("i%d", number)
	}
	w.times[number]++
	return fmt.Sprintf("i%d-%d", number, w.times[number]+1)
}

// join puts the name of an entry behind the path of its directory.
func join(dir, name string) string {
	if dir == "" {
		return filesystem.EscapeName(name)
	}
	return dir + "/" + filesystem.EscapeName(name)
}

// entries reads the entries of a directory, block by block in a row. What is broken is told, unless the
// directory is deleted: then blocks that do not check are left out in silence.
func (w *walker) entries(in *inode, quiet bool) []entry {
	return w.v.fast.rename(in.number, w.storedEntries(in, quiet), func(number uint32) uint8 {
		if x, err := w.v.inode(number); err == nil {
			return uint8(max(slices.Index(entryTypes[:], x.kind()), 0))
		}
		return 0
	})
}

// storedEntries reads the entries that stand in the directory's own blocks.
func (w *walker) storedEntries(in *inode, quiet bool) []entry {
	v := w.v
	s := v.sb
	d := &directory{inodes: s.inodesCount, filetype: s.incompat&incompatFiletype != 0, indexed: in.flags&flagIndex != 0, blockSize: int(s.blockSize)}
	fail := func(err error) {
		if !quiet {
			w.fail(err)
		}
	}
	var out []entry
	unchecked, copied := false, false
	emit := func(e entry) {
		e.unchecked, e.copied = unchecked, copied
		out = append(out, e)
	}
	if in.inline() {
		d.indexed, d.blockSize = false, len(in.raw)
		runs, broken := in.inlineRuns()
		if broken != "" {
			fail(cursor.Corrupt(in.String()+": inline entries", in.offset, nil, broken))
		}
		unchecked = !in.checksumOK
		for i, r := range runs {
			if !r.Kind.Stands() {
				continue
			}
			at := r.Physical - in.offset
			// The first bytes are the number of the parent; the records of each piece stand for themselves.
			for _, b := range inlinePieces(in.raw[at:at+r.Length], i == 0) {
				if err := d.parse(b.b, r.Physical+int64(b.at), false, emit); err != nil {
					fail(err)
				}
			}
		}
		return out
	}
	if in.size > maxDirectory {
		fail(cursor.Corrupt(in.String()+": size of the directory", in.offset+4, fmt.Sprintf("at most %d", int64(maxDirectory)), in.size))
	}
	m := v.mapInode(in, w.use)
	b, one := make([]byte, s.blockSize), make([]byte, s.blockSize)
	for _, r := range m.runs {
		if r.Kind == block.Lost {
			fail(cursor.Corrupt(in.String()+": directory", in.offset+iblockOffset, "blocks", fmt.Sprintf("%d bytes from %d on are lost", r.Length, r.Logical)))
		}
		if !r.Kind.Stands() {
			continue
		}
		for o := int64(0); o < r.Length && r.Logical+o < maxDirectory; o += s.blockSize {
			if w.over() {
				return out
			}
			if w.bytes -= s.blockSize; w.bytes < 0 {
				fail(cursor.Corrupt(in.String()+": directory", r.Physical+o, "directories smaller than the volume", "larger ones"))
				return out
			}
			if err := v.cache.read(in.String()+": directory block", b, r.Physical+o); err != nil {
				fail(err)
				continue
			}
			place := r.Physical + o
			unchecked, copied = !v.checkLeaf(b, in), false
			if !quiet && (unchecked || !v.sb.metaCsum() && !d.whole(b)) {
				if at, ok := v.newestNode(w.s.past, uint64(place/s.blockSize), one, func(b []byte) bool { return d.whole(b) && v.checkLeaf(b, in) }); ok {
					place, unchecked, copied = at, false, true
					copy(b, one)
				}
			}
			if unchecked && quiet {
				continue
			}
			if err := d.parse(b, place, r.Logical+o == 0, emit); err != nil {
				fail(err)
			}
		}
	}
	return out
}

// piece is a part of inline entries and where it starts.
type piece struct {
	b  []byte
	at int
}

// inlinePieces splits inline entries: those in the place of the block map end at its end, whatever follows.
func inlinePieces(b []byte, first bool) []piece {
	if !first {
		return []piece{{b, 0}}
	}
	const parent = 4
	if len(b) <= parent {
		return nil
	}
	if len(b) <= iblockSize {
		return []piece{{b[parent:], parent}}
	}
	return []piece{{b[parent:iblockSize], parent}, {b[iblockSize:], iblockSize}}
}
