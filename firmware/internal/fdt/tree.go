package fdt

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"salvor/block"
	"salvor/cursor"
)

const (
	maxDepth      = 64
	maxNodes      = 200_000
	maxProperties = 1_000_000
	maxKept       = 32 << 20 // bytes of values
)

// Tree is a device tree.
type Tree struct {
	*Header
	Root *Node
	// Reserved are the ranges of memory that the tree reserves: address and length.
	Reserved [][2]uint64
	// ReservedEnd is the first byte behind the memory reservation block.
	ReservedEnd int64
	// StructEnd is the first byte behind the end token; 0 when the tree breaks off.
	StructEnd int64
}

// Node is a node of a tree.
type Node struct {
	Name       string
	Offset     int64 // of the token that begins it, on the source
	End        int64 // the first byte behind the token that ends it; 0 when the tree breaks off in it
	Properties []Value
	Children   []*Node
}

// Value is a property of a node.
type Value struct {
	Name   string
	Extent block.Extent // of the value, on the source
	Data   []byte       // nil when it is longer than [Inline], or when the source ends in it
}

// Read reads the tree at offset 0 of src. It answers cursor.ErrNot for what is none. A tree that breaks off is returned
// as far as it goes, together with a [*cursor.CorruptError].
func Read(ctx context.Context, src block.Source) (*Tree, error) {
	h, err := ReadHeader(src)
	if err != nil {
		return nil, err
	}
	t := &Tree{Header: h, Root: &Node{}}
	reserved := t.reservations(src)
	if err := t.nodes(ctx, src); err != nil {
		return t, err
	}
	if end := h.Strings.End(); end > src.Size() {
		return t, cursor.Corrupt("device tree: strings", h.Strings.Offset, fmt.Sprintf("%d bytes", h.Strings.Length), fmt.Sprintf("the end after %d", max(src.Size()-h.Strings.Offset, 0)))
	}
	return t, reserved
}

func (t *Tree) nodes(ctx context.Context, src block.Source) error {
	const name = "device tree: structure"
	var stack []*Node
	var nodes, properties, kept int
	ended := false
	return t.Walk(ctx, src, func(k *Token) error {
		switch {
		case ended && k.Kind != End && k.Kind != Nop:
			return cursor.Corrupt(name, k.Extent.Offset, "the end behind the root node", fmt.Sprintf("token %d", k.Kind))
		case len(stack) == 0 && (k.Kind == Property || k.Kind == EndNode):
			return cursor.Corrupt(name, k.Extent.Offset, "the root node", fmt.Sprintf("token %d", k.Kind))
		}
		switch k.Kind {
		case BeginNode:
			n := &Node{Name: k.Name, Offset: k.Extent.Offset}
			if nodes++; nodes > maxNodes || len(stack) >= maxDepth {
				return errNodes
			}
			if len(stack) == 0 {
				t.Root = n
			} else {
				parent := stack[len(stack)-1]
				parent.Children = append(parent.Children, n)
			}
			stack = append(stack, n)
		case EndNode:
			stack[len(stack)-1].End = k.Extent.End()
			stack = stack[:len(stack)-1]
			ended = len(stack) == 0
		case Property:
			if properties++; properties > maxProperties {
				return errNodes
			}
			v := Value{Name: k.Name, Extent: k.Value}
			if k.Data != nil && kept+len(k.Data) <= maxKept {
				kept += len(k.Data)
				v.Data = append(make([]byte, 0, len(k.Data)), k.Data...)
			}
			n := stack[len(stack)-1]
			n.Properties = append(n.Properties, v)
		case End:
			if !ended {
				return cursor.Corrupt(name, k.Extent.Offset, "the end of the root node", "the end of the tree")
			}
			t.StructEnd = k.Extent.End()
		}
		return nil
	})
}

// reservations reads the memory reservation block.
func (t *Tree) reservations(src block.Source) error {
	const name = "device tree: memory reservations"
	at := t.Reservations
	for range 4096 {
		p, err := cursor.Read(src, name, at, 16, 16)
		if err != nil {
			return err
		}
		at += 16
		address, size := be.Uint64(p), be.Uint64(p[8:])
		if address == 0 && size == 0 {
			t.ReservedEnd = at
			return nil
		}
		if at > t.TotalSize-16 {
			break
		}
		t.Reserved = append(t.Reserved, [2]uint64{address, size})
	}
	return cursor.Corrupt(name, t.Reservations, "a list that ends with zeros", "none")
}

// Child returns the first child of that very name, nil when there is none.
func (n *Node) Child(name string) *Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// At returns the node at a path from n, such as "/images/kernel"; nil when there is none.
func (n *Node) At(path string) *Node {
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" {
			continue
		}
		if n = n.Child(part); n == nil {
			return nil
		}
	}
	return n
}

// Get returns the first property of that name.
func (n *Node) Get(name string) (Value, bool) {
	i := slices.IndexFunc(n.Properties, func(v Value) bool { return v.Name == name })
	if i < 0 {
		return Value{}, false
	}
	return n.Properties[i], true
}

// Text returns the first string of a property, "" when there is none.
func (n *Node) Text(name string) string {
	if all := n.Texts(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Texts returns the strings of a property, each ended by 0; nil when it is no list of such.
func (n *Node) Texts(name string) []string {
	v, _ := n.Get(name)
	if len(v.Data) == 0 || v.Data[len(v.Data)-1] != 0 || !utf8.Valid(v.Data) {
		return nil
	}
	return strings.Split(string(v.Data[:len(v.Data)-1]), "\x00")
}

// Number returns a property of one or two cells.
func (n *Node) Number(name string) (uint64, bool) {
	switch v, _ := n.Get(name); len(v.Data) {
	case 4:
		return uint64(be.Uint32(v.Data)), true
	case 8:
		return be.Uint64(v.Data), true
	}
	return 0, false
}

// Length returns a property that is a length or an offset: not negative, and not larger than any file.
func (n *Node) Length(name string) (int64, bool) {
	v, ok := n.Number(name)
	if !ok || v > math.MaxInt64/4 {
		return 0, false
	}
	return int64(v), true
}
