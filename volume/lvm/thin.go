package lvm

import (
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

const (
	poolMagic    = 27022010
	timeBits     = 24 // of a value of the mapping: the time of the block stands in the low ones
	poolNeeds    = 1  // a check, among the flags
	minPoolChunk = 64 << 10
	maxPoolChunk = 1 << 30
)

// pool is the room that thin volumes share.
type pool struct {
	trees    *trees
	data     volume.Placer
	chunk    int64
	mappings uint64 // root of the tree of volumes
	sequence uint64 // of the last change
	checks   bool
	err      error
	kind     string // of a pool of another maker, which is not read
}

// parsePool reads the superblock of a pool's metadata.
func parsePool(b []byte) (*pool, error) {
	const structure = "lvm: thin superblock"
	if len(b) != nodeSize {
		return nil, cursor.Corrupt(structure, 0, nodeSize, len(b))
	}
	c := cursor.New(structure, 0, b)
	want, flags := c.Uint32(), c.Uint32()
	c.Skip(24)
	magic, version := c.Uint64(), c.Uint32()
	c.Skip(4)
	p := &pool{sequence: c.Uint64(), checks: flags&poolNeeds != 0}
	c.Skip(8 + 128 + 128)
	p.mappings = c.Uint64()
	c.Skip(8)
	chunk := int64(c.Uint32()) * sector
	c.Skip(20) // size and number of its own blocks, features that may be ignored
	incompatible := c.Uint32()
	p.chunk = chunk
	switch got := blockSum(b[4:], superSalt); {
	case magic != poolMagic:
		return nil, cursor.Corrupt(structure, 32, poolMagic, magic)
	case got != want:
		return nil, cursor.Corrupt(structure, 0, fmt.Sprintf("checksum %08x", want), fmt.Sprintf("%08x", got))
	case version < 1 || version > 2:
		return nil, cursor.Corrupt(structure, 40, "version 1 or 2", version)
	case chunk < minPoolChunk || chunk > maxPoolChunk || chunk%minPoolChunk != 0:
		return nil, cursor.Corrupt(structure, 336, "a size of chunks", chunk)
	case incompatible != 0:
		return nil, cursor.Corrupt(structure, 360, "no features that are unknown", fmt.Sprintf("0x%x", incompatible))
	}
	return p, c.Err()
}

// pool returns the pool of a thin volume, opened once.
func (b *builder) pool(name string, depth int) *pool {
	l := b.group.byName[name]
	if l == nil || len(l.segments) == 0 {
		return &pool{err: cursor.Corrupt("lvm: thin pool", -1, "a pool", fmt.Sprintf("no volume %q", name))}
	}
	if p := b.pools[l]; p != nil {
		return p
	}
	b.pools[l] = &pool{err: cursor.Corrupt("lvm: thin pool", -1, "a pool", "one that is made of itself")}
	p := b.openPool(l.segments[0], depth)
	b.pools[l] = p
	return p
}

func (b *builder) openPool(s *segment, depth int) *pool {
	fail := func(err error) *pool { return &pool{err: err} }
	if s.kind != "thin-pool" {
		return &pool{kind: s.kind}
	}
	meta, data := b.group.byName[s.section.text("metadata")], b.group.byName[s.section.text("pool")]
	if meta == nil || data == nil {
		return fail(cursor.Corrupt("lvm: thin pool", -1, "a pool with metadata and data", "none"))
	}
	src := b.placer(meta, depth+1)
	if src == nil {
		return fail(cursor.Corrupt("lvm: thin pool", -1, "metadata that can be read", "none"))
	}
	block0, err := cursor.Read(src, "lvm: thin superblock", 0, nodeSize, nodeSize)
	if err != nil {
		return fail(err)
	}
	p, err := parsePool(block0)
	if err != nil {
		return fail(err)
	}
	if want := sectors(s.section.number("chunk_size", 0)); want != 0 && want != p.chunk {
		return fail(cursor.Corrupt("lvm: thin superblock", 336, fmt.Sprintf("chunks of %d bytes", want), p.chunk))
	}
	p.trees = newTrees(src)
	p.data = b.placer(data, depth+1)
	if p.checks {
		b.tell(poolChecks)
	}
	if want := s.section.number("transaction_id", -1); want >= 0 && uint64(want) != p.sequence {
		b.tell(poolTransaction, finding.Expected(want, p.sequence))
	}
	return p
}

// thin returns a thin volume.
func (b *builder) thin(s *segment, size int64, depth int) volume.Placer {
	p := b.pool(s.section.text("thin_pool"), depth)
	fail := func(err error) volume.Placer {
		if c, ok := cursor.IsCorrupt(err); ok {
			b.tell(poolBroken, finding.Expected(c.Expected, c.Found))
		} else {
			b.tell(poolBroken, finding.Expected("metadata that can be read", err))
		}
		return nil
	}
	if p.kind != "" {
		b.tell(unknownSegment, finding.Expected(nil, p.kind))
		return nil
	}
	if p.err != nil {
		return fail(p.err)
	}
	if p.data == nil {
		return nil
	}
	id := s.section.number("device_id", -1)
	if id < 0 {
		return fail(cursor.Corrupt("lvm: thin volume", -1, "a device", id))
	}
	found, err := p.trees.find(p.mappings, uint64(id))
	if err != nil {
		return fail(err)
	}
	t := &thin{pool: p, size: size, under: array.Zeros(size)}
	if len(found.value) != 8 {
		return fail(cursor.Corrupt("lvm: thin metadata", -1, fmt.Sprintf("device %d", id), "none"))
	}
	t.root = le64(found.value)
	if name := s.section.text("external_origin"); name != "" {
		t.under = b.beneath(name, size, depth)
	}
	return t
}

// beneath returns what stands under a thin volume where it has no bytes of its own: another volume, and zeros behind its
// end.
func (b *builder) beneath(name string, size int64, depth int) volume.Placer {
	l := b.group.byName[name]
	var src volume.Placer
	if l != nil {
		src = b.placer(l, depth+1)
	}
	if src == nil {
		return array.Concat([]array.Piece{{Length: size}})
	}
	n := min(size, src.Size())
	return array.Concat([]array.Piece{{Part: array.Window(src, block.Extent{Length: n}), Length: n}, {Part: array.Zeros(size - n), Length: size - n}})
}

// thin is a source over a pool: its chunks are looked up in the pool's tree.
type thin struct {
	pool  *pool
	size  int64
	root  uint64
	under volume.Placer // what it reads where it has no chunk
}

func (t *thin) Size() int64 { return t.size }

// find returns where the byte at off stands. Chunks that follow each other in the pool too are one piece, as far as one
// leaf tells.
func (t *thin) find(off int64) (from volume.Placer, at, length int64) {
	chunk := t.pool.chunk
	number, rest := uint64(off/chunk), off%chunk
	s, err := t.pool.trees.find(t.root, number)
	end := int64(min(s.end, uint64(t.size/chunk+1))) * chunk
	length = min(end, t.size) - off
	switch {
	case err != nil:
		return broken{t.size, err}, off, length
	case s.value == nil:
		return t.under, off, length
	case len(s.value) != 8:
		return broken{t.size, cursor.Corrupt("lvm: thin metadata", -1, "values of 8 bytes", len(s.value))}, off, length
	}
	place := le64(s.value) >> timeBits
	if place >= uint64(t.pool.data.Size()/chunk) {
		return broken{t.size, cursor.Corrupt("lvm: thin metadata", -1, fmt.Sprintf("a chunk of %d", t.pool.data.Size()/chunk), place)}, off, length
	}
	n := int64(1)
	for i := s.index + 1; i < s.leaf.entries; i++ {
		next := place + uint64(n)
		if s.leaf.key(i) != number+uint64(n) || le64(s.leaf.value(i))>>timeBits != next || next >= uint64(t.pool.data.Size()/chunk) {
			break
		}
		n++
	}
	return t.pool.data, int64(place)*chunk + rest, min(n*chunk-rest, t.size-off)
}

func (t *thin) ReadAt(p []byte, off int64) (int, error) { return readPieces(t, p, off) }

func (t *thin) Unreadable(within block.Extent) []block.Unreadable {
	return lostPieces(t, within, array.NewBudget())
}

// Known answers as Unreadable does, out of a budget.
func (t *thin) Known(within block.Extent, b *array.Budget) []block.Unreadable {
	return lostPieces(t, within, b)
}

func (t *thin) Places(within block.Extent) []volume.Place { return placePieces(t, within) }

// broken is a source of which no byte can be had.
type broken struct {
	size int64
	err  error
}

func (b broken) Size() int64 { return b.size }

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, block.ErrNegativeOffset
	case len(p) == 0:
		return 0, nil
	case off >= b.size:
		return 0, io.EOF
	}
	return 0, block.NewUnreadable(block.Between(off, b.size), block.Absent, b.err)
}

func (b broken) Unreadable(within block.Extent) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: b.size})
	if within.Length == 0 {
		return nil
	}
	return []block.Unreadable{{Extent: within, Why: block.Absent, Err: b.err}}
}

func (broken) Places(block.Extent) []volume.Place { return nil }
