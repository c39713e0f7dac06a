package ntfs

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

const (
	entryHeader   = 16
	entrySub      = 1 // the entry leads to a block below it
	entryLast     = 2
	directoryName = "$I30"
	maxDirectory  = 4 << 30 // bytes of one folder
)

// indexEntry is one entry of a folder.
type indexEntry struct {
	file reference
	fileName
	at int // in the structure that holds it
}

// parseEntries decodes the entries of a node of an index, from its header of 16 bytes at the byte at of b.
// It returns where the entries in use end and where the room for entries does.
func parseEntries(b []byte, at int, base int64, visit func(indexEntry)) (used, room int, err error) {
	c := cursor.New("ntfs: index", base, b)
	c.Seek(at)
	first, length, allocated := int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32())
	if c.Err() != nil {
		return at, len(b), c.Err()
	}
	room = min(len(b), at+int(min(allocated, int64(len(b)))))
	if first < 16 || first > length || length > int64(len(b)-at) || length > allocated {
		return at, room, cursor.Corrupt("ntfs: index: header", base+int64(at), fmt.Sprintf("entries inside of %d bytes", len(b)-at),
			fmt.Sprintf("%d to %d of %d", first, length, allocated))
	}
	end := at + int(length)
	for p := at + int(first); ; {
		if p > end-entryHeader {
			return p, room, cursor.Corrupt("ntfs: index: entries", base+int64(p), "a last entry", "the end")
		}
		size, key, flags := int(le.Uint16(b[p+8:])), int(le.Uint16(b[p+10:])), le.Uint16(b[p+12:])
		if size < entryHeader || size%8 != 0 || size > end-p {
			return p, room, cursor.Corrupt("ntfs: index entry: size", base+int64(p+8), fmt.Sprintf("16 to %d", end-p), size)
		}
		if flags&entryLast != 0 {
			return p + size, room, nil
		}
		e := indexEntry{file: reference(le.Uint64(b[p:])), at: p}
		if key > size-entryHeader {
			return p, room, cursor.Corrupt("ntfs: index entry: key", base+int64(p+10), fmt.Sprintf("up to %d bytes", size-entryHeader), key)
		}
		n, keyErr := parseFileName(b[p+entryHeader:p+entryHeader+key], base+int64(p+entryHeader))
		if keyErr == nil {
			e.fileName = n
			visit(e)
		} else {
			err = keyErr // its siblings are still to be read
		}
		p += size
	}
}

// slackEntries looks for whole entries in b[from:], which is not in use: what moved or was removed leaves
// them there. parent is the number of the folder; -1 takes those of any.
func slackEntries(b []byte, from int, parent int64, visit func(indexEntry)) {
	const least = nameHeader + 2
	for p := (from + 7) &^ 7; p+least <= len(b); {
		if e, n := slackEntry(b[p:], p, parent); n > 0 {
			visit(e)
			p += n
			continue
		}
		// The header of the first entry behind those in use is gone: their end stands in its place.
		if parent >= 0 {
			if n, err := parseFileName(b[p:], int64(p)); err == nil && n.parent.number() == parent && n.parent.sequence() != 0 && n.likely() {
				visit(indexEntry{fileName: n, at: p})
				p += (nameHeader + 2*int(b[p+64]) + 7) &^ 7
				continue
			}
		}
		p += 8
	}
}

// slackEntry decodes the entry at the start of b, if there is one, and returns its length.
func slackEntry(b []byte, at int, parent int64) (indexEntry, int) {
	if len(b) < entryHeader+nameHeader+2 {
		return indexEntry{}, 0
	}
	size, key := int(le.Uint16(b[8:])), int(le.Uint16(b[10:]))
	units := int(b[entryHeader+64])
	if key != nameHeader+2*units || size < entryHeader+key || size > entryHeader+key+7+8 || size%8 != 0 || entryHeader+key > len(b) {
		return indexEntry{}, 0
	}
	n, err := parseFileName(b[entryHeader:entryHeader+key], int64(at))
	file := reference(le.Uint64(b))
	unlinked := file == 0 && parent >= 0 // Windows clears the reference of an entry that it removes
	if err != nil || !unlinked && (file.number() == 0 || file.sequence() == 0) || n.parent.sequence() == 0 || parent >= 0 && n.parent.number() != parent || !n.likely() {
		return indexEntry{}, 0
	}
	return indexEntry{file: file, fileName: n, at: at}, size
}

// likely reports whether a name that was found by its looks is one: its times are those of a clock, its
// characters those of a name.
func (n *fileName) likely() bool {
	const year1980, year2200 = 119600064000000000, 189000000000000000
	for _, t := range []uint64{n.times.created, n.times.modified, n.times.changed, n.times.accessed} {
		if t != 0 && (t < year1980 || t > year2200) {
			return false
		}
	}
	for i := range len(n.name) {
		if n.name[i] < ' ' || n.name[i] == '/' {
			return false
		}
	}
	return n.times.created != 0 && n.allocated%8 == 0
}

// folderIndex reads the entries of the folder o: live gets those in use, slack what is left of others. What
// is broken is returned when the rest was read. left is how many bytes of index blocks may still be read.
func (v *volume) folderIndex(o *object, left *int64, live, slack func(e indexEntry, off int64)) error {
	root := o.find(typeIndexRoot, directoryName)
	if root == nil || !root.resident || len(root.bytes) < 32 {
		return cursor.Corrupt(o.String()+": index root", o.offset(0), "one", "none")
	}
	at := o.offset(0)
	give := func(to func(indexEntry, int64), base int64) func(indexEntry) {
		return func(e indexEntry) { to(e, base+int64(e.at)) }
	}
	used, _, err := parseEntries(root.bytes, 16, at, give(live, at))
	slackEntries(root.bytes, used, o.number, give(slack, at))
	slackEntries(o.b, o.used, -1, give(slack, at))
	blocks := o.find(typeAllocation, directoryName)
	if blocks == nil || blocks.resident {
		return err
	}
	size := int64(le.Uint32(root.bytes[8:]))
	if !powerOfTwo(size, 256, maxIndexBlock) {
		size = v.b.indexSize
	}
	runs := v.plainRuns(blocks)
	src := block.Join(v.src, runs, blocks.size)
	inUse := v.blockBits(o)
	buf := make([]byte, size)
	for n := int64(0); (n+1)*size <= min(blocks.size, maxDirectory); n++ {
		if *left -= size; *left < 0 {
			return cursor.Corrupt(o.String()+": index", at, "folders smaller than the volume", "larger ones")
		}
		free := inUse != nil && (n/8 >= int64(len(inUse)) || inUse[n/8]>>(n%8)&1 == 0)
		base := int64(-1)
		if p := block.Slice(runs, block.Extent{Offset: n * size, Length: 1}); len(p) > 0 && p[0].Kind.Stands() {
			base = p[0].Physical
		}
		if m, readErr := src.ReadAt(buf, n*size); m < len(buf) {
			if !free && err == nil {
				err = fmt.Errorf("%v: index block %d: %w", o, n, readErr)
			}
			continue
		}
		if blockErr := indexBlock(buf, base, n*size, size, v.b.clusterSize, o.number, free || !o.inUse(), give(live, base), give(slack, base)); blockErr != nil && !free && err == nil {
			err = blockErr
		}
	}
	return err
}

// blockBits returns the bitmap of the blocks of an index that are in use; nil when it cannot be read.
func (v *volume) blockBits(o *object) []byte {
	e := o.find(typeBitmap, directoryName)
	if e == nil {
		return nil
	}
	p, err := v.read(e, maxValue)
	if err != nil {
		return nil
	}
	return p
}

// indexBlock decodes one block of an index, in place, which stands at byte logical of it.
func indexBlock(b []byte, base, logical, size, cluster, folder int64, free bool, live, slack func(indexEntry)) error {
	if string(b[:4]) != "INDX" {
		if free {
			return nil
		}
		return cursor.Corrupt("ntfs: index block", base, "INDX", fmt.Sprintf("%q", b[:4]))
	}
	_, torn, err := undo("ntfs: index block", base, b)
	if err != nil {
		return err
	}
	vcn := logical / cluster
	if cluster > size {
		vcn = logical / stride
	}
	if says := le.Uint64(b[16:]); says != uint64(vcn) {
		return cursor.Corrupt("ntfs: index block: its place", base+16, vcn, says)
	}
	if free {
		slackEntries(b, 40, folder, slack)
		return nil
	}
	used, room, err := parseEntries(b, 24, base, live)
	slackEntries(b[:max(room, used)], used, folder, slack)
	if err == nil && torn > 0 {
		err = cursor.Corrupt("ntfs: index block", base, "sectors that match its update sequence", fmt.Sprintf("%d that do not", torn))
	}
	return err
}
