package lvm

import (
	"fmt"
	"hash/crc32"
	"sort"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

const (
	nodeSize    = 4096 // a block of a pool's metadata, whatever else its size may be
	nodeHeader  = 32
	nodeLeaf    = 2
	nodeInner   = 1
	nodeSalt    = 121107
	superSalt   = 160774
	cachedNodes = 512 // 2 MiB
	maxLevels   = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blockSum is the checksum of a block of a pool's metadata: CRC-32C without the last inversion, and with a salt that
// says what the block is.
func blockSum(b []byte, salt uint32) uint32 { return ^crc32.Checksum(b, castagnoli) ^ salt }

// node is a block of a B-tree: keys in order, and a value for each.
type node struct {
	b       []byte
	leaf    bool
	entries int
	values  int // where they begin
	width   int
}

// parseNode reads the node that stands in the block of that number.
func parseNode(b []byte, number uint64) (*node, error) {
	structure := fmt.Sprintf("lvm: thin metadata: node %d", number)
	c := cursor.New(structure, int64(number)*nodeSize, b)
	want, flags, own := c.Uint32(), c.Uint32(), c.Uint64()
	entries, room, width := c.Uint32(), c.Uint32(), c.Uint32()
	if err := c.Err(); err != nil || len(b) != nodeSize {
		return nil, cursor.Corrupt(structure, int64(number)*nodeSize, nodeSize, len(b))
	}
	fail := func(expected, found any) (*node, error) {
		return nil, cursor.Corrupt(structure, int64(number)*nodeSize, expected, found)
	}
	if got := blockSum(b[4:], nodeSalt); got != want {
		return fail(fmt.Sprintf("checksum %08x", want), fmt.Sprintf("%08x", got))
	}
	switch {
	case own != number:
		return fail(fmt.Sprintf("number %d", number), own)
	case flags != nodeLeaf && flags != nodeInner:
		return fail("an inner node or a leaf", flags)
	case entries > room || room > nodeSize/16 || width < 4 || width > 128 || nodeHeader+int(room)*(8+int(width)) > nodeSize:
		return fail("entries that fit", fmt.Sprintf("%d of %d with %d bytes", entries, room, width))
	case flags == nodeInner && (width != 8 || entries == 0):
		return fail("an inner node with children", fmt.Sprintf("%d of %d bytes", entries, width))
	}
	n := &node{b: b, leaf: flags == nodeLeaf, entries: int(entries), values: nodeHeader + int(room)*8, width: int(width)}
	for i := 1; i < n.entries; i++ {
		if n.key(i) <= n.key(i-1) {
			return fail("keys in order", fmt.Sprintf("%d behind %d", n.key(i), n.key(i-1)))
		}
	}
	return n, nil
}

func (n *node) key(i int) uint64   { return le64(n.b[nodeHeader+8*i:]) }
func (n *node) value(i int) []byte { return n.b[n.values+n.width*i:][:n.width] }

// before returns the last entry whose key is at most key, -1 for none.
func (n *node) before(key uint64) int {
	return sort.Search(n.entries, func(i int) bool { return n.key(i) > key }) - 1
}

// trees reads the B-trees of one pool, with the nodes that were read last kept.
type trees struct {
	src  block.Source
	mu   sync.Mutex
	kept map[uint64]*node
	ring []uint64
	next int
}

func newTrees(src block.Source) *trees { return &trees{src: src, kept: map[uint64]*node{}} }

// node returns the node in a block.
func (t *trees) node(number uint64) (*node, error) {
	t.mu.Lock()
	n := t.kept[number]
	t.mu.Unlock()
	if n != nil {
		return n, nil
	}
	if number > uint64(t.src.Size()/nodeSize) {
		return nil, cursor.Corrupt("lvm: thin metadata", -1, "a block of the metadata", number)
	}
	b, err := cursor.Read(t.src, "lvm: thin metadata", int64(number)*nodeSize, nodeSize, nodeSize)
	if err != nil {
		return nil, err
	}
	if n, err = parseNode(b, number); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ring) < cachedNodes {
		t.ring = append(t.ring, number)
	} else {
		delete(t.kept, t.ring[t.next])
		t.ring[t.next] = number
		t.next = (t.next + 1) % cachedNodes
	}
	t.kept[number] = n
	return n, nil
}

// span is what a tree says of keys from the one that was asked for up to end, which it does not hold.
type span struct {
	value []byte // of the key that was asked for; nil where there is none
	end   uint64
	leaf  *node
	index int // of the entry in its leaf, when value is set
}

// find looks a key up below root. An error holds for all keys up to the end of the span.
func (t *trees) find(root, key uint64) (span, error) {
	s := span{end: ^uint64(0)}
	low := uint64(0)
	for range maxLevels {
		n, err := t.node(root)
		if err != nil {
			return s, err
		}
		if n.entries > 0 && low > 0 && n.key(0) < low {
			return s, cursor.Corrupt(fmt.Sprintf("lvm: thin metadata: node %d", root), int64(root)*nodeSize, fmt.Sprintf("keys from %d", low), n.key(0))
		}
		i := n.before(key)
		if i+1 < n.entries {
			s.end = min(s.end, n.key(i+1))
		}
		if n.leaf {
			if i >= 0 && n.key(i) == key {
				s.value, s.leaf, s.index, s.end = n.value(i), n, i, key+1
			}
			return s, nil
		}
		if i < 0 {
			return s, nil // before the first key of all
		}
		low = n.key(i)
		root = le64(n.value(i))
	}
	return s, cursor.Corrupt("lvm: thin metadata", -1, fmt.Sprintf("a tree of up to %d levels", maxLevels), "more")
}
