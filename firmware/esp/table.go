package esp

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"hash/crc32"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

const (
	entrySize  = 32
	maxEntries = 95 // what fits into a table of 0xC00 bytes with its sum
	sectorSize = 4096
	recordSize = 32
)

// entry is a partition.
type entry struct {
	kind, sub    byte
	offset, size uint32
	label        string
}

// readTable reads the entries up to the sum or to erased bytes. sum is nil when there is none; broken says that a row follows
// which is neither.
func readTable(src block.Source) (list []entry, raw, sum []byte, broken bool, err error) {
	for at := int64(0); len(list) <= maxEntries; at += entrySize {
		p, err := cursor.Read(src, "ESP partition table", at, entrySize, entrySize)
		if err != nil {
			break
		}
		switch {
		case p[0] == 0xAA && p[1] == 0x50:
			label, _, _ := strings.Cut(string(p[12:28]), "\x00")
			list = append(list, entry{p[2], p[3], le.Uint32(p[4:]), le.Uint32(p[8:]), label})
			raw = append(raw, p...)
			continue
		case p[0] == 0xEB && p[1] == 0xEB && bytes.Equal(p[2:16], bytes.Repeat([]byte{0xFF}, 14)):
			sum = p[16:]
		default:
			broken = bytes.Count(p, []byte{0xFF}) < entrySize
		}
		break
	}
	if len(list) == 0 {
		return nil, nil, nil, false, cursor.ErrNot
	}
	for _, e := range list {
		if e.size == 0 || e.offset%sectorSize != 0 || uint64(e.offset)+uint64(e.size) > 1<<30 {
			return nil, nil, nil, false, cursor.ErrNot
		}
	}
	return list, raw, sum, broken, nil
}

func lookTable(_ context.Context, src block.Source) (firmware.Sighting, error) {
	list, _, _, _, err := readTable(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: fmt.Sprintf("ESP partition table, %d partitions", len(list)), Size: 0xC00}, nil
}

func openTable(ctx context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
	list, raw, sum, broken, err := readTable(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: fmt.Sprintf("ESP partition table, %d partitions", len(list)), Role: firmware.Table}
	covered := block.Extent{Length: int64(len(raw)) + entrySize}
	switch {
	case broken:
		e := block.Extent{Offset: int64(len(raw)), Length: entrySize}
		part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("row %d", len(list)+1), Method: "structure", State: firmware.Failed, Extent: e, Expected: "a partition, or the sum behind the last", Found: "neither"})
	case sum == nil:
		part.Checks = append(part.Checks, firmware.Check{What: "entries", Method: "MD5", State: firmware.Cannot, Extent: block.Extent{Length: int64(len(raw))}, Why: "no sum follows: an old table, or one that is cut off"})
		covered.Length = int64(len(raw))
	default:
		found := md5.Sum(raw)
		part.Checks = append(part.Checks, firmware.Digest("entries", "MD5", covered, sum, found[:]))
	}
	if rest := block.Between(covered.Length, src.Size()); rest.Length > 0 && sum != nil {
		part.Checks = append(part.Checks, padding(src, rest))
	}
	for _, e := range list {
		c := &firmware.Part{Name: e.label, Title: fmt.Sprintf("partition at 0x%x, 0x%x bytes, type %d.%d", e.offset, e.size, e.kind, e.sub), Role: firmware.Table, Source: block.Bytes(nil)}
		part.Children = append(part.Children, c)
	}
	return part, ctx.Err()
}

// padding checks that bytes are erased flash.
func padding(src block.Source, e block.Extent) firmware.Check {
	c := firmware.Check{What: "rest", Method: "padding", State: firmware.Passed, Extent: e, Strong: true, Expected: "erased bytes (ff)", Found: "erased bytes (ff)"}
	buf := make([]byte, 4096)
	for at := e.Offset; at < e.End(); {
		p := buf[:min(int64(len(buf)), e.End()-at)]
		if n, err := src.ReadAt(p, at); n < len(p) {
			c.State, c.Why = firmware.Cannot, fmt.Sprint(err)
			return c
		}
		for i, b := range p {
			if b != 0xFF {
				c.State, c.Found = firmware.Failed, fmt.Sprintf("%02x at %d", b, at+int64(i))
				return c
			}
		}
		at += int64(len(p))
	}
	return c
}

// record is one of the two that choose the application.
type record struct {
	sequence, state, sum uint32
	erased, good         bool
}

func readRecord(src block.Source, at int64) (record, error) {
	p, err := cursor.Read(src, "ESP choice", at, recordSize, recordSize)
	if err != nil {
		return record{}, err
	}
	r := record{le.Uint32(p), le.Uint32(p[24:]), le.Uint32(p[28:]), false, false}
	r.erased = bytes.Equal(p, bytes.Repeat([]byte{0xFF}, recordSize))
	// The ROM's routine begins with all ones behind its own inversion, which is a beginning of zero.
	r.good = r.sequence != 0xFFFFFFFF && crc32.Update(0xFFFFFFFF, crc32.IEEETable, p[:4]) == r.sum
	return r, nil
}

func lookChoice(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if src.Size() != 2*sectorSize {
		return firmware.Sighting{}, cursor.ErrNot
	}
	good := false
	for i := range int64(2) {
		r, err := readRecord(src, i*sectorSize)
		if err != nil {
			return firmware.Sighting{}, err
		}
		good = good || r.good
	}
	if !good {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "ESP choice of the application", Size: 2 * sectorSize}, nil
}

var states = map[uint32]string{0: "new", 1: "to be verified", 2: "valid", 3: "invalid", 4: "aborted", 0xFFFFFFFF: "not told"}

func openChoice(ctx context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
	if _, err := lookChoice(ctx, src); err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "ESP choice of the application", Role: firmware.Settings}
	best := -1
	var records [2]record
	for i := range records {
		at := int64(i) * sectorSize
		r, err := readRecord(src, at)
		if err != nil {
			return nil, err
		}
		records[i] = r
		what := fmt.Sprintf("record %d", i+1)
		switch {
		case r.erased:
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "padding", State: firmware.Passed, Extent: block.Extent{Offset: at, Length: recordSize}, Strong: true, Expected: "a record, or none", Found: "none"})
		case r.good:
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "CRC-32", State: firmware.Passed, Extent: block.Extent{Offset: at, Length: 4}, Strong: true,
				Expected: fmt.Sprintf("%08x", r.sum), Found: fmt.Sprintf("%08x", r.sum)})
			if best < 0 || r.sequence > records[best].sequence {
				best = i
			}
		default:
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: recordSize}, Expected: fmt.Sprintf("%08x", r.sum),
				Found: "another", Why: "it was being written when the power went, or its flash is worn"})
		}
	}
	if best >= 0 {
		r := records[best]
		part.Title = fmt.Sprintf("ESP choice of the application: record %d is in force, sequence %d, state %s", best+1, r.sequence, orUnknown(states[r.state]))
	}
	return part, ctx.Err()
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
