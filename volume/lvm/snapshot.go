package lvm

import (
	"cmp"
	"io"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

const (
	storeMagic     = 0x70416e53 // "SnAp"
	maxChangeList  = 1 << 22    // changed chunks of a snapshot: 64 MiB of memory
	maxChunk       = 64 << 20
	changeEntry    = 16 // bytes
	headerOfStore  = 16
	storeVersion   = 1
	minChunk       = sector
	firstListChunk = 1
)

// change says which chunk of the store has the bytes of a chunk of the snapshot.
type change struct{ old, stored uint64 }

// snapshot returns the bytes of a snapshot of the old kind: those of its store where they were changed since, of either
// of both, and those of the origin elsewhere.
func (b *builder) snapshot(s *segment) volume.Placer {
	origin, store := b.group.byName[s.section.text("origin")], b.group.byName[s.section.text("cow_store")]
	if origin == nil || store == nil || origin == store {
		b.tell(impossible, finding.Expected(nil, s))
		return nil
	}
	under, cow := b.placer(origin, 1), b.placer(store, 1)
	if under == nil || cow == nil {
		return nil
	}
	list, chunk, err := changes(cow)
	if err != nil {
		if c, ok := cursor.IsCorrupt(err); ok {
			if c.Structure == invalidStore {
				b.tell(overflowed)
			} else {
				b.tell(snapshotBroken, finding.Expected(c.Expected, c.Found))
			}
		} else {
			b.tell(snapshotBroken, finding.Expected("a list that can be read", err))
		}
		return nil
	}
	return &snapshot{under: under, cow: cow, list: list, chunk: chunk}
}

const invalidStore = "lvm: snapshot store that is invalid"

// changes reads the list of a store: a header in the first chunk, then chunks of entries, each followed by as many
// chunks of data as it has entries.
func changes(cow block.Source) ([]change, int64, error) {
	const structure = "lvm: snapshot store"
	b, err := cursor.Read(cow, structure, 0, headerOfStore, headerOfStore)
	if err != nil {
		return nil, 0, err
	}
	c := cursor.New(structure, 0, b)
	if m := c.Uint32(); m != storeMagic {
		return nil, 0, cursor.Corrupt(structure, 0, "its signature", m)
	}
	valid, version, chunk := c.Uint32(), c.Uint32(), int64(c.Uint32())*sector
	switch {
	case valid == 0:
		return nil, 0, cursor.Corrupt(invalidStore, 4, 1, valid)
	case version != storeVersion:
		return nil, 0, cursor.Corrupt(structure, 8, storeVersion, version)
	case chunk < minChunk || chunk > maxChunk || chunk&(chunk-1) != 0:
		return nil, 0, cursor.Corrupt(structure, 12, "a size of chunks", chunk)
	}
	var out []change
	per := chunk / changeEntry
	for at := chunk * firstListChunk; at+chunk <= cow.Size(); at += (per + 1) * chunk {
		list, err := cursor.Read(cow, structure, at, chunk, maxChunk)
		if err != nil {
			return nil, 0, err
		}
		for ; len(list) >= changeEntry; list = list[changeEntry:] {
			e := change{le64(list), le64(list[8:])}
			if e.stored == 0 {
				return sortedChanges(out), chunk, nil
			}
			if e.stored > uint64(cow.Size()/chunk) || len(out) == maxChangeList {
				return nil, 0, cursor.Corrupt(structure, at, "changes inside of the store", e.stored)
			}
			out = append(out, e)
		}
	}
	return sortedChanges(out), chunk, nil
}

func sortedChanges(list []change) []change {
	slices.SortStableFunc(list, func(a, b change) int { return cmp.Compare(a.old, b.old) })
	return list
}

// snapshot is a source over an origin and a store of changes.
type snapshot struct {
	under, cow volume.Placer
	list       []change
	chunk      int64
}

func (s *snapshot) Size() int64 { return s.under.Size() }

// find returns where the byte at off stands, and how many bytes behind it go on there.
func (s *snapshot) find(off int64) (from volume.Placer, at, length int64) {
	number, rest := uint64(off/s.chunk), off%s.chunk
	i, found := slices.BinarySearchFunc(s.list, number, func(c change, n uint64) int { return cmp.Compare(c.old, n) })
	if found {
		return s.cow, int64(s.list[i].stored)*s.chunk + rest, s.chunk - rest
	}
	end := s.Size()
	if i < len(s.list) && s.list[i].old < uint64(end/s.chunk+1) {
		end = min(end, int64(s.list[i].old)*s.chunk)
	}
	return s.under, off, end - off
}

func (s *snapshot) ReadAt(p []byte, off int64) (int, error) {
	return readPieces(s, p, off)
}

func (s *snapshot) Unreadable(within block.Extent) []block.Unreadable {
	return lostPieces(s, within, array.NewBudget())
}

// Known answers as Unreadable does, out of a budget.
func (s *snapshot) Known(within block.Extent, b *array.Budget) []block.Unreadable {
	return lostPieces(s, within, b)
}

func (s *snapshot) Places(within block.Extent) []volume.Place { return placePieces(s, within) }

// pieced is a source whose pieces stand in others.
type pieced interface {
	Size() int64
	// find returns where the byte at off stands, and how many bytes from there on. A nil source means zeros.
	find(off int64) (from volume.Placer, at, length int64)
}

func readPieces(s pieced, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= s.Size() {
		return 0, io.EOF
	}
	end := error(nil)
	if left := s.Size() - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	for n := 0; n < len(p); {
		from, at, length := s.find(off + int64(n))
		dst := p[n:min(int64(len(p)), int64(n)+length)]
		m, err := array.Window(from, block.Extent{Offset: at, Length: int64(len(dst))}).ReadAt(dst, 0)
		n += m
		if m < len(dst) {
			return n, moved(err, off+int64(n)-int64(m))
		}
	}
	return len(p), end
}

// moved shifts the ranges of an error by d.
func moved(err error, d int64) error {
	u, ok := block.IsUnreadable(err)
	if !ok {
		return err
	}
	out := &block.UnreadableError{}
	for _, r := range u.Ranges {
		r.Extent = r.Extent.Shift(d)
		out.Ranges = append(out.Ranges, r)
	}
	return out
}

func lostPieces(s pieced, within block.Extent, budget *array.Budget) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: s.Size()})
	var out []block.Unreadable
	for off := within.Offset; off < within.End() && budget.Spend(); {
		from, at, length := s.find(off)
		length = min(length, within.End()-off)
		for _, u := range array.Known(array.Window(from, block.Extent{Offset: at, Length: length}), block.Extent{Length: length}, budget) {
			u.Extent = u.Extent.Shift(off)
			out = append(out, u)
		}
		off += length
	}
	return out
}

func placePieces(s pieced, within block.Extent) []volume.Place {
	within = within.Intersect(block.Extent{Length: s.Size()})
	var out []volume.Place
	for off := within.Offset; off < within.End(); {
		from, at, length := s.find(off)
		length = min(length, within.End()-off)
		for _, p := range from.Places(block.Extent{Offset: at, Length: length}) {
			p.Logical += off - at
			out = append(out, p)
		}
		off += length
	}
	return out
}
