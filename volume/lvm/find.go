package lvm

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxMembers is the largest number of physical volumes that one source is believed to hold.
const MaxMembers = 256

// Stack returns the row for the table of stacks.
func Stack() volume.Stack {
	return volume.Stack{
		Name: "lvm",
		Probes: []probe.Probe{
			{ID: "lvm.label", Bytes: []byte(labelMagic), Align: sector},
			{ID: "lvm.metadata", Bytes: []byte(areaMagic), At: 4, Align: sector},
		},
		Members:  members,
		Assemble: assemble,
	}
}

// detail is what a member of this stack keeps.
type detail struct {
	id       string // UUID of the physical volume, "" where its label is gone
	size     int64
	versions []version // whole ones of all areas: the current of each, or the older ones where that is torn
	torn     bool      // the newest text of an area is
}

// scanner finds the members of one source.
type scanner struct {
	src    block.Source
	out    []volume.Member
	starts map[int64]bool // of members that were found
	rings  int64          // bytes of rings that may still be searched
}

// maxRings is how much of the rings of all members of one source is searched, bytes.
const maxRings = 256 << 20

func members(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Member, error) {
	s := &scanner{src: src, starts: map[int64]bool{}, rings: maxRings}
	places := []int64{0, sector, 2 * sector, 3 * sector}
	// Metadata areas begin behind the label, or at the end.
	metadata := []int64{4096}
	for _, h := range landmarks {
		if h.ID == "lvm.metadata" {
			metadata = append(metadata, h.Offset)
		} else {
			places = append(places, h.Offset)
		}
	}
	seen := map[int64]bool{}
	for _, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at < 0 || at >= src.Size() || seen[at] || len(s.out) >= MaxMembers {
			continue
		}
		seen[at] = true
		s.label(at)
	}
	clear(seen)
	for _, at := range metadata {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at >= 0 && at < src.Size() && !seen[at] && len(s.out) < MaxMembers {
			seen[at] = true
			s.headless(at)
		}
	}
	return s.out, ctx.Err()
}

// label takes up the member whose label stands at off, if one does.
func (s *scanner) label(off int64) {
	b := make([]byte, sector)
	if n, _ := s.src.ReadAt(b, off); n < sector {
		return
	}
	l, err := parseLabel(b, off)
	if err != nil {
		return
	}
	start := off - l.sector*sector
	at := finding.At(off, sector)
	m := volume.Member{Stack: "lvm", Format: "LVM2", ID: l.id, Role: "physical volume", Header: off, Valid: l.sumFound == l.sumWanted}
	d := &detail{id: l.id, size: l.size}
	if !m.Valid {
		m.Findings = append(m.Findings, labelChecksum.New(at, finding.Expected(fmt.Sprintf("%08x", l.sumWanted), fmt.Sprintf("%08x", l.sumFound))))
	}
	if start < 0 {
		m.Findings = append(m.Findings, labelPlace.New(at, finding.Expected(l.sector, off/sector)))
		start, m.Valid = off, false
	}
	if s.starts[start] {
		return // a second label of one member
	}
	m.Extent = block.Extent{Offset: start, Length: l.size}
	if l.size == 0 {
		m.Extent.Length = max(s.src.Size()-start, 0)
	}
	m.Source = block.Section(s.src, m.Extent)
	for _, e := range l.metadata {
		s.area(&m, d, e.Offset)
	}
	if len(l.metadata) == 0 {
		m.Findings = append(m.Findings, noMetadata.New(at))
	}
	s.add(m, d)
}

// headless takes up the member whose metadata area stands at off, when no label did.
func (s *scanner) headless(off int64) {
	b := make([]byte, sector)
	if n, _ := s.src.ReadAt(b, off); n < sector {
		return
	}
	a, err := parseArea(b, off)
	if err != nil || a.start > off || a.sumFound != a.sumWanted {
		return
	}
	start := off - a.start
	for at := range s.starts {
		if e := s.extent(at); at == start || e.Has(off) {
			return
		}
	}
	m := volume.Member{
		Stack: "lvm", Format: "LVM2", Role: "physical volume without a label", Header: off, Backup: true,
		Extent: block.Between(start, s.src.Size()),
	}
	m.Source = block.Section(s.src, m.Extent)
	m.Findings = append(m.Findings, labelLost.New(finding.At(start, 4*sector)))
	d := &detail{}
	s.area(&m, d, a.start)
	if len(d.versions) > 0 {
		m.Valid = !d.torn // all checks of what is left
		s.add(m, d)
	}
}

// extent returns what the member that starts there covers.
func (s *scanner) extent(start int64) block.Extent {
	for _, m := range s.out {
		if m.Extent.Offset == start {
			return m.Extent
		}
	}
	return block.Extent{Offset: start}
}

// area reads the metadata area at off of a member.
func (s *scanner) area(m *volume.Member, d *detail, off int64) {
	at := finding.At(m.Extent.Offset+off, sector)
	b, err := cursor.Read(m.Source, "lvm: metadata area", off, sector, sector)
	if err != nil {
		m.Findings = append(m.Findings, headerUnreadable.New(at))
		return
	}
	a, err := parseArea(b, off)
	if err != nil {
		return // an area that was never written, or is lost
	}
	sound := a.sumFound == a.sumWanted
	if !sound {
		m.Findings = append(m.Findings, headerChecksum.New(at, finding.Expected(fmt.Sprintf("%08x", a.sumWanted), fmt.Sprintf("%08x", a.sumFound))))
	}
	if a.start = off; a.place == 0 || a.ignored {
		return
	}
	if sound {
		if v, f := a.newest(m.Source, m.Extent.Offset); v != nil {
			d.versions = append(d.versions, *v)
			return
		} else if f != nil {
			m.Findings = append(m.Findings, *f)
		}
	}
	d.torn = true
	m.Backup = true
	torn := int64(-1)
	if sound {
		torn = a.place
	}
	if s.rings -= min(a.size, maxRing); s.rings < 0 {
		return
	}
	d.versions = append(d.versions, a.olderVersions(m.Source, torn)...)
}

// newest returns the current text of an area, or what is wrong with it. base is where the member begins.
func (a area) newest(src block.Source, base int64) (*version, *finding.Finding) {
	at := finding.At(base+a.start+a.place, min(a.length, maxText))
	text, err := a.current(src)
	if err != nil {
		f := textBroken.New(at, finding.Expected("a text", err))
		if c, ok := cursor.IsCorrupt(err); ok {
			f = textBroken.New(at, finding.Expected(c.Expected, c.Found))
		}
		return nil, &f
	}
	if got := sum(text); got != a.textSum {
		f := textChecksum.New(at, finding.Expected(fmt.Sprintf("%08x", a.textSum), fmt.Sprintf("%08x", got)))
		return nil, &f
	}
	g, err := parseGroup(text, a.start+a.place)
	if err != nil {
		f := textBroken.New(at, finding.Expected("a volume group", err))
		if c, ok := cursor.IsCorrupt(err); ok {
			f = textBroken.New(at, finding.Expected(c.Expected, c.Found))
		}
		return nil, &f
	}
	return &version{group: g, seqno: g.seqno, offset: a.start + a.place}, nil
}

// add takes up a member with what its metadata says of it.
func (s *scanner) add(m volume.Member, d *detail) {
	if v := newest(d.versions); v != nil {
		m.Set, m.Label = v.group.id, v.group.name
		for _, p := range v.group.members {
			if p.id == d.id && p.id != "" {
				m.Role = "physical volume " + p.name
			}
		}
	}
	m.Detail = d
	s.starts[m.Extent.Offset] = true
	s.out = append(s.out, m)
}

// newest returns the version with the highest number; of equal ones one that a checksum holds.
func newest(list []version) *version {
	var best *version
	for i := range list {
		v := &list[i]
		if best == nil || v.seqno > best.seqno || v.seqno == best.seqno && best.older && !v.older {
			best = v
		}
	}
	return best
}
