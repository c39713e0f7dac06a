package ntfs

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

var le = binary.LittleEndian

// stride is what update sequences count in, whatever the size of a sector is.
const stride = 512

// Flags of a record.
const (
	recordInUse     = 1
	recordDirectory = 2
)

// Records with a fixed meaning.
const (
	recordMFT    = 0
	recordMirror = 1
	recordLog    = 2
	recordVolume = 3
	recordRoot   = 5
	recordBitmap = 6
	recordBad    = 8
	recordSecure = 9
	recordExtend = 11
	firstFree    = 16 // records below it are the volume's own
)

// reference names a record: its number in the low 48 bits, its sequence in the high 16.
type reference uint64

func refer(number int64, sequence uint16) reference {
	return reference(uint64(number)&(1<<48-1) | uint64(sequence)<<48)
}

func (r reference) number() int64    { return int64(r & (1<<48 - 1)) }
func (r reference) sequence() uint16 { return uint16(r >> 48) }
func (r reference) String() string   { return fmt.Sprintf("m%d-%d", r.number(), r.sequence()) }

// held returns the sequence that the last file of a freed record had.
func held(sequence uint16) uint16 {
	if sequence <= 1 {
		return 0xFFFF
	}
	return sequence - 1
}

// record is a record of the master file table whose update sequence was undone.
type record struct {
	number   int64
	sequence uint16
	links    uint16
	flags    uint16
	base     reference // of the record that this one extends; 0 for a base record
	first    int       // offset of the first attribute
	used     int       // bytes in use
	usa      int       // offset of the update sequence
	torn     int       // strides whose end does not match the update sequence
	counted  bool      // it names its own number
	b        []byte    // whole

	runs    []block.Run // of what it stands in, and
	logical int64       // where
}

func (r *record) inUse() bool     { return r.flags&recordInUse != 0 }
func (r *record) directory() bool { return r.flags&recordDirectory != 0 }

// reference names the file that the record holds, or held last.
func (r *record) reference() reference {
	if r.inUse() {
		return refer(r.number, r.sequence)
	}
	return refer(r.number, held(r.sequence))
}

// offset returns where the byte at of the record stands on the volume; -1 where it stands nowhere.
func (r *record) offset(at int) int64 {
	for _, p := range block.Slice(r.runs, block.Extent{Offset: r.logical + int64(at), Length: 1}) {
		if p.Kind.Stands() {
			return p.Physical
		}
	}
	return -1
}

func (r *record) String() string { return fmt.Sprintf("ntfs: record %d", r.number) }

// undo takes back the update sequence in b, whose signature stands at its start, and returns how many
// strides do not match it. Those are left as they are.
func undo(structure string, off int64, b []byte) (usa, torn int, err error) {
	if len(b) < 8 {
		return 0, 0, cursor.Corrupt(structure, off, "8 bytes", len(b))
	}
	usa, count := int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	if count == 0 || count-1 != len(b)/stride || usa < 8 || usa+2*count > len(b) || usa+2*count > stride-2 {
		return 0, 0, cursor.Corrupt(structure+": update sequence", off+4, fmt.Sprintf("%d entries behind the header", len(b)/stride+1),
			fmt.Sprintf("%d at %d", count, usa))
	}
	for i := 1; i < count; i++ {
		end := i*stride - 2
		if b[end] != b[usa] || b[end+1] != b[usa+1] {
			torn++
			continue
		}
		b[end], b[end+1] = b[usa+2*i], b[usa+2*i+1]
	}
	return usa, torn, nil
}

// parseRecord decodes the record in b, whose update sequence it undoes in place. number is where it
// stands in the table, -1 when only the record can tell. off is for errors. Bytes that are no record at all
// are [cursor.ErrNot].
func parseRecord(b []byte, number, off int64) (record, error) {
	name := "ntfs: record"
	if number >= 0 {
		name = fmt.Sprintf("ntfs: record %d", number)
	}
	if len(b) < 48 || string(b[:4]) != "FILE" {
		if len(b) >= 4 && string(b[:4]) == "BAAD" {
			return record{}, cursor.Corrupt(name, off, "FILE", "BAAD: a check found it torn")
		}
		return record{}, fmt.Errorf("%s: %w", name, cursor.ErrNot)
	}
	usa, torn, err := undo(name, off, b)
	if err != nil {
		return record{}, err
	}
	r := record{number: number, sequence: le.Uint16(b[16:]), links: le.Uint16(b[18:]), first: int(le.Uint16(b[20:])), flags: le.Uint16(b[22:]),
		used: int(le.Uint32(b[24:])), base: reference(le.Uint64(b[32:])), usa: usa, torn: torn, b: b}
	// Since version 3.1 a record names itself, and the update sequence stands behind that.
	if r.counted = usa >= 48; r.counted {
		says := int64(le.Uint32(b[44:]))
		// Records that were never used say 0 where a formatter wrote them.
		if number >= 0 && says != number&0xFFFFFFFF && (says != 0 || r.inUse()) {
			return record{}, cursor.Corrupt(name+": its number", off+44, number, says)
		}
		r.number = max(number, says)
	}
	if r.first < 40 || r.first%4 != 0 || r.first > len(b)-8 {
		return record{}, cursor.Corrupt(name+": offset of the first attribute", off+20, fmt.Sprintf("40 to %d", len(b)-8), r.first)
	}
	if r.used < r.first || r.used > len(b) {
		r.used = len(b) // attributes end themselves
	}
	return r, nil
}

// where returns the places on the volume of n bytes at a place of the record, for a run that begins at
// byte 0. The last two bytes of each stride stand in the update sequence.
func (r *record) where(at, n int) []block.Run {
	var out []block.Run
	kind := block.Data
	if r.torn > 0 {
		kind = block.Guessed
	}
	add := func(from, to, logical int) {
		if from >= to {
			return
		}
		for _, p := range block.Slice(r.runs, block.Extent{Offset: r.logical + int64(from), Length: int64(to - from)}) {
			if p.Kind == block.Data {
				p.Kind = kind
			}
			p.Logical = p.Logical - r.logical - int64(from) + int64(logical)
			out = append(out, p)
		}
	}
	for done := 0; done < n; {
		i := (at + done) / stride
		end := i*stride + stride - 2
		if at+done < end {
			m := min(n-done, end-at-done)
			add(at+done, at+done+m, done)
			done += m
			continue
		}
		k := at + done - end // 0 or 1
		m := min(n-done, 2-k)
		add(r.usa+2*(i+1)+k, r.usa+2*(i+1)+k+m, done)
		done += m
	}
	return out
}
