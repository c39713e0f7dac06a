package recovery

import (
	"encoding/binary"
	"io/fs"
	"maps"
	"slices"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// The blob of an entry holds what no filter asks for. It is a version byte and a number of sections, each
// with its tag and length, so that what is empty costs nothing. Numbers are varints; offsets in lists are
// differences to the end of the element before.

const codecVersion = 1

const (
	tagMode = iota + 1
	tagTarget
	tagOwner
	tagTimes
	tagAttributes
	tagRuns
	tagMissing
	tagUncovered
	tagGoodUntil
	tagHints
	tagFindings
	tagAlsoAt
	tagStored
)

type encoder struct{ b []byte }

func (e *encoder) uint(v uint64)   { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)     { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) string(s string) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }

// time keeps nanoseconds and the offset of the zone in seconds, not its name.
func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.uint(0)
		return
	}
	_, zone := t.Zone()
	e.uint(1)
	e.int(t.Unix())
	e.uint(uint64(t.Nanosecond()))
	e.int(int64(zone))
}

func (e *encoder) set(s block.Set) {
	e.uint(uint64(s.Count()))
	at := int64(0)
	for x := range s.All() {
		e.int(x.Offset - at)
		e.uint(uint64(x.Length))
		at = x.End()
	}
}

func (e *encoder) runs(runs []block.Run) {
	e.uint(uint64(len(runs)))
	var logical, physical int64
	for _, r := range runs {
		e.uint(uint64(r.Kind))
		e.int(r.Logical - logical)
		e.uint(uint64(r.Length))
		logical = r.Logical + r.Length
		if r.Kind.Stands() {
			e.int(r.Physical - physical)
			physical = r.Physical + r.Length
		}
	}
}

func (e *encoder) findings(list []finding.Finding) {
	e.uint(uint64(len(list)))
	for _, f := range list {
		e.string(f.Code)
		e.uint(uint64(f.Severity))
		e.int(f.Offset)
		e.int(f.Size)
		e.string(f.Expected)
		e.string(f.Found)
		e.uint(uint64(len(f.Args)))
		for _, k := range slices.Sorted(maps.Keys(f.Args)) {
			e.string(k)
			e.string(f.Args[k])
		}
		e.string(f.Text)
	}
}

// section writes what fill does as the section tag.
func (e *encoder) section(tag uint64, scratch *encoder, fill func(*encoder)) {
	scratch.b = scratch.b[:0]
	fill(scratch)
	e.uint(tag)
	e.uint(uint64(len(scratch.b)))
	e.b = append(e.b, scratch.b...)
}

// encodeEntry returns the blob of e.
func encodeEntry(e *Entry, size int64) []byte {
	out, s := &encoder{b: make([]byte, 0, 128)}, &encoder{}
	out.uint(codecVersion)
	if e.Mode != 0 {
		out.section(tagMode, s, func(s *encoder) { s.uint(uint64(e.Mode)) })
	}
	if e.Target != "" {
		out.section(tagTarget, s, func(s *encoder) { s.string(e.Target) })
	}
	if e.HasOwner {
		out.section(tagOwner, s, func(s *encoder) { s.uint(uint64(e.UID)); s.uint(uint64(e.GID)) })
	}
	if e.Times != (filesystem.Times{}) {
		out.section(tagTimes, s, func(s *encoder) {
			for _, t := range []time.Time{e.Times.Modified, e.Times.Accessed, e.Times.Changed, e.Times.Created, e.Times.Deleted} {
				s.time(t)
			}
			s.uint(bit(e.Times.Local, 0))
		})
	}
	if len(e.Attributes) > 0 {
		out.section(tagAttributes, s, func(s *encoder) {
			s.uint(uint64(len(e.Attributes)))
			for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
				s.string(k)
				s.string(string(e.Attributes[k]))
			}
		})
	}
	if len(e.Runs) > 0 {
		out.section(tagRuns, s, func(s *encoder) { s.runs(e.Runs) })
	}
	if e.Encoding != "" {
		out.section(tagStored, s, func(s *encoder) { s.string(e.Encoding); s.runs(e.Stored) })
	}
	if !e.Missing.Empty() {
		out.section(tagMissing, s, func(s *encoder) { s.set(e.Missing) })
	}
	if !e.Uncovered.Empty() {
		out.section(tagUncovered, s, func(s *encoder) { s.set(e.Uncovered) })
	}
	if e.GoodUntil != size {
		out.section(tagGoodUntil, s, func(s *encoder) { s.int(e.GoodUntil) })
	}
	if h := e.Hints; h.Title != "" || h.Author != "" || h.Camera != "" || !h.Taken.IsZero() {
		out.section(tagHints, s, func(s *encoder) {
			s.string(h.Title)
			s.string(h.Author)
			s.string(h.Camera)
			s.time(h.Taken)
		})
	}
	if len(e.Findings) > 0 {
		out.section(tagFindings, s, func(s *encoder) { s.findings(e.Findings) })
	}
	if len(e.AlsoAt) > 0 {
		out.section(tagAlsoAt, s, func(s *encoder) {
			s.uint(uint64(len(e.AlsoAt)))
			at := int64(0)
			for _, o := range e.AlsoAt {
				s.int(o - at)
				at = o
			}
		})
	}
	return out.b
}

func bit(b bool, n uint) uint64 {
	if b {
		return 1 << n
	}
	return 0
}

// decoder reads what encoder wrote. The first thing that does not fit ends it: every later value is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) string() string { return string(d.bytes()) }

// count reads the length of a list whose elements take at least least bytes each.
func (d *decoder) count(least int) int {
	n := d.uint()
	if n > uint64(len(d.b)/least) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) time() time.Time {
	if d.uint() == 0 {
		return time.Time{}
	}
	sec, nsec, zone := d.int(), d.uint(), d.int()
	loc := time.UTC
	if zone != 0 && zone > -86400*2 && zone < 86400*2 {
		loc = time.FixedZone("", int(zone))
	}
	return time.Unix(sec, int64(nsec)).In(loc)
}

func (d *decoder) set() block.Set {
	list := make([]block.Extent, d.count(2))
	at := int64(0)
	for i := range list {
		list[i].Offset = at + d.int()
		list[i].Length = int64(d.uint())
		if !list[i].Valid() {
			d.fail()
			return block.Set{}
		}
		at = list[i].End()
	}
	return block.SetOf(list...)
}

func (d *decoder) runs() []block.Run {
	list := make([]block.Run, d.count(3))
	var logical, physical int64
	for i := range list {
		r := &list[i]
		r.Kind = block.RunKind(d.uint())
		r.Logical = logical + d.int()
		r.Length = int64(d.uint())
		logical = r.Logical + r.Length
		if r.Kind.Stands() {
			r.Physical = physical + d.int()
			physical = r.Physical + r.Length
		}
		if !r.LogicalExtent().Valid() || !r.PhysicalExtent().Valid() {
			d.fail()
			return nil
		}
	}
	return list
}

func (d *decoder) findings() []finding.Finding {
	list := make([]finding.Finding, d.count(8))
	for i := range list {
		f := &list[i]
		f.Code = d.string()
		f.Severity = finding.Severity(d.uint())
		f.Offset = d.int()
		f.Size = d.int()
		f.Expected = d.string()
		f.Found = d.string()
		if n := d.count(2); n > 0 {
			f.Args = make(map[string]string, n)
			for range n {
				k := d.string()
				f.Args[k] = d.string()
			}
		}
		f.Text = d.string()
	}
	return list
}

// decodeEntry fills e, whose Size is set, from the blob b.
func decodeEntry(b []byte, e *Entry) error {
	d := &decoder{b: b}
	if v := d.uint(); v != codecVersion {
		return cursor.Corrupt("catalogue: entry "+e.ID, -1, codecVersion, v)
	}
	e.GoodUntil = e.Size
	for len(d.b) > 0 && !d.bad {
		tag := d.uint()
		s := &decoder{b: d.bytes()}
		switch tag {
		case tagMode:
			e.Mode = fs.FileMode(s.uint())
		case tagTarget:
			e.Target = s.string()
		case tagOwner:
			e.HasOwner = true
			e.UID, e.GID = uint32(s.uint()), uint32(s.uint())
		case tagTimes:
			t := &e.Times
			for _, p := range []*time.Time{&t.Modified, &t.Accessed, &t.Changed, &t.Created, &t.Deleted} {
				*p = s.time()
			}
			t.Local = s.uint() != 0
		case tagAttributes:
			e.Attributes = map[string][]byte{}
			for range s.count(2) {
				k := s.string()
				e.Attributes[k] = slices.Clone(s.bytes())
			}
		case tagRuns:
			e.Runs = s.runs()
		case tagStored:
			e.Encoding = s.string()
			e.Stored = s.runs()
		case tagMissing:
			e.Missing = s.set()
		case tagUncovered:
			e.Uncovered = s.set()
		case tagGoodUntil:
			e.GoodUntil = s.int()
		case tagHints:
			e.Hints.Title, e.Hints.Author, e.Hints.Camera = s.string(), s.string(), s.string()
			e.Hints.Taken = s.time()
		case tagFindings:
			e.Findings = s.findings()
		case tagAlsoAt:
			e.AlsoAt = make([]int64, s.count(1))
			at := int64(0)
			for i := range e.AlsoAt {
				at += s.int()
				e.AlsoAt[i] = at
			}
		}
		d.bad = d.bad || s.bad
	}
	if d.bad {
		return cursor.Corrupt("catalogue: entry "+e.ID, -1, "a whole record", "one that ends early")
	}
	return nil
}
