package ext

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

// The journal's own structures, which are big-endian.
const (
	journalMagic = 0xC03B3998

	journalDescriptor = 1
	journalCommit     = 2
	journalSuperV1    = 3
	journalSuperV2    = 4
	journalRevoke     = 5

	journalHeader = 12 // magic, type, sequence

	journalCompatChecksum = 0x1

	journal64Bit      = 0x2
	journalCsumV2     = 0x8
	journalCsumV3     = 0x10
	journalFastCommit = 0x20

	tagEscaped  = 0x1
	tagSameUUID = 0x2
	tagLast     = 0x8

	defaultFastBlocks = 256
	maxJournalBlocks  = 1 << 24
)

// journalSuper is the first block of a journal.
type journalSuper struct {
	blockSize  int64
	blocks     uint32 // of the whole journal
	first      uint32 // block of the log
	sequence   uint32 // of the first transaction in the log, or the next one
	start      uint32 // block of that transaction; 0 when the journal is empty
	compat     uint32
	incompat   uint32
	fastBlocks uint32
	seed       uint32 // of the checksums
	checksumOK bool   // or it has none
}

// summed reports whether descriptors, commits and copies have checksums of their own.
func (j *journalSuper) summed() bool { return j.incompat&(journalCsumV2|journalCsumV3) != 0 }

// end returns the block behind the log. Behind it stand the fast commits.
func (j *journalSuper) end() uint32 {
	if j.incompat&journalFastCommit != 0 && j.fastBlocks < j.blocks-j.first {
		return j.blocks - j.fastBlocks
	}
	return j.blocks
}

// next returns the block of the log that follows n.
func (j *journalSuper) next(n uint32) uint32 {
	if n++; n >= j.end() {
		return j.first
	}
	return n
}

// parseJournalSuper reads the first block of a journal that stands at offset. size is that of the volume's
// blocks, which the journal shares.
func parseJournalSuper(b []byte, offset, size int64) (*journalSuper, error) {
	const structure = "ext: journal superblock"
	be := binary.BigEndian
	if len(b) < superblockSize {
		return nil, cursor.Corrupt(structure, offset, fmt.Sprintf("%d bytes", superblockSize), len(b))
	}
	kind, _, ok := journalBlock(b)
	if !ok || kind != journalSuperV1 && kind != journalSuperV2 {
		return nil, fmt.Errorf("%s: %w", structure, cursor.ErrNot)
	}
	j := &journalSuper{blockSize: int64(be.Uint32(b[0x0C:])), blocks: be.Uint32(b[0x10:]), first: be.Uint32(b[0x14:]),
		sequence: be.Uint32(b[0x18:]), start: be.Uint32(b[0x1C:]), checksumOK: true}
	if kind == journalSuperV2 {
		j.compat, j.incompat = be.Uint32(b[0x24:]), be.Uint32(b[0x28:])
		if j.fastBlocks = be.Uint32(b[0x54:]); j.fastBlocks == 0 {
			j.fastBlocks = defaultFastBlocks
		}
		j.seed = crc32c(^uint32(0), b[0x30:0x40])
		if j.summed() {
			sum := crc32c(crc32c(crc32c(^uint32(0), b[:0xFC]), zeros[:4]), b[0x100:superblockSize])
			j.checksumOK = sum == be.Uint32(b[0xFC:])
		}
	}
	switch {
	case j.blockSize != size:
		return nil, cursor.Corrupt(structure+": block size", offset+0x0C, size, j.blockSize)
	case j.first == 0 || j.blocks > maxJournalBlocks || j.blocks <= j.first:
		return nil, cursor.Corrupt(structure+": blocks", offset+0x10, fmt.Sprintf("up to %d, the log inside", maxJournalBlocks), fmt.Sprintf("%d, the log from %d", j.blocks, j.first))
	case j.start != 0 && (j.start < j.first || j.start >= j.end()):
		return nil, cursor.Corrupt(structure+": start", offset+0x1C, fmt.Sprintf("%d to %d", j.first, j.end()-1), j.start)
	}
	return j, nil
}

// journalBlock reads the header that all blocks of the journal's own have.
func journalBlock(b []byte) (kind, sequence uint32, ok bool) {
	be := binary.BigEndian
	if len(b) < journalHeader || be.Uint32(b) != journalMagic {
		return 0, 0, false
	}
	return be.Uint32(b[4:]), be.Uint32(b[8:]), true
}

// tag names the block of the volume of which a copy follows the descriptor.
type tag struct {
	block uint64
	flags uint32
	sum   uint32 // of the copy; its low half only in version 2
}

// tagSize returns the bytes of a tag, without the UUID that can follow it.
func (j *journalSuper) tagSize() int {
	if j.incompat&journalCsumV3 != 0 {
		return 16
	}
	n := 8
	if j.incompat&journal64Bit != 0 {
		n += 4
	}
	if j.incompat&journalCsumV2 != 0 {
		n += 2
	}
	return n
}

// parseTags reads the tags of a descriptor block. It fails where the list does not end inside of the block, or
// the block does not match its checksum.
func (j *journalSuper) parseTags(b []byte) ([]tag, error) {
	be := binary.BigEndian
	end := len(b)
	if j.summed() {
		if end -= 4; end < journalHeader || !j.tailOK(b) {
			return nil, cursor.Corrupt("ext: journal descriptor", -1, "its checksum", "another")
		}
	}
	size := j.tagSize()
	var out []tag
	for at := journalHeader; at+size <= end; {
		t := tag{block: uint64(be.Uint32(b[at:]))}
		switch {
		case j.incompat&journalCsumV3 != 0:
			t.flags, t.sum = be.Uint32(b[at+4:]), be.Uint32(b[at+12:])
			if j.incompat&journal64Bit != 0 {
				t.block |= uint64(be.Uint32(b[at+8:])) << 32
			}
		default:
			t.sum, t.flags = uint32(be.Uint16(b[at+4:])), uint32(be.Uint16(b[at+6:]))
			if j.incompat&journal64Bit != 0 {
				t.block |= uint64(be.Uint32(b[at+8:])) << 32
			}
		}
		out = append(out, t)
		at += size
		if t.flags&tagSameUUID == 0 {
			at += 16
		}
		if t.flags&tagLast != 0 {
			return out, nil
		}
	}
	// A block that is full needs no last tag.
	if len(out) == 0 {
		return nil, cursor.Corrupt("ext: journal descriptor", -1, "a tag", "none")
	}
	return out, nil
}

// tailOK verifies the checksum in the last four bytes of a descriptor or a revoke block.
func (j *journalSuper) tailOK(b []byte) bool {
	n := len(b) - 4
	return crc32c(crc32c(j.seed, b[:n]), zeros[:4]) == binary.BigEndian.Uint32(b[n:])
}

// copyOK verifies a copy, as it stands in the log, against its tag.
func (j *journalSuper) copyOK(t tag, sequence uint32, b []byte) bool {
	if !j.summed() {
		return true
	}
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], sequence)
	sum := crc32c(crc32c(j.seed, n[:]), b)
	if j.incompat&journalCsumV3 != 0 {
		return sum == t.sum
	}
	return sum&0xFFFF == t.sum
}

// parseRevokes reads the blocks whose older copies must not be written back.
func (j *journalSuper) parseRevokes(b []byte) ([]uint64, error) {
	be := binary.BigEndian
	end := len(b)
	if j.summed() {
		if end -= 4; end < 16 || !j.tailOK(b) {
			return nil, cursor.Corrupt("ext: journal revoke block", -1, "its checksum", "another")
		}
	}
	if len(b) < 16 {
		return nil, cursor.Corrupt("ext: journal revoke block", -1, "16 bytes", len(b))
	}
	used := be.Uint32(b[12:])
	if used < 16 || uint64(used) > uint64(end) {
		return nil, cursor.Corrupt("ext: journal revoke block", -1, fmt.Sprintf("16 to %d bytes", end), used)
	}
	var out []uint64
	if j.incompat&journal64Bit != 0 {
		for at := 16; at+8 <= int(used); at += 8 {
			out = append(out, be.Uint64(b[at:]))
		}
		return out, nil
	}
	for at := 16; at+4 <= int(used); at += 4 {
		out = append(out, uint64(be.Uint32(b[at:])))
	}
	return out, nil
}

// parseCommit reads the time of a commit block, in seconds, and verifies its checksum. sum is that of all
// blocks of the transaction, as version 1 of the checksums wants it; nil when it is not known.
func (j *journalSuper) parseCommit(b []byte, sum *uint32) (seconds int64, checksumOK bool) {
	be := binary.BigEndian
	if len(b) < 60 {
		return 0, false
	}
	seconds = int64(be.Uint64(b[48:]))
	switch {
	case j.summed():
		want := be.Uint32(b[16:])
		checksumOK = crc32c(crc32c(crc32c(j.seed, b[:16]), zeros[:4]), b[20:]) == want
	case j.compat&journalCompatChecksum != 0 && sum != nil && b[12] == 1 && b[13] == 4:
		// A commit that an old kernel wrote has none.
		checksumOK = be.Uint32(b[16:]) == *sum
	default:
		checksumOK = true
	}
	return seconds, checksumOK
}

// crc32Table is that of the CRC-32 whose first bit is the highest, without inversion at its end.
var crc32Table = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i) << 24
		for range 8 {
			if v&(1<<31) != 0 {
				v = v<<1 ^ 0x04C11DB7
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()

// crc32High continues the checksum of version 1.
func crc32High(sum uint32, p []byte) uint32 {
	for _, b := range p {
		sum = sum<<8 ^ crc32Table[byte(sum>>24)^b]
	}
	return sum
}
