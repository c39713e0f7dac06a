package ntfs

import (
	"context"

	"salvor/block"
)

const (
	changeDeleted   = 0x200  // reasons
	changeOldName   = 0x1000 // the record tells the name before a change of it
	changeHeader    = 60
	changeHeaderV3  = 76
	maxChangeRecord = 1024
	changeDirectory = 0x10
	maxJournal      = 16 << 30 // bytes that are read of a journal
)

// change is a record of the journal of changes.
type change struct {
	file, parent reference
	time         uint64
	reason       uint32
	attributes   uint32
	name         string
	at           int
}

// parseChange decodes the record at the start of b; n is its length, 0 when there is none.
func parseChange(b []byte) (c change, n int) {
	if len(b) < changeHeader {
		return c, 0
	}
	size := int(min(le.Uint32(b), maxChangeRecord+1))
	if size < changeHeader || size > maxChangeRecord || size%8 != 0 || size > len(b) || le.Uint16(b[6:]) != 0 {
		return c, 0
	}
	at := 8 // behind the two references
	switch le.Uint16(b[4:]) {
	case 2:
		c.file, c.parent = reference(le.Uint64(b[8:])), reference(le.Uint64(b[16:]))
		at = 24
	case 3: // references of 128 bits, of which NTFS uses half
		if size < changeHeaderV3 || le.Uint64(b[16:]) != 0 || le.Uint64(b[32:]) != 0 {
			return c, 0
		}
		c.file, c.parent = reference(le.Uint64(b[8:])), reference(le.Uint64(b[24:]))
		at = 40
	default:
		return c, 0
	}
	c.time, c.reason, c.attributes = le.Uint64(b[at+8:]), le.Uint32(b[at+16:]), le.Uint32(b[at+28:])
	length, from := int(le.Uint16(b[at+32:])), int(le.Uint16(b[at+34:]))
	if from != at+36 || length == 0 || length%2 != 0 || length > 2*maxNameUnits || from+length > size || size > from+length+16 {
		return c, 0
	}
	c.name = text(b[from : from+length])
	likely := fileName{name: c.name, times: fileTimes{created: c.time}}
	if c.file.number() == 0 || c.file.sequence() == 0 || c.parent.sequence() == 0 || c.reason == 0 || !likely.likely() {
		return c, 0
	}
	return c, size
}

// carveChanges calls visit for the records of a journal of changes in b, wherever they begin at a multiple of 8.
func carveChanges(b []byte, visit func(change)) {
	for p := 0; p+changeHeader <= len(b); {
		if b[p] == 0 && b[p+1] == 0 {
			p += 8
			continue
		}
		c, n := parseChange(b[p:])
		if n == 0 {
			p += 8
			continue
		}
		c.at = p
		visit(c)
		p += n
	}
}

// change takes from a record of the journal what it says of a file that is not in use any more.
func (s *survey) change(c change, at int64) {
	if c.reason&changeDeleted != 0 && (len(s.removed) < maxLeads || s.removed[c.file] > 0) {
		s.removed[c.file] = max(s.removed[c.file], c.time)
	}
	if c.reason&changeOldName != 0 {
		return
	}
	n := fileName{parent: c.parent, name: c.name, times: fileTimes{changed: c.time}}
	if c.attributes&changeDirectory != 0 {
		n.attributes = attrDirectory
	}
	s.lead(c.file, lead{n, nameFromJournal, at, false})
}

// surveyJournal reads the journal of changes, whose older part was given back and reads as a hole.
func (v *volume) surveyJournal(ctx context.Context, s *survey) {
	if s.journal == 0 {
		return
	}
	o := v.system(s.journal)
	if o == nil {
		return
	}
	e := o.find(typeData, "$J")
	if e == nil {
		return
	}
	buf := make([]byte, chunkSize+maxChangeRecord)
	left := int64(maxJournal)
	for _, r := range v.plainRuns(e) {
		if !r.Kind.Stands() {
			continue
		}
		src := block.Section(v.src, r.PhysicalExtent())
		for at := int64(0); at < r.Length && left > 0; at += chunkSize {
			if ctx.Err() != nil {
				return
			}
			left -= chunkSize
			n, _ := src.ReadAt(buf[:min(int64(len(buf)), r.Length-at)], at)
			carveChanges(buf[:n], func(c change) {
				if c.at < chunkSize {
					s.change(c, r.Physical+at+int64(c.at))
				}
			})
		}
	}
}
