package casefile

import (
	"fmt"
	"html/template"
	"io"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/host"
	"salvor/imaging"
	"salvor/recovery"
)

// The cells of the map of a medium in report.html.
const (
	mapColumns = 64
	mapCells   = 1024
	cellSize   = 10 // of the picture
)

// mediumMap counts what the bytes of a medium are, in cells of equal size.
type mediumMap struct {
	Number int
	Path   string
	Size   int64
	cell   int64
	count  [][mapKinds]int64 // bytes by kind
}

// What the bytes of a cell can be. The first that a cell has any bytes of, of the unreadable ones, or the one that it
// has most of, is shown.
const (
	mapLive = iota
	mapOther
	mapVolume
	mapBad
	mapNotRead
	mapKinds
)

var mapWords = [mapKinds]string{
	mapLive: "files that a volume lists", mapOther: "deleted, older and carved files", mapVolume: "a volume, without a file",
	mapBad: "cannot be read", mapNotRead: "not read yet",
}

var mapClasses = [mapKinds]string{mapLive: "m-live", mapOther: "m-other", mapVolume: "m-volume", mapBad: "m-bad", mapNotRead: "m-unread"}

func newMediumMap(s Source) *mediumMap {
	m := &mediumMap{Number: s.Number, Path: s.Path, Size: s.MediumSize()}
	m.cell = max((m.Size+mapCells-1)/mapCells, 512)
	m.count = make([][mapKinds]int64, max((m.Size+m.cell-1)/m.cell, 1))
	return m
}

// add counts e, whose bytes are of that kind.
func (m *mediumMap) add(e block.Extent, kind int) {
	e = e.Intersect(block.Extent{Length: m.Size})
	for e.Length > 0 {
		i := e.Offset / m.cell
		n := min(e.Length, (i+1)*m.cell-e.Offset)
		m.count[i][kind] += n
		e = block.Between(e.Offset+n, e.End())
	}
}

func (m *mediumMap) addEntry(e *recovery.Entry) {
	kind := entryKind(e)
	for _, list := range [][]block.Run{e.Runs, e.Stored} {
		for _, r := range list {
			if r.Kind.Stands() && r.Kind != block.Foreign {
				m.add(r.PhysicalExtent(), kind)
			}
		}
	}
}

// entryKind returns what the bytes of a file are on the map.
func entryKind(e *recovery.Entry) int {
	if e.Origin == recovery.FromFileSystem && e.State == filesystem.Live {
		return mapLive
	}
	return mapOther
}

// show returns the kind that a cell is shown as, -1 for nothing.
func (m *mediumMap) show(i int) int {
	c := m.count[i]
	switch {
	case c[mapBad] > 0:
		return mapBad
	case c[mapNotRead]*2 > m.cell:
		return mapNotRead
	case c[mapLive] > 0 && c[mapLive] >= c[mapOther]:
		return mapLive
	case c[mapOther] > 0:
		return mapOther
	case c[mapVolume] > 0:
		return mapVolume
	}
	return -1
}

// mapsOf makes the maps of all sources, with their volumes and what could not be read.
func (c *Case) mapsOf(rows []recovery.LayerRow) (map[int]*mediumMap, error) {
	maps := map[int]*mediumMap{}
	for _, s := range c.Record().Sources {
		m := newMediumMap(s)
		maps[s.Number] = m
		for _, r := range rows {
			if r.Source == s.Number && r.Volume > 0 && !r.Rival {
				m.add(r.Extent, mapVolume)
			}
		}
		if _, err := c.ReadMap(s.Number, func(r io.Reader) error {
			read, err := imaging.ReadMap(r)
			if err != nil {
				return err
			}
			for e, state := range read.Fit(m.Size).All() {
				switch state {
				case imaging.Finished:
				case imaging.NonTried:
					m.add(e, mapNotRead)
				default:
					m.add(e, mapBad)
				}
			}
			return nil
		}); err != nil {
			return nil, fmt.Errorf("casefile: report: the map of source %d: %w", s.Number, err)
		}
	}
	return maps, nil
}

// Picture draws the map: cells from left to right, top to bottom, those next to each other of one kind as one.
func (m *mediumMap) Picture() template.HTML {
	rows := (len(m.count) + mapColumns - 1) / mapColumns
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="map" viewBox="0 0 %d %d" role="img" aria-label="%s">`, mapColumns*cellSize, rows*cellSize, template.HTMLEscapeString(m.words()))
	for y := range rows {
		for x := 0; x < mapColumns && y*mapColumns+x < len(m.count); {
			kind, n := m.show(y*mapColumns+x), 1
			for x+n < mapColumns && y*mapColumns+x+n < len(m.count) && m.show(y*mapColumns+x+n) == kind {
				n++
			}
			class, words := "m-none", "nothing that is known"
			if kind >= 0 {
				class, words = mapClasses[kind], mapWords[kind]
			}
			from := int64(y*mapColumns+x) * m.cell
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"><title>%s at byte %d: %s</title></rect>`,
				class, x*cellSize, y*cellSize, n*cellSize-1, cellSize-1, template.HTMLEscapeString(host.Bytes(min(int64(n)*m.cell, m.Size-from))), from, words)
			x += n
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// words says what the picture shows, for those who cannot see it.
func (m *mediumMap) words() string {
	var cells [mapKinds + 1]int
	for i := range m.count {
		cells[m.show(i)+1]++
	}
	var parts []string
	for kind, n := range cells {
		if n == 0 {
			continue
		}
		word := "nothing that is known"
		if kind > 0 {
			word = mapWords[kind-1]
		}
		parts = append(parts, fmt.Sprintf("%s: %d of %d parts", word, n, len(m.count)))
	}
	return strings.Join(parts, "; ")
}

// CellSize returns how many bytes a cell is, for people.
func (m *mediumMap) CellSize() string { return host.Bytes(m.cell) }

// mapKey is a line of the legend.
type mapKey struct{ Class, Words string }

// Legend returns what the colours mean.
func (v *view) Legend() []mapKey {
	var out []mapKey
	for kind := range mapWords {
		out = append(out, mapKey{mapClasses[kind], mapWords[kind]})
	}
	return append(out, mapKey{"m-none", "nothing that is known"})
}
