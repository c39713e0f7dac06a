package hfsplus

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
	"unicode/utf16"

	"salvor/block"
)

// maker makes volumes byte by byte, for what no tool here would write: forks, compression, hard links, a journal.
type maker struct {
	t        testing.TB
	bs       int
	img      []byte
	used     []byte // the map of blocks
	next     int    // the next free block
	node     int
	catalog  []made
	overflow []made
	attrs    []made
	x        bool // HFSX
	id       uint32
	flags    uint32
	journal  int // the block of the info block
}

// made is a record of a B-tree, with its key.
type made struct {
	key, data []byte
}

const testDate = 3_800_000_000 // seconds since 1904

func newMaker(t testing.TB, bs, blocks int) *maker {
	t.Helper()
	m := &maker{t: t, bs: bs, img: make([]byte, bs*blocks), used: make([]byte, (blocks+7)/8), node: 4096, id: idFirstUser, flags: volumeUnmounted}
	m.next = 1
	m.take(0, (headerAt+headerSize+bs-1)/bs)
	m.next = (headerAt + headerSize + bs - 1) / bs
	m.take(blocks-(headerAt+bs-1)/bs, (headerAt+bs-1)/bs)
	m.catalog = append(m.catalog,
		made{catalogKey(idRootParent, "Volume"), folderRecord(idRoot, 0o755)},
		made{catalogKey(idRoot, ""), threadRecord(recordFolderThread, idRootParent, "Volume")})
	return m
}

func (m *maker) take(from, n int) {
	for b := from; b < from+n; b++ {
		m.used[b/8] |= 0x80 >> (b % 8)
	}
}

// alloc takes n blocks in a row.
func (m *maker) alloc(n int) extentDescriptor {
	e := extentDescriptor{uint32(m.next), uint32(n)}
	m.take(m.next, n)
	m.next += n
	return e
}

// write stores p in blocks of its own, in pieces of so many blocks with a gap between them; 0 is one piece.
func (m *maker) write(p []byte, piece int) []extentDescriptor {
	var out []extentDescriptor
	total := (len(p) + m.bs - 1) / m.bs
	if piece == 0 {
		piece = max(total, 1)
	}
	for total > 0 {
		n := min(piece, total)
		e := m.alloc(n)
		copy(m.img[int(e.start)*m.bs:int(e.start+e.count)*m.bs], p)
		p = p[min(len(p), n*m.bs):]
		out = append(out, e)
		total -= n
		m.next++
	}
	return out
}

func units(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = be.AppendUint16(out, u)
	}
	return out
}

func catalogKey(parent uint32, name string) []byte {
	u := units(name)
	out := be.AppendUint32(nil, parent)
	out = be.AppendUint16(out, uint16(len(u)/2))
	return append(out, u...)
}

func threadRecord(kind uint16, parent uint32, name string) []byte {
	out := be.AppendUint16(nil, kind)
	out = be.AppendUint32(append(out, 0, 0), parent)
	u := units(name)
	return append(be.AppendUint16(out, uint16(len(u)/2)), u...)
}

func commonRecord(kind uint16, id uint32, mode uint16, size int) []byte {
	p := make([]byte, size)
	be.PutUint16(p, kind)
	be.PutUint32(p[8:], id)
	for i := range 4 {
		be.PutUint32(p[12+4*i:], testDate+uint32(i))
	}
	be.PutUint32(p[32:], 501)
	be.PutUint32(p[36:], 20)
	be.PutUint16(p[42:], mode)
	return p
}

func folderRecord(id uint32, mode uint16) []byte {
	return commonRecord(recordFolder, id, modeDir|mode, folderSize)
}

func putFork(p []byte, size int64, l []extentDescriptor) {
	be.PutUint64(p, uint64(size))
	n := uint32(0)
	for i, e := range l {
		n += e.count
		if i < inFork {
			be.PutUint32(p[16+8*i:], e.start)
			be.PutUint32(p[20+8*i:], e.count)
		}
	}
	be.PutUint32(p[12:], n)
}

// newFile is what a file is made of.
type newFile struct {
	parent   uint32
	name     string
	data     []byte
	resource []byte
	piece    int    // blocks of each extent; 0 for one extent
	mode     uint16 // 0 for 0100644
	finder   string
	special  uint32
	packed   []byte // the value of the attribute of compression
	noThread bool
}

// add makes a file, and returns its number.
func (m *maker) add(f newFile) uint32 {
	id := m.id
	m.id++
	if f.mode == 0 {
		f.mode = 0x8000 | 0o644
	}
	p := commonRecord(recordFile, id, f.mode, fileSize)
	be.PutUint32(p[44:], f.special)
	copy(p[48:], f.finder)
	for _, k := range []struct {
		kind uint8
		at   int
		data []byte
	}{{forkData, 88, f.data}, {forkResource, 168, f.resource}} {
		l := m.write(k.data, f.piece)
		putFork(p[k.at:], int64(len(k.data)), l)
		for i, before := inFork, blocksIn(l[:min(len(l), inFork)]); i < len(l); i += inFork {
			more := l[i:min(len(l), i+inFork)]
			m.overflow = append(m.overflow, overflowRecord(id, k.kind, before, more))
			before += blocksIn(more)
		}
	}
	if f.packed != nil {
		p[41] |= flagCompressed
		m.attribute(id, compressionAttribute, f.packed)
	}
	m.catalog = append(m.catalog, made{catalogKey(f.parent, f.name), p})
	if !f.noThread {
		m.catalog = append(m.catalog, made{catalogKey(id, ""), threadRecord(recordFileThread, f.parent, f.name)})
	}
	return id
}

func blocksIn(l []extentDescriptor) (n uint32) {
	for _, e := range l {
		n += e.count
	}
	return n
}

func overflowRecord(id uint32, kind uint8, start uint32, l []extentDescriptor) made {
	key := be.AppendUint32([]byte{kind, 0}, id)
	data := make([]byte, 64)
	for i, e := range l {
		be.PutUint32(data[8*i:], e.start)
		be.PutUint32(data[8*i+4:], e.count)
	}
	return made{be.AppendUint32(key, start), data}
}

// folder makes a folder, and returns its number.
func (m *maker) folder(parent uint32, name string) uint32 {
	id := m.id
	m.id++
	m.catalog = append(m.catalog, made{catalogKey(parent, name), folderRecord(id, 0o755)},
		made{catalogKey(id, ""), threadRecord(recordFolderThread, parent, name)})
	return id
}

func attributeKey(id uint32, name string, start uint32) []byte {
	u := units(name)
	key := be.AppendUint32([]byte{0, 0}, id)
	key = be.AppendUint32(key, start)
	return append(be.AppendUint16(key, uint16(len(u)/2)), u...)
}

func (m *maker) attribute(id uint32, name string, value []byte) {
	data := be.AppendUint32(nil, attributeInline)
	data = be.AppendUint32(append(data, make([]byte, 8)...), uint32(len(value)))
	data = append(data, value...)
	if len(data)%2 == 1 {
		data = append(data, 0)
	}
	m.attrs = append(m.attrs, made{attributeKey(id, name, 0), data})
}

// largeAttribute stores an attribute like a file, in pieces of so many blocks.
func (m *maker) largeAttribute(id uint32, name string, value []byte, piece int) {
	l := m.write(value, piece)
	data := be.AppendUint32(nil, attributeFork)
	data = append(data, make([]byte, 4+forkSize)...)
	putFork(data[8:], int64(len(value)), l)
	m.attrs = append(m.attrs, made{attributeKey(id, name, 0), data})
	for i, before := inFork, blocksIn(l[:min(len(l), inFork)]); i < len(l); i += inFork {
		more := l[i:min(len(l), i+inFork)]
		data := be.AppendUint32(nil, attributeExtents)
		data = append(data, make([]byte, 4+64)...)
		copy(data[8:], overflowRecord(id, 0, 0, more).data)
		m.attrs = append(m.attrs, made{attributeKey(id, name, before), data})
		before += blocksIn(more)
	}
}

func sorted(list []made, numberAt int) []made {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b made) int {
		return cmp.Or(bytes.Compare(a.key[numberAt:numberAt+4], b.key[numberAt:numberAt+4]),
			bytes.Compare(bytes.ToLower(a.key[min(len(a.key), 6):]), bytes.ToLower(b.key[min(len(b.key), 6):])))
	})
	return out
}

// leaf packs records into one node and returns how many it took.
func leaf(node int, list []made, kind int8, height uint8) (p []byte, n int) {
	p = make([]byte, node)
	p[8], p[9] = byte(kind), height
	at := descriptorSize
	for n < len(list) {
		r := list[n]
		size := 2 + len(r.key) + len(r.key)&1 + len(r.data) + len(r.data)&1
		if at+size+2*(n+2) > node {
			break
		}
		be.PutUint16(p[at:], uint16(len(r.key)))
		copy(p[at+2:], r.key)
		copy(p[at+2+len(r.key)+len(r.key)&1:], r.data)
		be.PutUint16(p[node-2*(n+1):], uint16(at))
		at += size
		n++
	}
	be.PutUint16(p[node-2*(n+1):], uint16(at))
	be.PutUint16(p[10:], uint16(n))
	return p, n
}

// tree packs records into a B-tree with at most two levels of index nodes and some free nodes.
func (m *maker) tree(list []made, maxKey uint16, node int) []byte {
	var nodes [][]byte
	nodes = append(nodes, nil) // the header
	level := uint8(1)
	var above []made
	count := len(list)
	first, last := uint32(0), uint32(0)
	for len(list) > 0 {
		p, n := leaf(node, list, nodeLeaf, 1)
		if n == 0 {
			m.t.Fatal("a record does not fit into a node")
		}
		i := uint32(len(nodes))
		if first == 0 {
			first = i
		} else {
			be.PutUint32(nodes[last], i)
			be.PutUint32(p[4:], last)
		}
		last = i
		nodes = append(nodes, p)
		above = append(above, made{list[0].key, be.AppendUint32(nil, i)})
		list = list[n:]
	}
	root := first
	for len(above) > 1 {
		level++
		var next []made
		for len(above) > 0 {
			p, n := leaf(node, above, nodeIndex, level)
			i := uint32(len(nodes))
			if root != 0 && len(next) > 0 {
				be.PutUint32(nodes[root], i)
				be.PutUint32(p[4:], root)
			}
			root = i
			nodes = append(nodes, p)
			next = append(next, made{above[0].key, be.AppendUint32(nil, i)})
			above = above[n:]
		}
		above = next
	}
	head := make([]byte, node)
	head[8] = nodeHeader
	be.PutUint16(head[10:], 3)
	depth := uint16(level)
	if count == 0 {
		depth = 0
	}
	free := 6
	be.PutUint16(head[14:], depth)
	be.PutUint32(head[16:], root)
	be.PutUint32(head[20:], uint32(count))
	be.PutUint32(head[24:], first)
	be.PutUint32(head[28:], last)
	be.PutUint16(head[32:], uint16(node))
	be.PutUint16(head[34:], maxKey)
	be.PutUint32(head[36:], uint32(len(nodes)+free))
	be.PutUint32(head[40:], uint32(free))
	be.PutUint32(head[46:], uint32((len(nodes)+free)*node))
	head[50], head[51] = 0, 0xCF // case is folded
	flags := uint32(2)           // keys have lengths of 16 bits
	if maxKey != overflowMaxKey {
		flags |= 4 // and index nodes too
	}
	be.PutUint32(head[52:], flags)
	for i, at := range []int{14, 120, 248, node - 8} {
		be.PutUint16(head[node-2*(i+1):], uint16(at))
	}
	for i := range nodes {
		head[248+i/8] |= 0x80 >> (i % 8)
	}
	nodes[0] = head
	out := bytes.Join(nodes, nil)
	return append(out, make([]byte, free*node)...)
}

// finish lays down the trees, the map and the headers, and returns the image.
func (m *maker) finish() block.Source {
	return block.Bytes(m.bytes())
}

func (m *maker) bytes() []byte {
	p := make([]byte, headerSize)
	be.PutUint16(p, 0x482B)
	be.PutUint16(p[2:], 4)
	if m.x {
		be.PutUint16(p, 0x4858)
		be.PutUint16(p[2:], 5)
	}
	be.PutUint32(p[4:], m.flags)
	copy(p[8:], "10.0")
	be.PutUint32(p[12:], uint32(m.journal))
	for at := 16; at < 28; at += 4 {
		be.PutUint32(p[at:], testDate)
	}
	files, folders := 0, -1 // the root does not count
	for _, r := range m.catalog {
		switch be.Uint16(r.data) {
		case recordFile:
			files++
		case recordFolder:
			folders++
		}
	}
	be.PutUint32(p[32:], uint32(files))
	be.PutUint32(p[36:], uint32(folders))
	be.PutUint32(p[40:], uint32(m.bs))
	be.PutUint32(p[44:], uint32(len(m.img)/m.bs))
	be.PutUint32(p[56:], uint32(m.bs))
	be.PutUint32(p[60:], uint32(m.bs))
	be.PutUint32(p[64:], m.id)
	be.PutUint64(p[72:], 1)
	copy(p[104:], "\x12\x34\x56\x78\x9a\xbc\xde\xf0")
	place := func(at int, content []byte) {
		putFork(p[at:], int64(len(content)), m.write(content, 0))
		be.PutUint32(p[at+8:], uint32(m.bs))
	}
	place(192, m.tree(sorted(m.overflow, 2), overflowMaxKey, m.node))
	place(272, m.tree(sorted(m.catalog, 0), catalogMaxKey, m.node))
	if len(m.attrs) > 0 {
		place(352, m.tree(sorted(m.attrs, 2), attributesMaxKey, 8192))
	}
	l := m.write(m.used, 0) // its own blocks are set below
	putFork(p[112:], int64(len(m.used)), l)
	copy(m.img[int(l[0].start)*m.bs:], m.used)
	free := 0
	for b := range len(m.img) / m.bs {
		if m.used[b/8]&(0x80>>(b%8)) == 0 {
			free++
		}
	}
	be.PutUint32(p[48:], uint32(free))
	be.PutUint32(p[52:], uint32(m.next))
	copy(m.img[headerAt:], p)
	copy(m.img[len(m.img)-headerAt:], p)
	return m.img
}

// pattern gives n bytes that depend on seed and do not repeat soon.
func pattern(seed, n int) []byte {
	out := make([]byte, 0, n+4)
	for i := 0; len(out) < n; i++ {
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte{byte(seed), byte(i), byte(i >> 8), byte(i >> 16)}))
	}
	return out[:n]
}
