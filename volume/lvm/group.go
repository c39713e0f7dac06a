package lvm

import (
	"fmt"
	"sort"
	"strings"

	"salvor/cursor"
)

// Bounds of a group.
const (
	maxVolumes  = 1 << 14
	maxMembers  = 4096
	maxSegments = 1 << 17 // of all volumes together
	maxAreasOf  = 1 << 10 // parts of one segment
	maxExtents  = 1 << 40
)

// group is a volume group by its text.
type group struct {
	name       string
	id         string // with dashes
	seqno      int64
	extentSize int64 // bytes
	members    []*physical
	volumes    []*logical
	dropped    int // volumes beyond the bound
	byName     map[string]*logical
	numbers    map[string]int // of members, by name
}

// physical is a physical volume of a group.
type physical struct {
	name    string // "pv0", in the text only
	id      string
	device  string // where it was last
	size    int64  // bytes
	start   int64  // of its extents, bytes
	extents int64
	missing bool // marked as missing
}

// logical is a logical volume of a group.
type logical struct {
	name     string
	id       string
	visible  bool
	moving   bool // an area that extents are being moved through
	segments []*segment
	section  *section
}

// segment is a range of a logical volume.
type segment struct {
	first, count int64 // extents
	kind         string
	parts        []part
	section      *section
}

// part is what a segment stands on: extents of a physical or of a logical volume.
type part struct {
	name  string
	first int64 // extent
}

// size returns the extents of a volume.
func (l *logical) extents() int64 {
	if len(l.segments) == 0 {
		return 0
	}
	s := l.segments[len(l.segments)-1]
	return s.first + s.count
}

// parseGroup reads the text of a group, whose first byte stands at off.
func parseGroup(text []byte, off int64) (*group, error) {
	root, err := parseText(text, off)
	if err != nil {
		return nil, err
	}
	const structure = "lvm: group"
	var top *section
	for _, s := range root.sections {
		if s.text("id") != "" && s.section("physical_volumes") != nil {
			top = s
			break
		}
	}
	if top == nil {
		return nil, cursor.Corrupt(structure, off, "a volume group", "none")
	}
	g := &group{name: top.name, id: plainID(top.text("id")), seqno: top.number("seqno", 0), byName: map[string]*logical{}, numbers: map[string]int{}}
	g.extentSize = top.number("extent_size", 0)
	if g.extentSize <= 0 || g.extentSize > 1<<40 {
		return nil, cursor.Corrupt(structure, off, "a size of extents", g.extentSize)
	}
	g.extentSize *= sector
	for _, s := range top.section("physical_volumes").sections {
		if len(g.members) == maxMembers {
			break
		}
		p := &physical{
			name: s.name, id: plainID(s.text("id")), device: s.text("device"), size: sectors(s.number("dev_size", 0)),
			start: sectors(s.number("pe_start", 0)), extents: s.number("pe_count", 0), missing: s.has("flags", "MISSING") || s.has("status", "MISSING"),
		}
		if _, again := g.numbers[p.name]; !again {
			g.numbers[p.name] = len(g.members)
		}
		g.members = append(g.members, p)
	}
	if lvs := top.section("logical_volumes"); lvs != nil {
		left := maxSegments
		for i, s := range lvs.sections {
			if len(g.volumes) == maxVolumes || left <= 0 {
				g.dropped = len(lvs.sections) - i
				break
			}
			l := &logical{name: s.name, id: plainID(s.text("id")), visible: s.has("status", "VISIBLE"), moving: s.has("status", "PVMOVE"), section: s}
			for _, c := range s.sections {
				if strings.HasPrefix(c.name, "segment") && left > 0 {
					l.segments = append(l.segments, parseSegment(c))
					left--
				}
			}
			sort.SliceStable(l.segments, func(i, j int) bool { return l.segments[i].first < l.segments[j].first })
			g.volumes = append(g.volumes, l)
			if g.byName[l.name] == nil {
				g.byName[l.name] = l
			}
		}
	}
	return g, nil
}

func plainID(id string) string { return dashed(strings.ReplaceAll(id, "-", "")) }

// sectors returns n sectors in bytes, 0 where they cannot be.
func sectors(n int64) int64 {
	if n < 0 || n > 1<<49 {
		return 0
	}
	return n * sector
}

// parseSegment reads a segment. Which lists name its parts depends on its type; each is pairs of a name and an extent,
// or names alone.
func parseSegment(c *section) *segment {
	s := &segment{first: c.number("start_extent", -1), count: c.number("extent_count", -1), kind: c.text("type"), section: c}
	for _, list := range []string{"stripes", "mirrors", "raids", "raid0_lvs"} {
		for _, v := range c.fields[list] {
			if len(s.parts) == maxAreasOf {
				break
			}
			switch {
			case v.isText:
				s.parts = append(s.parts, part{name: v.text})
			case len(s.parts) > 0:
				s.parts[len(s.parts)-1].first = v.number
			}
		}
		if len(s.parts) > 0 {
			break
		}
	}
	return s
}

// valid reports whether the numbers of a segment can be.
func (s *segment) valid() bool {
	return s.first >= 0 && s.count > 0 && s.first <= maxExtents && s.count <= maxExtents
}

func (s *segment) String() string {
	return fmt.Sprintf("%s, %d extents from %d", s.kind, s.count, s.first)
}

// member returns the physical volume of that name with its number, nil where there is none.
func (g *group) member(name string) (int, *physical) {
	if i, ok := g.numbers[name]; ok {
		return i, g.members[i]
	}
	return -1, nil
}
