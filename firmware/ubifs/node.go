package ubifs

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
	"salvor/firmware/internal/fsimage"
)

const (
	magic      = 0x06101831
	headSize   = 24
	superSize  = 4096
	branchSize = 20
	padByte    = 0xCE
	ones       = 0xFFFFFFFF
)

// Types of nodes.
const (
	typePad    = 5
	typeSuper  = 6
	typeMaster = 7
	typeIndex  = 9
	typeLast   = 13
)

var le = binary.LittleEndian

var names = [...]string{"inode", "data", "name", "attribute", "truncation", "padding", "superblock", "master", "reference", "index", "commit", "orphans", "authentication", "signature"}

// node is the header that all nodes begin with.
type node struct {
	sum      uint32
	sequence uint64
	length   int64
	kind     byte
}

// parse reads the header of a node. It answers cursor.ErrNot where no node begins, and a [*cursor.CorruptError] for a
// header that cannot be.
func parse(p []byte, at int64) (node, error) {
	if len(p) < headSize || le.Uint32(p) != magic {
		return node{}, cursor.ErrNot
	}
	n := node{sum: le.Uint32(p[4:]), sequence: le.Uint64(p[8:]), length: int64(le.Uint32(p[16:])), kind: p[20]}
	if n.kind > typeLast || n.length < headSize || n.length > 1<<20 {
		return n, cursor.Corrupt("ubifs: node", at, "a node of type 0 to 13 with 24 bytes to 1 MiB", fmt.Sprintf("type %d, %d bytes", n.kind, n.length))
	}
	return n, nil
}

// check returns an error when the sum of a whole node does not fit.
func (n node) check(p []byte, at int64) error {
	if have := fsimage.Raw32(ones, p[8:n.length]); have != n.sum {
		return cursor.Corrupt("ubifs: node", at, fmt.Sprintf("%08x", n.sum), fmt.Sprintf("%08x", have))
	}
	return nil
}

// super is the superblock.
type super struct {
	page, block     int64 // bytes
	blocks          int64
	log, lpt, orph  int64 // blocks
	version         uint32
	valid           bool
	expected, found uint32
}

// parseSuper reads the superblock. It answers cursor.ErrNot for anything else.
func parseSuper(p []byte) (*super, error) {
	n, err := parse(p, 0)
	if err != nil || n.kind != typeSuper || n.length != superSize || len(p) < superSize {
		return nil, cursor.ErrNot
	}
	s := &super{page: int64(le.Uint32(p[32:])), block: int64(le.Uint32(p[36:])), blocks: int64(le.Uint32(p[40:])), log: int64(le.Uint32(p[56:])),
		lpt: int64(le.Uint32(p[60:])), orph: int64(le.Uint32(p[64:])), version: le.Uint32(p[80:]), expected: n.sum, found: fsimage.Raw32(ones, p[8:superSize])}
	s.valid = s.expected == s.found
	if s.block < superSize || s.block > 16<<20 || s.block%8 != 0 || s.blocks < 4 || s.blocks > 1<<24 || s.log < 1 || s.lpt < 1 || s.orph < 1 || 3+s.log+s.lpt+s.orph > s.blocks {
		return nil, cursor.ErrNot
	}
	return s, nil
}

// branch is one of an index node.
type branch struct{ block, offset, length int64 }

func parseBranch(p []byte) branch {
	return branch{int64(le.Uint32(p)), int64(le.Uint32(p[4:])), int64(le.Uint32(p[8:]))}
}
