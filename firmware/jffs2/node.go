package jffs2

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
	"salvor/firmware/internal/fsimage"
)

const (
	magic    = 0x1985
	headSize = 12
	accurate = 0x2000 // taken away when a node is obsolete
	maxNode  = 4 << 20
)

// Types of nodes.
const (
	typeEntry   = 0xE001
	typeInode   = 0xE002
	typeClean   = 0x2003
	typePad     = 0x2004
	typeSummary = 0x2006
	typeAttr    = 0xE008
	typeRef     = 0xE009
)

var names = map[uint16]string{typeEntry: "entry", typeInode: "inode", typeClean: "mark of an erased block", typePad: "padding", typeSummary: "summary", typeAttr: "attribute", typeRef: "reference to an attribute"}

// sum32 is the CRC-32 of JFFS2.
func sum32(p []byte) uint32 { return fsimage.Raw32(0, p) }

// node is the header that all nodes begin with.
type node struct {
	order    binary.ByteOrder
	kind     uint16
	length   int64
	obsolete bool
	sum      uint32
	have     uint32
}

// parse reads a header in one byte order. It answers cursor.ErrNot where none begins.
func parse(p []byte, order binary.ByteOrder) (node, error) {
	if len(p) < headSize || order.Uint16(p) != magic {
		return node{}, cursor.ErrNot
	}
	n := node{order: order, kind: order.Uint16(p[2:]), length: int64(order.Uint32(p[4:])), sum: order.Uint32(p[8:])}
	head := [8]byte(p[:8])
	if n.obsolete = n.kind&accurate == 0; n.obsolete {
		n.kind |= accurate
		order.PutUint16(head[2:], n.kind) // the sum is that of the node as it was written
	}
	n.have = sum32(head[:])
	return n, nil
}

func (n node) valid() bool { return n.sum == n.have && n.length >= headSize && n.length <= maxNode }

// sums are the CRC-32s of a node: what they cover, and where they stand.
type sums struct {
	what     string
	from, to int64
	at       int64
}

// covered returns the sums of a whole node, whose bytes p are.
func (n node) covered(p []byte) ([]sums, error) {
	short := func(least int64) error {
		return cursor.Corrupt("jffs2: "+names[n.kind], -1, fmt.Sprintf("at least %d bytes", least), n.length)
	}
	least := map[uint16]int64{typeEntry: 40, typeInode: 68, typeSummary: 32, typeAttr: 32, typeRef: 28}[n.kind]
	if n.length < least {
		return nil, short(least)
	}
	switch n.kind {
	case typeEntry:
		end := 40 + int64(p[28])
		if end > n.length {
			return nil, short(end)
		}
		return []sums{{"fields", 0, 32, 32}, {"name", 40, end, 36}}, nil
	case typeInode:
		end := 68 + int64(n.order.Uint32(p[48:]))
		if end > n.length {
			return nil, short(end)
		}
		return []sums{{"fields", 0, 60, 64}, {"data", 68, end, 60}}, nil
	case typeSummary:
		return []sums{{"fields", 0, 24, 28}, {"content", 32, n.length, 24}}, nil
	case typeAttr:
		end := 32 + int64(p[21]) + 1 + int64(n.order.Uint16(p[22:]))
		if end > n.length {
			return nil, short(end)
		}
		return []sums{{"fields", 0, 28, 28}, {"data", 32, end, 24}}, nil
	case typeRef:
		return []sums{{"fields", 0, 24, 24}}, nil
	}
	return nil, nil
}

// check computes all sums of a whole node.
func (n node) check(p []byte, at int64) error {
	all, err := n.covered(p)
	if err != nil {
		return err
	}
	for _, s := range all {
		if want, have := n.order.Uint32(p[s.at:]), sum32(p[s.from:s.to]); want != have {
			return cursor.Corrupt(fmt.Sprintf("jffs2: %s, %s", names[n.kind], s.what), at, fmt.Sprintf("%08x over its %s", want, s.what), fmt.Sprintf("%08x", have))
		}
	}
	return nil
}
