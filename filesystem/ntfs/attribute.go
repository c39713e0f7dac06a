package ntfs

import (
	"fmt"
	"math"

	"salvor/cursor"
)

// Types of attributes.
const (
	typeStandard   = 0x10
	typeList       = 0x20
	typeName       = 0x30
	typeObjectID   = 0x40
	typeSecurity   = 0x50
	typeLabel      = 0x60
	typeVolume     = 0x70
	typeData       = 0x80
	typeIndexRoot  = 0x90
	typeAllocation = 0xA0
	typeBitmap     = 0xB0
	typeReparse    = 0xC0
	typeEA         = 0xE0
	typeUtility    = 0x100
	typeEnd        = 0xFFFFFFFF
)

// Flags of an attribute.
const (
	flagCompressed = 0x00FF
	flagEncrypted  = 0x4000
	flagSparse     = 0x8000
)

// attribute is one attribute of a record, or one piece of it.
type attribute struct {
	kind     uint32
	name     string
	flags    uint16
	id       uint16
	at       int // offset in the record
	resident bool

	value   []byte // of a resident one
	valueAt int    // offset of value in the record

	first, last int64 // clusters of the attribute that pairs maps
	unit        uint8 // logarithm of the clusters of a compression unit
	allocated   int64 // bytes; these four in the first piece only
	size        int64
	initialized int64
	pairs       []byte
}

// attributes calls visit for the attributes of r in order until visit returns false. What it returns is the
// first thing that is broken, behind which nothing of the record can be read.
func (r *record) attributes(visit func(a *attribute) bool) error {
	b := r.b
	for at, n := r.first, 0; ; n++ {
		if at > len(b)-4 || at > len(b)-8 && le.Uint32(b[at:]) != typeEnd {
			return cursor.Corrupt(r.String()+": attributes", r.offset(0), "an end mark", "the end of the record")
		}
		kind := le.Uint32(b[at:])
		if kind == typeEnd {
			return nil
		}
		size := int(min(le.Uint32(b[at+4:]), math.MaxInt32))
		if size < 24 || size%8 != 0 || size > len(b)-at {
			return cursor.Corrupt(fmt.Sprintf("%v: attribute 0x%x: size", r, kind), r.offset(at+4), fmt.Sprintf("24 to %d", len(b)-at), size)
		}
		if kind == 0 || kind > 0x1000 && kind < 0x10000 || kind%0x10 != 0 {
			return cursor.Corrupt(r.String()+": type of an attribute", r.offset(at), "a known type", fmt.Sprintf("0x%x", kind))
		}
		a, err := parseAttribute(b[at:at+size], at)
		if err != nil {
			return cursor.Corrupt(fmt.Sprintf("%v: attribute 0x%x", r, kind), r.offset(at), nil, err)
		}
		if !visit(&a) {
			return nil
		}
		at += size
	}
}

// parseAttribute decodes the attribute in b, which begins at the byte at of its record.
func parseAttribute(b []byte, at int) (attribute, error) {
	c := cursor.New("ntfs: attribute", int64(at), b)
	a := attribute{kind: c.Uint32(), at: at}
	c.Skip(4)
	a.resident = c.Uint8() == 0
	nameLength, nameAt := int(c.Uint8()), int(c.Uint16())
	a.flags, a.id = c.Uint16(), c.Uint16()
	if a.resident {
		n, valueAt := int(min(c.Uint32(), math.MaxInt32)), int(c.Uint16())
		if c.Err() != nil || valueAt > len(b) || n > len(b)-valueAt {
			return a, cursor.Corrupt("ntfs: attribute: value", int64(at+16), fmt.Sprintf("inside of %d bytes", len(b)), fmt.Sprintf("%d at %d", n, valueAt))
		}
		a.value, a.valueAt = b[valueAt:valueAt+n:valueAt+n], at+valueAt
	} else {
		first, last := c.Uint64(), c.Uint64()
		pairsAt := int(c.Uint16())
		a.unit = c.Uint8()
		c.Skip(5)
		var sizes [3]uint64
		if first == 0 {
			sizes = [3]uint64{c.Uint64(), c.Uint64(), c.Uint64()}
		}
		if err := c.Err(); err != nil {
			return a, err
		}
		switch {
		case first > maxVolume || last+1 < first || last+1 > maxVolume:
			return a, cursor.Corrupt("ntfs: attribute: clusters", int64(at+16), "a range", fmt.Sprintf("%d to %d", first, last))
		case pairsAt < 0x40 || pairsAt > len(b):
			return a, cursor.Corrupt("ntfs: attribute: mapping pairs", int64(at+32), fmt.Sprintf("at 64 to %d", len(b)), pairsAt)
		case sizes[0] > maxVolume || sizes[1] > maxVolume || sizes[2] > maxVolume:
			return a, cursor.Corrupt("ntfs: attribute: sizes", int64(at+40), "at most 2^60", fmt.Sprint(sizes))
		}
		a.first, a.last = int64(first), int64(last+1)-1
		a.allocated, a.size, a.initialized = int64(sizes[0]), int64(sizes[1]), int64(sizes[2])
		a.pairs = b[pairsAt:]
	}
	if nameLength > 0 {
		if nameAt > len(b) || 2*nameLength > len(b)-nameAt {
			return a, cursor.Corrupt("ntfs: attribute: name", int64(at+9), fmt.Sprintf("inside of %d bytes", len(b)), fmt.Sprintf("%d characters at %d", nameLength, nameAt))
		}
		a.name = text(b[nameAt : nameAt+2*nameLength])
	}
	return a, c.Err()
}

// span is a run of clusters of an attribute.
type span struct {
	first int64 // in the attribute
	at    int64 // on the volume, -1 for a hole
	count int64
}

// maxRuns is the most runs that are taken from one attribute.
const maxRuns = 1 << 20

// appendPairs decodes mapping pairs that begin at cluster first of the attribute and appends the runs to out.
// It returns what is broken together with the runs before that.
func appendPairs(out []span, pairs []byte, first, limit int64) ([]span, error) {
	at, vcn := int64(0), first
	bad := func(expected, found any) ([]span, error) {
		return out, cursor.Corrupt("ntfs: mapping pairs", -1, expected, found)
	}
	for i := 0; ; {
		if i >= len(pairs) {
			return bad("an end mark", "the end of the attribute")
		}
		head := pairs[i]
		i++
		if head == 0 {
			return out, nil
		}
		n, m := int(head&15), int(head>>4)
		if n == 0 || n > 8 || m > 8 || n+m > len(pairs)-i {
			return bad("lengths of 1 to 8 bytes", fmt.Sprintf("0x%02x", head))
		}
		count := signed(pairs[i : i+n])
		i += n
		if count <= 0 || count > maxVolume || vcn > maxVolume-count {
			return bad("1 to 2^60 clusters", count)
		}
		run := span{first: vcn, at: -1, count: count}
		if m > 0 {
			d := signed(pairs[i : i+m])
			i += m
			// A difference may not leave the range of what can be added again.
			if d > maxVolume || d < -maxVolume {
				return bad("a cluster of the volume", d)
			}
			if at += d; at < 0 || at > limit-count {
				return bad(fmt.Sprintf("clusters 0 to %d", limit-1), fmt.Sprintf("%d from %d", count, at))
			}
			run.at = at
		}
		if len(out) >= maxRuns {
			return bad(fmt.Sprintf("at most %d runs", maxRuns), "more")
		}
		out = append(out, run)
		vcn += count
	}
}

// signed decodes a little-endian number of 0 to 8 bytes.
func signed(b []byte) int64 {
	var v int64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | int64(b[i])
	}
	if n := len(b); n > 0 && n < 8 && b[n-1]&0x80 != 0 {
		v -= 1 << (8 * n)
	}
	return v
}
