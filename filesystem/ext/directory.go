package ext

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

const (
	entryHeader = 8
	tailSize    = 12
	tailType    = 0xDE
)

// entry is one name in a directory.
type entry struct {
	inode  uint32 // 0 when only the name is left
	name   string
	kind   uint8 // as in the entry; 0 is unknown
	offset int64 // of the record on the volume
	// stale says that the record is no part of the directory any more.
	stale bool
	// resynced says that the record was found behind a broken one.
	resynced bool
	// unchecked says that the block does not match its checksum.
	unchecked bool
	// copied says that the block is broken on the volume, and a copy in the journal was read.
	copied bool
}

// entryTypes turns the type of an entry into that of an inode.
var entryTypes = [8]uint16{0, typeRegular, typeDir, typeChar, typeBlock, typeFIFO, typeSocket, typeLink}

// directory says how the blocks of one directory are to be read.
type directory struct {
	inodes    uint32 // the highest number
	filetype  bool   // entries have a type
	indexed   bool   // some blocks are nodes of a hash tree
	blockSize int
}

// parse calls emit for every entry in a block that stands at base, live ones in the order of the chain of
// records, stale ones in between. first says that it is the directory's first block. The answer is the first
// contradiction, after which the chain was taken up again where a plausible record follows.
func (d *directory) parse(b []byte, base int64, first bool, emit func(entry)) error {
	var broken error
	resynced := false
	for at := 0; at+entryHeader <= len(b); {
		e, length, reason := d.record(b, at, base)
		if reason != "" {
			if broken == nil {
				broken = cursor.Corrupt("ext: directory entry", base+int64(at), "a record inside its block", reason)
			}
			resynced = true
			at += 4
			for at+entryHeader <= len(b) && !d.plausible(b, at, len(b)) {
				at += 4
			}
			continue
		}
		need := at + recordSize(len(e.name))
		end := at + length
		switch {
		case e.inode == 0 && length == tailSize && end == len(b) && len(e.name) == 0 && b[at+7] == tailType:
			return broken
		case e.inode == 0 && d.indexed && at == 0 && isNode(b):
			return broken
		case e.inode == 0:
			if len(e.name) > 0 && validName(e.name) {
				e.stale = true
				emit(e)
			} else {
				need = at + entryHeader
			}
		case e.name == "." || e.name == "..":
			if first && d.indexed && e.name == ".." {
				// The root of the hash tree stands in the slack of this record.
				at = end
				continue
			}
		default:
			e.resynced = resynced
			emit(e)
		}
		d.slack(b, need, end, base, emit)
		at = end
	}
	return broken
}

// recordSize is the least length of a record for a name of n bytes.
func recordSize(n int) int { return (entryHeader + n + 3) &^ 3 }

// record reads the record at at, or says why it is none.
func (d *directory) record(b []byte, at int, base int64) (entry, int, string) {
	le := binary.LittleEndian
	e := entry{inode: le.Uint32(b[at:]), offset: base + int64(at)}
	length := int(le.Uint16(b[at+4:]))
	if d.blockSize >= 64<<10 {
		// Lengths are multiples of 4, so that the low bits can carry the high ones.
		if length == 0 || length == 65535 {
			length = d.blockSize
		} else {
			length = length&^3 | (length&3)<<16
		}
	}
	n := int(b[at+6])
	if d.filetype {
		e.kind = b[at+7]
	} else {
		n = int(le.Uint16(b[at+6:]))
	}
	switch {
	case length < entryHeader || length%4 != 0:
		return e, 0, fmt.Sprintf("a record of %d bytes", length)
	case length > len(b)-at:
		return e, 0, fmt.Sprintf("a record of %d bytes with %d left", length, len(b)-at)
	case n > length-entryHeader || n > 255:
		return e, 0, fmt.Sprintf("a name of %d bytes in a record of %d", n, length)
	case e.inode > d.inodes:
		return e, 0, fmt.Sprintf("inode %d of %d", e.inode, d.inodes)
	case e.inode != 0 && n == 0:
		return e, 0, "a name of 0 bytes"
	}
	e.name = string(b[at+entryHeader : at+entryHeader+n])
	return e, length, ""
}

// slack looks for what is left of records between at and end.
func (d *directory) slack(b []byte, at, end int, base int64, emit func(entry)) {
	for at+recordSize(1) <= end {
		if !d.plausible(b, at, end) {
			at += 4
			continue
		}
		e, _, _ := d.record(b, at, base)
		e.stale = true
		if e.name != "." && e.name != ".." {
			emit(e)
		}
		at += recordSize(len(e.name))
	}
}

// plausible reports whether a whole record with a name stands at at, the name before end.
func (d *directory) plausible(b []byte, at, end int) bool {
	// Most places hold nothing of the kind, and a text that says why would cost more than the look.
	if number := binary.LittleEndian.Uint32(b[at:]); number == 0 || number > d.inodes || b[at+4]&3 != 0 && d.blockSize < 64<<10 || b[at+6] == 0 {
		return false
	}
	e, length, reason := d.record(b, at, 0)
	if reason != "" || !validName(e.name) || length < recordSize(len(e.name)) || at+entryHeader+len(e.name) > end {
		return false
	}
	return !d.filetype || e.kind > 0 && int(e.kind) < len(entryTypes)
}

// whole reports whether a block is one chain of records with some name or a checksum in it.
func (d *directory) whole(b []byte) bool {
	le := binary.LittleEndian
	some := false
	for at := 0; at < len(b); {
		if at+entryHeader > len(b) || b[at+4]&3 != 0 && d.blockSize < 64<<10 || le.Uint32(b[at:]) > d.inodes {
			return false
		}
		e, length, reason := d.record(b, at, 0)
		switch {
		case reason != "":
			return false
		case e.inode == 0 && length == tailSize && at+length == len(b) && b[at+6] == 0 && b[at+7] == tailType:
			some = true
		case e.inode != 0:
			if !validName(e.name) || length < recordSize(len(e.name)) || d.filetype && int(e.kind) >= len(entryTypes) {
				return false
			}
			some = true
		}
		at += length
	}
	return some
}

// itself returns the number of the directory whose first block b is, and that of its parent; 0 when it is no first block.
func (d *directory) itself(b []byte) (number, parent uint32) {
	le := binary.LittleEndian
	if len(b) < 24 || le.Uint16(b[4:]) != 12 || b[6] != 1 || b[8] != '.' || b[18] != 2 || b[20] != '.' || b[21] != '.' || b[9]|b[10]|b[11] != 0 {
		return 0, 0
	}
	number, parent = le.Uint32(b), le.Uint32(b[12:])
	if number > d.inodes || parent > d.inodes || parent == 0 {
		return 0, 0
	}
	return number, parent
}

func validName(name string) bool {
	return name != "" && !bytes.ContainsAny([]byte(name), "/\x00")
}

// isNode reports whether a block without entries is an inner node of a hash tree: its limit of entries
// follows from the size of the block.
func isNode(b []byte) bool {
	limit := int(binary.LittleEndian.Uint16(b[8:]))
	count := int(binary.LittleEndian.Uint16(b[10:]))
	most := (len(b) - entryHeader) / 8
	return (limit == most || limit == most-1) && count > 0 && count <= limit
}

// checkLeaf verifies the checksum at the end of a block of entries. Nodes of the hash tree keep theirs
// elsewhere; they hold no entries, and are not judged.
func (v *volume) checkLeaf(b []byte, in *inode) bool {
	if !v.sb.metaCsum() {
		return true
	}
	le := binary.LittleEndian
	t := b[len(b)-tailSize:]
	if le.Uint32(t) == 0 && le.Uint16(t[4:]) == tailSize && t[6] == 0 && t[7] == tailType {
		return crc32c(in.blockSeed(v.sb), b[:len(b)-tailSize]) == le.Uint32(t[8:])
	}
	if in.flags&flagIndex == 0 {
		return false
	}
	return v.checkNode(b, in)
}

// checkNode verifies the checksum of a node of the hash tree.
func (v *volume) checkNode(b []byte, in *inode) bool {
	le := binary.LittleEndian
	at := 0x8 // of limit and count in an inner node
	if le.Uint32(b) != 0 {
		at = 0x20 // in the root, behind "." and ".." and the tree's information
	}
	limit, count := int(le.Uint16(b[at:])), int(le.Uint16(b[at+2:]))
	tail := at + 8*limit
	if count > limit || tail+8 > len(b) {
		return false
	}
	sum := crc32c(in.blockSeed(v.sb), b[:at+8*count])
	sum = crc32c(crc32c(sum, b[tail:tail+4]), zeros[:4])
	return sum == le.Uint32(b[tail+4:])
}
