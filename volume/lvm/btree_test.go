package lvm

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"salvor/block"
)

// forest writes B-trees as a pool does.
type forest struct{ blocks [][]byte }

// add writes a node and returns its number.
func (f *forest) add(flags uint32, keys, values []uint64) uint64 {
	const room = 252
	b := make([]byte, nodeSize)
	le := binary.LittleEndian
	number := uint64(len(f.blocks))
	le.PutUint32(b[4:], flags)
	le.PutUint64(b[8:], number)
	le.PutUint32(b[16:], uint32(len(keys)))
	le.PutUint32(b[20:], room)
	le.PutUint32(b[24:], 8)
	for i := range keys {
		le.PutUint64(b[nodeHeader+8*i:], keys[i])
		le.PutUint64(b[nodeHeader+8*room+8*i:], values[i])
	}
	resum(b, nodeSalt)
	f.blocks = append(f.blocks, b)
	return number
}

// tree writes a tree of the pairs, whose keys are in order, with so many in each node.
func (f *forest) tree(keys, values []uint64, per int) uint64 {
	flags := uint32(nodeLeaf)
	for {
		var upper, places []uint64
		for at := 0; at < len(keys); at += per {
			end := min(at+per, len(keys))
			upper = append(upper, keys[at])
			places = append(places, f.add(flags, keys[at:end], values[at:end]))
		}
		if len(places) == 1 {
			return places[0]
		}
		keys, values, flags = upper, places, nodeInner
	}
}

func (f *forest) source() block.Source {
	var b []byte
	for _, n := range f.blocks {
		b = append(b, n...)
	}
	return block.Bytes(b)
}

// TestTree looks every key up, and those between, with more nodes than are kept.
func TestTree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 8))
	f := &forest{}
	f.add(nodeLeaf, nil, nil)
	var keys, values []uint64
	next := uint64(5)
	for range 7000 {
		next += 1 + rnd.Uint64N(3)
		keys, values = append(keys, next), append(values, rnd.Uint64())
	}
	root := f.tree(keys, values, 10)
	tr := newTrees(f.source())
	i := 0
	for key := uint64(0); key < next+10; key++ {
		s, err := tr.find(root, key)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i < len(keys) && keys[i] == key:
			if le64(s.value) != values[i] || s.end != key+1 || s.leaf.key(s.index) != key {
				t.Fatalf("key %d: %+v", key, s)
			}
			i++
		case s.value != nil:
			t.Fatalf("key %d is found", key)
		case i < len(keys) && s.end != keys[i] || i == len(keys) && s.end != ^uint64(0):
			t.Fatalf("key %d: a gap up to %d", key, s.end)
		}
	}
	if len(f.blocks) <= cachedNodes || len(tr.kept) > cachedNodes || len(tr.ring) > cachedNodes {
		t.Errorf("%d of %d nodes are kept", len(tr.kept), len(f.blocks))
	}
	if s, err := tr.find(0, 77); err != nil || s.value != nil || s.end != ^uint64(0) {
		t.Errorf("an empty tree: %+v, %v", s, err)
	}
}

// TestTreeBroken has loops, and nodes that do not belong where they are.
func TestTreeBroken(t *testing.T) {
	f := &forest{}
	f.add(nodeInner, []uint64{0}, []uint64{0})
	leaf := f.add(nodeLeaf, []uint64{3, 4}, []uint64{1, 2})
	behind := f.add(nodeInner, []uint64{0, 10}, []uint64{leaf, leaf})
	f.add(nodeInner, []uint64{0}, []uint64{1 << 50})
	torn := f.add(nodeInner, []uint64{0, 10, 20}, []uint64{leaf, 3, 99})
	tr := newTrees(f.source())
	for _, tt := range []struct {
		root, key uint64
		end       uint64
	}{{0, 5, ^uint64(0)}, {behind, 12, ^uint64(0)}, {3, 1, ^uint64(0)}, {torn, 12, 20}, {torn, 25, ^uint64(0)}, {1 << 63, 0, ^uint64(0)}} {
		s, err := tr.find(tt.root, tt.key)
		if err == nil || s.end != tt.end {
			t.Errorf("key %d below %d: %+v, %v", tt.key, tt.root, s, err)
		}
	}
	if s, err := tr.find(torn, 4); err != nil || le64(s.value) != 2 {
		t.Errorf("beside a broken node: %+v, %v", s, err)
	}
	for name, change := range map[string]func(b []byte){
		"checksum": func(b []byte) { b[0]++ },
		"number":   func(b []byte) { b[8]++; resum(b, nodeSalt) },
		"flags":    func(b []byte) { b[4] = 3; resum(b, nodeSalt) },
		"entries":  func(b []byte) { b[17] = 1; resum(b, nodeSalt) },
		"room":     func(b []byte) { b[22] = 1; resum(b, nodeSalt) },
		"width":    func(b []byte) { b[24] = 200; resum(b, nodeSalt) },
		"order":    func(b []byte) { b[nodeHeader] = 9; resum(b, nodeSalt) },
	} {
		b := append([]byte(nil), f.blocks[leaf]...)
		change(b)
		if n, err := parseNode(b, leaf); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
}
