package imaging

import (
	"io"

	"salvor/block"
)

// ReadLooseMap reads a map file that a person made: its blocks may stand in any order, touch, overlap others of the same
// state, and leave gaps, which were not tried. Blocks of different states that overlap are a [*cursor.CorruptError].
func ReadLooseMap(r io.Reader) (*Map, error) {
	p := &mapReader{m: &Map{Current: NonTried, Pass: 1}, loose: true}
	if err := p.read(r); err != nil {
		return nil, err
	}
	if !p.begun {
		return p.end()
	}
	for _, b := range p.blocks {
		p.size = max(p.size, b.e.End())
	}
	m := p.m
	m.Map = block.NewMap(p.size, Status(0))
	for _, b := range p.blocks {
		for e, s := range m.Within(b.e) {
			if s != 0 && s != b.s {
				return nil, p.corrupt("blocks of one state where they overlap", e.String())
			}
		}
		m.Set(b.e, b.s)
	}
	for e := range m.Where(func(s Status) bool { return s == 0 }).All() {
		m.Set(e, NonTried)
	}
	return m, nil
}
