package ntfs

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

const (
	maxList       = 256 << 10 // bytes of an attribute list, by the format
	maxExtensions = 1 << 16   // records of one file
	maxAstray     = 64        // of them that may belong to others before the list is given up
	maxValue      = 1 << 20   // bytes of an attribute that is read into memory
)

// value is one attribute with all its pieces.
type value struct {
	kind     uint32
	name     string
	flags    uint16
	unit     uint8
	resident bool
	bytes    []byte      // of a resident one
	runs     []block.Run // of a resident one
	spans    []span      // of any other
	headed   bool        // the first piece was met, so that the sizes are known

	allocated, size, initialized int64
}

func (v *value) length() int64 {
	if v.resident {
		return int64(len(v.bytes))
	}
	return v.size
}

// object is all that the records of a file say.
type object struct {
	record
	values   []value
	names    []fileName
	notes    []finding.Finding
	broken   bool // something in it is, so that it is not sound
	listed   bool // it has a list of attributes
	standard *standard
}

// standard is the value of $STANDARD_INFORMATION.
type standard struct {
	times      fileTimes
	attributes uint32
	security   uint32 // id of its descriptor; 0 before version 3.0
}

func (o *object) note(f finding.Finding) {
	if f.Severity != finding.Info {
		o.broken = true
	}
	o.notes = append(o.notes, f)
}

// find returns the attribute of a kind and name, or nil.
func (o *object) find(kind uint32, name string) *value {
	for i := range o.values {
		if v := &o.values[i]; v.kind == kind && v.name == name {
			return v
		}
	}
	return nil
}

// gather reads all attributes of the file whose base record is r.
func (v *volume) gather(r *record) *object {
	o := &object{record: *r}
	at := finding.At(max(r.offset(0), 0), v.b.recordSize)
	if r.torn > 0 {
		o.note(recordTorn.New(at, finding.Expected(0, r.torn)))
	}
	var list []byte
	err := r.attributes(func(a *attribute) bool {
		if a.kind == typeList {
			list, o.listed = v.attributeList(o, a), true
		}
		v.add(o, r, a)
		return true
	})
	if err != nil {
		o.note(recordBroken.New(at, finding.Expected(nil, err)))
	}
	if o.listed {
		v.extensions(o, list)
	}
	return o
}

// attributeList returns the list of attributes of a file that has more than one record.
func (v *volume) attributeList(o *object, a *attribute) []byte {
	if a.resident {
		return a.value
	}
	at := finding.At(o.offset(a.at), 0)
	spans, err := appendPairs(nil, a.pairs, 0, v.b.clusters())
	if err == nil && a.size > maxList {
		err = cursor.Corrupt(o.String()+": attribute list", -1, fmt.Sprintf("at most %d bytes", maxList), a.size)
	}
	if err != nil {
		o.note(listBroken.New(at, finding.Expected(nil, err)))
	}
	p := make([]byte, min(a.size, maxList))
	n, err := block.Join(v.src, v.spanRuns(spans), int64(len(p))).ReadAt(p, 0)
	if n < len(p) {
		o.note(listBroken.New(at, finding.Expected(nil, err)))
	}
	return p[:n]
}

// listed is one entry of a list of attributes.
type listed struct {
	kind  uint32
	first int64 // cluster of the attribute
	at    reference
	id    uint16
}

// parseList decodes a list of attributes and calls visit for each entry.
func parseList(p []byte, visit func(listed)) error {
	for at := 0; at < len(p); {
		c := cursor.New("ntfs: attribute list", int64(at), p[at:])
		e := listed{kind: c.Uint32()}
		size := int(c.Uint16())
		c.Skip(2)
		e.first, e.at, e.id = int64(c.Uint64()), reference(c.Uint64()), c.Uint16()
		if e.kind == 0 || e.kind == typeEnd {
			return nil // some drivers leave room behind the last entry
		}
		if c.Err() != nil {
			return c.Err()
		}
		if size < 26 || size > len(p)-at {
			return cursor.Corrupt("ntfs: attribute list: size of an entry", int64(at+4), fmt.Sprintf("26 to %d", len(p)-at), size)
		}
		visit(e)
		at += size
	}
	return nil
}

// extensions adds the attributes that stand in other records.
func (v *volume) extensions(o *object, list []byte) {
	seen := cursor.NewVisited(maxExtensions)
	seen.Enter(o.number)
	astray := 0
	err := parseList(list, func(e listed) {
		if astray >= maxAstray || !seen.Enter(e.at.number()) {
			return
		}
		r, err := v.table.record(e.at.number())
		if err != nil || !extends(&r, &o.record, e.at) {
			astray++
			o.note(extensionGone.New(finding.At(max(o.offset(0), 0), 0), finding.Arg("record", e.at.number()), finding.Expected(nil, err)))
			return
		}
		if r.torn > 0 {
			o.note(recordTorn.New(finding.At(max(r.offset(0), 0), v.b.recordSize), finding.Expected(0, r.torn)))
		}
		if err := r.attributes(func(a *attribute) bool { v.add(o, &r, a); return true }); err != nil {
			o.note(recordBroken.New(finding.At(max(r.offset(0), 0), v.b.recordSize), finding.Expected(nil, err)))
		}
	})
	if err != nil {
		o.note(listBroken.New(finding.At(max(o.offset(0), 0), 0), finding.Expected(nil, err)))
	}
}

// extends reports whether r holds attributes of the file of base, which names it as at.
func extends(r, base *record, at reference) bool {
	if r.base.number() != base.number {
		return false
	}
	if base.inUse() {
		return r.inUse() && r.sequence == at.sequence() && r.base.sequence() == base.sequence
	}
	// Deleting counts the sequences up, of both.
	own := r.sequence == at.sequence() || held(r.sequence) == at.sequence()
	return !r.inUse() && own && (r.base.sequence() == base.sequence || r.base.sequence() == held(base.sequence))
}

// add joins one attribute, or piece of one, to what is known of the file. r is the record that it stands in.
func (v *volume) add(o *object, r *record, a *attribute) {
	place := finding.At(max(r.offset(a.at), 0), 0)
	switch a.kind {
	case typeList:
		return
	case typeStandard:
		if a.resident && len(a.value) >= standardLength {
			o.standard = parseStandard(a.value)
		}
		return
	case typeName:
		if n, err := parseFileName(a.value, r.offset(a.valueAt)); err != nil {
			o.note(recordBroken.New(place, finding.Expected(nil, err)))
		} else {
			o.names = append(o.names, n)
		}
		return
	}
	if a.resident {
		o.values = append(o.values, value{kind: a.kind, name: a.name, flags: a.flags, resident: true, bytes: a.value,
			runs: r.where(a.valueAt, len(a.value)), headed: true})
		return
	}
	e := o.find(a.kind, a.name)
	if e == nil || e.resident {
		o.values = append(o.values, value{kind: a.kind, name: a.name, flags: a.flags, unit: a.unit})
		e = &o.values[len(o.values)-1]
	}
	if a.first == 0 {
		e.headed = true
		e.allocated, e.size, e.initialized, e.flags, e.unit = a.allocated, a.size, a.initialized, a.flags, a.unit
	}
	spans, err := appendPairs(e.spans, a.pairs, a.first, v.b.clusters())
	e.spans = spans
	if err != nil {
		o.note(pairsBroken.New(place, finding.Expected(nil, err)))
	} else if n := len(spans); n > 0 && a.last >= a.first && spans[n-1].first+spans[n-1].count != a.last+1 {
		o.note(pairsBroken.New(place, finding.Expected(nil, fmt.Sprintf("it ends at cluster %d, expected %d", spans[n-1].first+spans[n-1].count-1, a.last))))
	}
}

func parseStandard(b []byte) *standard {
	s := &standard{times: fileTimes{created: le.Uint64(b), modified: le.Uint64(b[8:]), changed: le.Uint64(b[16:]), accessed: le.Uint64(b[24:])},
		attributes: le.Uint32(b[32:])}
	if len(b) >= 56 {
		s.security = le.Uint32(b[52:])
	}
	return s
}

// spanRuns carries clusters to bytes of the volume.
func (v *volume) spanRuns(spans []span) []block.Run {
	out := make([]block.Run, 0, len(spans))
	size := v.b.clusterSize
	for _, s := range spans {
		r := block.Run{Logical: s.first * size, Length: s.count * size, Kind: block.Zero}
		if s.count > maxVolume/size || s.first > maxVolume/size {
			continue
		}
		if s.at >= 0 {
			r.Kind, r.Physical = block.Data, s.at*size
		}
		out = append(out, r)
	}
	return out
}

// source returns the bytes of an attribute that is not compressed.
func (v *volume) source(e *value) block.Source {
	if e.resident {
		return block.Bytes(e.bytes)
	}
	return block.Join(v.src, v.plainRuns(e), e.size)
}

// plainRuns returns where the bytes of an attribute stand that is not compressed. What was never written
// reads as zeros.
func (v *volume) plainRuns(e *value) []block.Run {
	if e.resident {
		return block.Normalize(e.runs, int64(len(e.bytes)))
	}
	runs := v.spanRuns(e.spans)
	if e.initialized < e.size {
		for i := range runs {
			runs[i].Length = min(runs[i].Length, max(e.initialized-runs[i].Logical, 0))
		}
		runs = append(runs, block.Run{Logical: e.initialized, Length: e.size - e.initialized, Kind: block.Zero})
	}
	return block.Normalize(runs, e.size)
}

// read returns the bytes of a small attribute, or what of it can be read.
func (v *volume) read(e *value, limit int64) ([]byte, error) {
	if e.resident {
		return e.bytes, nil
	}
	if e.size > limit {
		return nil, cursor.Corrupt(fmt.Sprintf("ntfs: attribute 0x%x", e.kind), -1, fmt.Sprintf("at most %d bytes", limit), e.size)
	}
	p := make([]byte, e.size)
	if n, err := v.source(e).ReadAt(p, 0); n < len(p) {
		return p[:n], fmt.Errorf("ntfs: attribute 0x%x: %w", e.kind, err)
	}
	return p, nil
}
