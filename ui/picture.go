package ui

import (
	"fmt"
	"strings"

	"salvor/host"
	"salvor/imaging"
	"salvor/rescue"
)

// Cells of the picture of a medium: how many stand beside each other, how many there are, and their width.
const (
	cellsAcross = 32
	cellCount   = 512
	cellWide    = 10
)

// cellStates are what a cell is, from the best to the worst: each a letter, under which a picture is kept and sent.
const cellStates = "grsb" // good, rest, slow, bad

// cellNames are what these are called in styles, symbols and words.
var cellNames = map[byte]string{'g': "good", 'r': "rest", 's': "slow", 'b': "bad"}

// rankOf says which state a cell has at least that holds bytes of a status.
var rankOf = map[imaging.Status]int{imaging.Finished: 0, imaging.NonTried: 1, imaging.NonTrimmed: 2, imaging.NonScraped: 2, imaging.BadSector: 3}

// picture is a medium as far as it was read.
type picture struct {
	Source int
	Name   string // of the source; "" while there is only one
	Cells  string // a letter for each part of the medium, the worst that is in it
	Size   int64
	Bytes  [len(cellStates)]int64 // in each state
}

// paint makes the picture of a map. Nothing of the map is kept.
func paint(source int, m *imaging.Map) *picture {
	p := &picture{Source: source, Size: m.Size()}
	if p.Size <= 0 {
		return p
	}
	n := int(min(cellCount, max(p.Size/4096, 1)))
	worst := make([]byte, n)
	for e, status := range m.All() {
		rank := rankOf[status]
		p.Bytes[rank] += e.Length
		for i := cellAt(e.Offset, p.Size, n); i <= cellAt(e.End()-1, p.Size, n); i++ {
			worst[i] = max(worst[i], byte(rank))
		}
	}
	for i, w := range worst {
		worst[i] = cellStates[w]
	}
	p.Cells = string(worst)
	return p
}

// cellAt returns the cell of a byte.
func cellAt(at, size int64, n int) int {
	return min(max(int(float64(at)/float64(size)*float64(n)), 0), n-1)
}

// cell is a part of the picture where it is drawn.
type cell struct {
	X, Y  int
	State string
}

// Drawn returns the cells in their places.
func (p *picture) Drawn() []cell {
	out := make([]cell, len(p.Cells))
	for i := range out {
		out[i] = cell{i % cellsAcross * cellWide, i / cellsAcross * cellWide, cellNames[p.Cells[i]]}
	}
	return out
}

// Wide and High are the size of the drawing.
func (p *picture) Wide() int { return min(len(p.Cells), cellsAcross) * cellWide }

// High is the height of the drawing.
func (p *picture) High() int { return (len(p.Cells) + cellsAcross - 1) / cellsAcross * cellWide }

// share is how much of a medium is in a state.
type share struct{ State, Amount, Percent string }

// Shares says in figures what the picture shows.
func (p *picture) Shares() (list []share) {
	for i, n := range p.Bytes {
		list = append(list, share{cellNames[cellStates[i]], host.Bytes(n), percentOf(n, p.Size)})
	}
	return list
}

// Copied is how much stands safely in the copy.
func (p *picture) Copied() string { return host.Bytes(p.Bytes[0]) }

// percentOf writes a share so that what is not all never reads as all, and what is something never as nothing.
func percentOf(n, size int64) string {
	switch share := 100 * float64(n) / float64(max(size, 1)); {
	case n == 0:
		return "0 %"
	case n == size:
		return "100 %"
	case share < 0.1:
		return "< 0.1 %"
	case share > 99.9:
		return "> 99.9 %"
	default:
		return fmt.Sprintf("%.1f %%", share)
	}
}

// picturesOf returns the pictures of a job: what it tells while it reads, or else what the case keeps.
func (s *Server) picturesOf(now seen, dir string) []*picture {
	list := now.Pictures
	maps, err := rescue.MapsOf(dir, s.o.Program)
	if err != nil {
		return list
	}
	paths := map[int]string{}
	for _, m := range maps {
		paths[m.Source] = m.Path
		if !now.Running || !hasPicture(list, m.Source) {
			list = append(withoutPicture(list, m.Source), paint(m.Source, m.Map))
		}
	}
	if len(list) > 1 {
		for i, p := range list {
			named := *p
			named.Name = plain(strings.Join(names([]string{paths[p.Source]}), ""))
			list[i] = &named
		}
	}
	return list
}

func hasPicture(list []*picture, source int) bool {
	return len(withoutPicture(list, source)) < len(list)
}

// withoutPicture returns the pictures of all sources but one, in a list of its own.
func withoutPicture(list []*picture, source int) (out []*picture) {
	for _, p := range list {
		if p.Source != source {
			out = append(out, p)
		}
	}
	return out
}
