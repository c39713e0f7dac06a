package crypt

import (
	"cmp"
	"errors"
	"io"
	"runtime"
	"slices"
	"sort"
	"sync"

	"salvor/block"
	"salvor/volume"
)

// Piece is a part of the plain volume that is made in one way.
type Piece struct {
	Logical, Length int64 // on the plain volume, bytes
	// Physical is where the bytes stand on the encrypted source. It has no meaning for Zero, Lost and Fixed.
	Physical int64
	Kind     PieceKind
	// Sectors decrypts an Encrypted piece, whose first sector has Number.
	Sectors *Sectors
	Number  uint64
	// Bytes are those of a Fixed piece.
	Bytes []byte
	// Why says why a Lost piece is lost.
	Why error
}

// PieceKind says how a piece is made.
type PieceKind uint8

// The kinds of pieces.
const (
	Encrypted PieceKind = iota // decrypted by sectors
	Plain                      // stands there as it is
	Zero                       // reads as zeros by the format's word
	Lost                       // cannot be had
	Fixed                      // made of what the header says
	// Mixed holds encrypted and plain sectors beside each other. A sector that does not look random is plain; one
	// that does not once it is decrypted was encrypted; one that looks random either way is unreadable, since
	// nothing tells which it is.
	Mixed
)

// errUndecided is why a sector of a Mixed piece cannot be read.
var errUndecided = errors.New("nothing tells whether this sector is encrypted")

// granule returns the part of the piece that can be read without what stands around it, bytes.
func (c *Piece) granule() int64 {
	switch c.Kind {
	case Encrypted:
		return int64(c.Sectors.granule)
	case Mixed:
		return int64(c.Sectors.size)
	}
	return 1
}

// ciphered reports whether the piece is read through a cipher.
func (c *Piece) ciphered() bool { return c.Kind == Encrypted || c.Kind == Mixed }

// leastDistinct is how many values the bytes of 512 random ones have at least: 221 on average, with a deviation of 5.
const leastDistinct = 160

// Random reports whether the first 512 bytes of p look random, as all that is encrypted does.
func Random(p []byte) bool {
	var seen [256]bool
	distinct := 0
	for _, b := range p[:min(len(p), MinSector)] {
		if !seen[b] {
			seen[b] = true
			distinct++
		}
	}
	return distinct >= leastDistinct
}

// chunk is how many bytes are decrypted at once in memory of the source's own.
const chunk = 128 << 10

// Source is the plain volume.
type Source struct {
	src    block.Source
	pieces []Piece
	size   int64
	chunks sync.Pool
}

var _ volume.Placer = (*Source)(nil)

// NewSource puts the plain volume of size bytes together. Pieces may stand in any order; where two overlap the
// one that is given first wins, and what none covers is lost. An Encrypted piece is cut so that it begins and ends
// with a sector of its own.
func NewSource(src block.Source, pieces []Piece, size int64) *Source {
	s := &Source{src: src, size: max(size, 0)}
	s.chunks.New = func() any { return new([chunk]byte) }
	var taken block.Set
	for _, p := range pieces {
		whole := block.Extent{Offset: p.Logical, Length: p.Length}.Intersect(block.Extent{Length: s.size})
		for _, e := range block.SetOf(whole).Subtract(taken).Extents() {
			if part, ok := p.cut(e); ok {
				s.pieces = append(s.pieces, part)
				taken.Add(block.Extent{Offset: part.Logical, Length: part.Length})
			}
		}
	}
	for _, e := range block.SetOf(block.Extent{Length: s.size}).Subtract(taken).Extents() {
		s.pieces = append(s.pieces, Piece{Logical: e.Offset, Length: e.Length, Kind: Lost})
	}
	slices.SortFunc(s.pieces, func(a, b Piece) int { return cmp.Compare(a.Logical, b.Logical) })
	return s
}

// cut returns the part of p inside the logical extent e.
func (p Piece) cut(e block.Extent) (Piece, bool) {
	if p.ciphered() {
		size := int64(p.Sectors.size)
		start := p.Logical + (e.Offset-p.Logical+size-1)/size*size
		e = block.Between(start, start+max(e.End()-start, 0)/size*size)
		p.Number += uint64((start-p.Logical)/size) * p.Sectors.step
	}
	d := e.Offset - p.Logical
	p.Logical, p.Length, p.Physical = e.Offset, e.Length, p.Physical+d
	if p.Kind == Fixed {
		p.Bytes = p.Bytes[d : d+e.Length]
	}
	return p, e.Length > 0
}

// Size returns the size of the plain volume in bytes.
func (s *Source) Size() int64 { return s.size }

// at returns the number of the first piece that ends behind off.
func (s *Source) at(off int64) int {
	return sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].Logical+s.pieces[i].Length > off })
}

// ReadAt reads plain bytes.
func (s *Source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	n := 0
	for i := s.at(off); i < len(s.pieces) && n < len(p); i++ {
		c := &s.pieces[i]
		at := off + int64(n) - c.Logical
		m, err := s.read(c, p[n:][:min(int64(len(p)-n), c.Length-at)], at)
		n += m
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills p from the byte at of the piece, which has that many.
func (s *Source) read(c *Piece, p []byte, at int64) (int, error) {
	switch c.Kind {
	case Zero:
		clear(p)
		return len(p), nil
	case Fixed:
		return copy(p, c.Bytes[at:]), nil
	case Plain:
		n, err := s.src.ReadAt(p, c.Physical+at)
		if n == len(p) {
			return n, nil
		}
		return n, s.failed(c, err, at+int64(n))
	case Lost:
		return 0, block.NewUnreadable(block.Extent{Offset: c.Logical, Length: c.Length}, block.Absent, c.Why)
	}
	g := c.granule()
	done := 0
	for done < len(p) {
		pos := at + int64(done)
		rest := p[done:]
		if pos%g == 0 && int64(len(rest)) >= g {
			rest = rest[:int64(len(rest))/g*g]
			n, err := s.decrypt(c, rest, pos)
			done += n
			if err != nil {
				return done, err
			}
			continue
		}
		// A part of a granule, and what follows it up to the next chunk.
		buf := s.chunks.Get().(*[chunk]byte)
		start := pos - pos%g
		want := min(int64(chunk), (pos+int64(len(rest))-start+g-1)/g*g)
		n, err := s.decrypt(c, buf[:want], start)
		if skip := int(pos - start); n > skip {
			done += copy(rest, buf[skip:n])
		}
		s.chunks.Put(buf)
		if err != nil && done < len(p) {
			return done, err
		}
	}
	return done, nil
}

// decrypt fills p with plain bytes from the byte at of the piece; both are multiples of the granule.
func (s *Source) decrypt(c *Piece, p []byte, at int64) (int, error) {
	n, err := s.src.ReadAt(p, c.Physical+at)
	whole := n
	if n < len(p) {
		whole -= n % int(c.granule())
		err = s.failed(c, err, at+int64(whole))
	} else {
		err = nil
	}
	if c.Kind == Encrypted {
		c.spread(p[:whole], at)
		return whole, err
	}
	if done, ok := c.sort(p[:whole], at); !ok {
		bad := block.Extent{Offset: c.Logical + at + int64(done), Length: int64(c.Sectors.size)}
		return done, block.NewUnreadable(bad, block.Absent, errUndecided)
	}
	return whole, err
}

// spread decrypts p, which stands at of the piece, on as many processors as that is worth.
func (c *Piece) spread(p []byte, at int64) {
	part := max(len(p)/runtime.GOMAXPROCS(0), chunk/2)
	var wg sync.WaitGroup
	for len(p) >= 2*part {
		// Parts begin with sectors.
		n := part - int((at+int64(part))%int64(c.Sectors.size))
		own, where := p[:n], at
		wg.Go(func() { c.Sectors.decrypt(own, c.Number, where) })
		p, at = p[n:], at+int64(n)
	}
	c.Sectors.decrypt(p, c.Number, at)
	wg.Wait()
}

// sort decrypts the sectors of p, which stand at of a Mixed piece, that are encrypted. It stops at the first that
// does not tell.
func (c *Piece) sort(p []byte, at int64) (done int, ok bool) {
	var plain [MaxSector]byte
	for size := c.Sectors.size; done < len(p); done += size {
		sector := p[done : done+size]
		if !Random(sector) {
			continue
		}
		copy(plain[:], sector)
		c.Sectors.decrypt(plain[:size], c.Number, at+int64(done))
		if Random(plain[:size]) {
			return done, false
		}
		copy(sector, plain[:size])
	}
	return done, true
}

// failed turns the error of a read, which stopped in the granule at of the piece, into one of the plain volume.
func (s *Source) failed(c *Piece, err error, at int64) error {
	if err == nil || errors.Is(err, io.EOF) {
		return block.NewUnreadable(block.Between(c.Logical+at, c.Logical+c.Length), block.Absent, io.ErrUnexpectedEOF)
	}
	u, ok := block.IsUnreadable(err)
	if !ok {
		return err
	}
	moved := &block.UnreadableError{Ranges: c.widen(u.Ranges)}
	if len(moved.Ranges) == 0 {
		moved.Ranges = []block.Unreadable{{Extent: block.Extent{Offset: c.Logical + at, Length: 1}, Why: block.Bad, Err: err}}
	}
	return moved
}

// widen carries what of the source cannot be read to what of the plain volume cannot be.
func (c *Piece) widen(list []block.Unreadable) []block.Unreadable {
	g := c.granule()
	var out []block.Unreadable
	for _, u := range list {
		e := u.Extent.Intersect(block.Extent{Offset: c.Physical, Length: c.Length}).Shift(-c.Physical)
		if e.Length == 0 {
			continue
		}
		e = block.Between(c.Logical+e.Offset/g*g, c.Logical+min((e.End()+g-1)/g*g, c.Length))
		if n := len(out); n > 0 && out[n-1].End() > e.Offset {
			e = block.Between(out[n-1].End(), e.End())
			if e.Length == 0 {
				continue
			}
		}
		out = append(out, block.Unreadable{Extent: e, Why: u.Why, Err: u.Err})
	}
	return out
}

// Unreadable returns what of within is known to be unreadable.
func (s *Source) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	within = within.Intersect(block.Extent{Length: s.size})
	for i := s.at(within.Offset); i < len(s.pieces) && s.pieces[i].Logical < within.End(); i++ {
		c := &s.pieces[i]
		e := within.Intersect(block.Extent{Offset: c.Logical, Length: c.Length})
		if e.Length == 0 {
			continue
		}
		switch c.Kind {
		case Lost:
			out = append(out, block.Unreadable{Extent: e, Why: block.Absent, Err: c.Why})
		case Plain, Encrypted, Mixed:
			// A bad byte anywhere in a granule spoils all of it.
			below, g := e.Shift(c.Physical-c.Logical), c.granule()
			d := (e.Offset - c.Logical) % g
			below = block.Extent{Offset: below.Offset - d, Length: min((below.Length+d+g-1)/g*g, c.Length)}
			have := below.Intersect(block.Extent{Length: s.src.Size()})
			list := block.UnreadableIn(s.src, have)
			if rest := block.Between(max(have.End(), below.Offset), below.End()); rest.Length > 0 {
				list = append(slices.Clone(list), block.Unreadable{Extent: rest, Why: block.Absent})
			}
			for _, u := range c.widen(list) {
				if u.Extent = u.Extent.Intersect(e); u.Length > 0 {
					out = append(out, u)
				}
			}
		}
	}
	return out
}

// Places returns where the encrypted bytes of within stand on the source.
func (s *Source) Places(within block.Extent) []volume.Place {
	var out []volume.Place
	within = within.Intersect(block.Extent{Length: s.size})
	for i := s.at(within.Offset); i < len(s.pieces) && s.pieces[i].Logical < within.End(); i++ {
		c := &s.pieces[i]
		e := within.Intersect(block.Extent{Offset: c.Logical, Length: c.Length})
		if e.Length > 0 && (c.ciphered() || c.Kind == Plain) {
			out = append(out, volume.Place{Logical: e.Offset, Length: e.Length, Physical: e.Offset - c.Logical + c.Physical})
		}
	}
	return out
}
