package layers

import (
	"fmt"
	"slices"

	"salvor/block"
)

// Slot is a partition of a table as it should be.
type Slot struct {
	Number    int
	Extent    block.Extent // on the medium, bytes
	Type      string       // GUID in upper case, or "0x83"
	TypeName  string
	Name      string
	UUID      string
	Active    bool
	Container bool // it only holds others
	Flags     uint64
	Notes     []string
	// Volume is what stands at its start; nil when nothing was recognised.
	Volume *Layer
	Score  int // 0 to 100: how well it is known that it was there, and where
	// Evidence says why it is here, and Doubts what speaks against it or is not known, in words.
	Evidence, Doubts []string
}

// Partitioning is a partition table that was put together from all copies of tables and from the volumes themselves.
type Partitioning struct {
	Scheme     string // "gpt", "mbr", or the scheme of the table that was taken
	SectorSize int64
	Size       int64 // of the medium, bytes
	UUID       string
	Slots      []Slot
	Evidence   []string
	Doubts     []string
}

// Partition says what the table of a disk should be. scheme is "gpt" or "mbr" to choose, or "" for the one that was there,
// as far as that is known. A medium with a volume on all of it has no slots.
func Partition(root *Layer, scheme string) *Partitioning {
	t := &Partitioning{SectorSize: 512, Size: root.Extent.Length}
	var chosen *Layer
	for _, l := range root.Children {
		if l.Table != nil && !l.Rival && slices.ContainsFunc(l.Children, func(c *Layer) bool { return c.Entry != nil }) {
			chosen = l
		}
	}
	if chosen != nil {
		t.take(chosen)
	}
	t.lost(root, chosen)
	t.chooseScheme(root, chosen, scheme)
	for i := range t.Slots {
		t.pairs(&t.Slots[i])
	}
	slices.SortStableFunc(t.Slots, func(a, b Slot) int { return a.Number - b.Number })
	return t
}

// take begins with the table that was accepted.
func (t *Partitioning) take(l *Layer) {
	t.Scheme, t.SectorSize, t.UUID = l.Table.Scheme, l.Table.SectorSize, l.UUID
	words := fmt.Sprintf("%s at 0x%X", l.Table.Scheme, l.Table.Offset)
	if l.Table.Copy != "" {
		words = fmt.Sprintf("%s (%s) at 0x%X", l.Table.Scheme, l.Table.Copy, l.Table.Offset)
	}
	if l.Table.Valid {
		words += ", all its checks agree"
	} else {
		t.Doubts = append(t.Doubts, words+" is damaged: its entries are taken where nothing speaks against them")
	}
	t.Evidence = append(t.Evidence, words)
	for _, c := range l.Children {
		if c.Entry == nil {
			continue
		}
		e := c.Entry
		s := Slot{
			Number: e.Number, Extent: c.Extent, Type: e.Type, TypeName: e.TypeName, Name: e.Name, UUID: e.UUID, Active: e.Active,
			Container: e.Container, Flags: e.Flags, Notes: e.Notes, Score: l.Score, Evidence: []string{"entry of the " + words},
		}
		if e.Runs != nil {
			s.Doubts = append(s.Doubts, "it stands in several pieces, of which this is the first")
		}
		for _, f := range c.Findings {
			s.Doubts = append(s.Doubts, f.Text)
		}
		t.volume(&s, c)
		t.Slots = append(t.Slots, s)
	}
}

// volume adds what the volume in a partition says to its slot.
func (t *Partitioning) volume(s *Slot, part *Layer) {
	for _, v := range part.Children {
		if v.Volume == 0 || v.Rival || v.Extent.Offset != s.Extent.Offset {
			continue
		}
		s.Volume, s.Score = v, max(s.Score, v.Score)
		s.Evidence = append(s.Evidence, describe(v))
		if v.Extent.Length > s.Extent.Length {
			s.Doubts = append(s.Doubts, fmt.Sprintf("the volume is %d bytes long, the partition %d", v.Extent.Length, s.Extent.Length))
		}
		return
	}
}

// describe says of a volume what speaks for it.
func describe(v *Layer) string {
	words := v.Kind
	if v.Label != "" {
		words += fmt.Sprintf(" %q", v.Label)
	}
	words += fmt.Sprintf(" at 0x%X, %d bytes", v.Extent.Offset, v.Extent.Length)
	if v.Readable {
		words += ", its directories read"
	}
	for _, f := range v.Findings {
		if f.Code == volumeBackup.Code {
			words += ", by a backup of its main structure"
		}
	}
	return words
}

// lost adds a slot for each volume that no partition of the table begins with.
func (t *Partitioning) lost(root, chosen *Layer) {
	for _, v := range root.Volumes() {
		if v.Medium != root.Medium || slices.ContainsFunc(t.Slots, func(s Slot) bool { return s.Volume == v }) {
			continue
		}
		if p := v.Parent; p != nil && p.Volume > 0 {
			continue // it stands inside of another volume
		}
		if v.Extent.Offset == 0 {
			t.Doubts = append(t.Doubts, "no table: "+describe(v)+" begins where the medium does")
			continue
		}
		s := Slot{Extent: v.Extent, Volume: v, Score: v.Score, Evidence: []string{describe(v)}}
		// A table that lost, or another copy, may still name it: it then gives the partition's own size, name and type.
		if e, l := claimedBy(root, chosen, v); e != nil {
			s.Number, s.Type, s.TypeName, s.Name, s.UUID, s.Active, s.Flags, s.Notes = e.Number, e.Type, e.TypeName, e.Name, e.UUID, e.Active, e.Flags, e.Notes
			s.Extent = e.Extent
			s.Evidence = append(s.Evidence, fmt.Sprintf("also an entry of the %s at 0x%X", l.Table.Scheme, l.Table.Offset))
		} else {
			s.Doubts = append(s.Doubts, "no table names it: its size is that of the volume, and the partition may have been larger")
		}
		s.Extent = s.Extent.Intersect(block.Extent{Length: root.Extent.Length})
		s.Extent.Length = (s.Extent.Length + t.SectorSize - 1) / t.SectorSize * t.SectorSize
		if v.State == Damaged {
			s.Doubts = append(s.Doubts, "the volume is damaged")
		}
		for i := range t.Slots {
			o := &t.Slots[i]
			if !o.Container && o.Extent.Overlaps(s.Extent) {
				s.Doubts = append(s.Doubts, fmt.Sprintf("it overlaps partition %d", o.Number))
				o.Doubts = append(o.Doubts, fmt.Sprintf("%s stands inside of it or across its border", describe(v)))
			}
		}
		if chosen != nil && len(s.Doubts) > 0 && t.covers(s.Extent) {
			continue // one of the two must give way; what the table says is kept, and the doubt told
		}
		if s.Number == 0 || slices.ContainsFunc(t.Slots, func(o Slot) bool { return o.Number == s.Number }) {
			s.Number = t.free(s.Extent)
		}
		t.Slots = append(t.Slots, s)
	}
}

// covers reports whether a partition of the table overlaps e.
func (t *Partitioning) covers(e block.Extent) bool {
	return slices.ContainsFunc(t.Slots, func(o Slot) bool { return !o.Container && o.Extent.Overlaps(e) })
}

// claimedBy returns the entry of another table that begins where v does and can hold it.
func claimedBy(root, chosen, v *Layer) (e *entry, of *Layer) {
	for _, l := range root.Children {
		if l == chosen || l.Table == nil {
			continue
		}
		for i := range l.Table.Entries {
			o := &l.Table.Entries[i]
			if !o.Container && o.Runs == nil && o.Extent.Offset == v.Extent.Offset && o.Extent.Length >= v.Extent.Length && o.Extent.End() <= root.Extent.Length &&
				(e == nil || l.Score > of.Score) {
				e, of = o, l
			}
		}
	}
	return e, of
}

// free returns a number that no slot has: one of a logical partition for what stands in an extended one.
func (t *Partitioning) free(e block.Extent) int {
	n := 1
	if slices.ContainsFunc(t.Slots, func(s Slot) bool { return s.Container && t.Scheme == "mbr" && s.Extent.Contains(e) }) {
		n = 5
	}
	for slices.ContainsFunc(t.Slots, func(s Slot) bool { return s.Number == n }) {
		n++
	}
	return n
}

// pairs notes that another partition has the very size of s, as pairs of slots have.
func (t *Partitioning) pairs(s *Slot) {
	for _, o := range t.Slots {
		if o.Number != s.Number && o.Extent.Length == s.Extent.Length && !s.Container && !o.Container && s.Extent.Length >= mib {
			s.Evidence = append(s.Evidence, fmt.Sprintf("of the same size as partition %d, as pairs of slots are", o.Number))
			return
		}
	}
}
