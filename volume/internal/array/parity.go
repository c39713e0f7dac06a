package array

import (
	"crypto/subtle"
	"slices"
	"sync"

	"salvor/block"
	"salvor/volume"
)

// parity is the geometry of RAID 4, 5 and 6.
type parity struct {
	rotation Rotation
	chunk    int64
	n        int // parts
	level    int
}

// Parity returns the array of RAID level 4, 5 or 6 over parts of which size bytes each are used; what is no whole
// chunk at the end is not. Level 4 has its parity on the last part, whatever the rotation. It returns nil when the
// numbers cannot be.
func Parity(level int, parts []volume.Placer, size, chunk int64, rotation Rotation) volume.Placer {
	if level == 4 {
		rotation = ParityLast
	}
	g := &parity{rotation: rotation, chunk: chunk, n: len(parts), level: level}
	if level < 4 || level > 6 || !rotation.valid(level) || g.data() < 1 || g.n > MaxParts || chunk <= 0 || size < 0 || size > maxSize/int64(g.n) {
		return nil
	}
	return &array{size: size / chunk * chunk * int64(g.data()), parts: parts, geometry: g}
}

func (g *parity) spare() int {
	if g.level == 6 {
		return 2
	}
	return 1
}

func (g *parity) data() int { return g.n - g.spare() }

func (g *parity) find(off int64, spots []spot) ([]spot, int64) {
	number, rest := off/g.chunk, off%g.chunk
	stripe, data := number/int64(g.data()), int(number%int64(g.data()))
	var part int
	if g.level == 6 {
		part, _, _ = g.rotation.six(stripe, data, g.n)
	} else {
		part, _ = g.rotation.five(stripe, data, g.n)
	}
	return append(spots, spot{part, stripe*g.chunk + rest}), g.chunk - rest
}

// roles are what the parts of one stripe are for.
type roles struct {
	p, q     int // q is -1 where there is none
	exponent []int
}

func (g *parity) roles(stripe int64) roles {
	if g.level != 6 {
		_, p := g.rotation.five(stripe, 0, g.n)
		return roles{p: p, q: -1}
	}
	_, p, q := g.rotation.six(stripe, 0, g.n)
	r := roles{p: p, q: q, exponent: make([]int, g.n)}
	if g.rotation.ddf() {
		for i := range r.exponent {
			r.exponent[i] = i
		}
		return r
	}
	next := 0
	for i := range g.n {
		if part := (q + 1 + i) % g.n; part != p && part != q {
			r.exponent[part] = next
			next++
		}
	}
	return r
}

func (g *parity) restore(parts []volume.Placer, p []byte, want spot) (int, error) {
	r := g.roles(want.offset / g.chunk)
	n := 0
	for n < len(p) {
		m, err := g.solve(parts, r, p[n:], spot{want.part, want.offset + int64(n)})
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// scratch are the buffers of one stripe that is solved: what is read, and the sum for Q.
type scratch struct{ in, q []byte }

var scratches = sync.Pool{New: func() any { return &scratch{} }}

func sized(p []byte, n int) []byte {
	if cap(p) < n {
		p = make([]byte, n)
	}
	return p[:n]
}

// solve gives the first bytes of p, as many as all the parts that it needs have in one piece.
func (g *parity) solve(parts []volume.Placer, r roles, p []byte, want spot) (int, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	length := len(p)
	var gone []int // beside the one that is wanted
	var why block.Unreadable
	for i, part := range parts {
		if part == nil && i != want.part {
			gone = append(gone, i)
			why = block.Unreadable{Why: block.Absent, Err: errMissing}
		}
	}
	for {
		if len(gone) >= g.spare() {
			why.Extent = block.Extent{Offset: want.offset, Length: int64(length)}
			return 0, &block.UnreadableError{Ranges: []block.Unreadable{why}}
		}
		needQ := g.level == 6 && len(gone) == 1 && gone[0] != r.q
		s.in, s.q = sized(s.in, length), sized(s.q, length)
		clear(p[:length])
		clear(s.q)
		i, m, err := g.gather(parts, r, s, p[:length], want, gone, needQ)
		if i < 0 {
			g.finish(r, s, p[:length], want.part, gone, needQ)
			return length, nil
		}
		if _, ok := block.IsUnreadable(err); !ok {
			return 0, err
		}
		if m > 0 {
			length = m // that much can be solved without another part
			continue
		}
		why = failing(err, want.offset, want.offset+int64(length))
		length = int(why.Length)
		gone = append(gone, i)
	}
}

// gather sums up what is read of the parts: into p without factors, into s.q with those of Q. It returns the part at
// which it failed, -1 for none, with the number of bytes that it gave.
func (g *parity) gather(parts []volume.Placer, r roles, s *scratch, p []byte, want spot, gone []int, needQ bool) (int, int, error) {
	for i, part := range parts {
		if i == want.part || slices.Contains(gone, i) || i == r.q && !needQ {
			continue
		}
		m, err := get(part, s.in, want.offset)
		if m < len(s.in) {
			return i, m, err
		}
		if i != r.q {
			subtle.XORBytes(p, p, s.in)
		}
		switch {
		case !needQ || i == r.p:
		case i == r.q:
			subtle.XORBytes(s.q, s.q, s.in)
		default:
			addProduct(s.q, s.in, power(r.exponent[i]))
		}
	}
	return -1, 0, nil
}

// finish turns the sums into the bytes that are wanted.
func (g *parity) finish(r roles, s *scratch, p []byte, want int, gone []int, needQ bool) {
	if !needQ {
		return // the sum of all others is the part that lacks
	}
	x := power(r.exponent[want])
	if gone[0] == r.p {
		copy(p, s.q)
		scale(p, inverse(x))
		return
	}
	// Two of data: a + b is the sum, xa + yb is that of Q. So a is (y times the sum + that of Q) / (x + y).
	y := power(r.exponent[gone[0]])
	scale(p, y)
	subtle.XORBytes(p, p, s.q)
	scale(p, inverse(x^y))
}

func (g *parity) beyond(parts []volume.Placer, want spot, e block.Extent, b *Budget) []block.Unreadable {
	own := lost(parts[want.part], e, b)
	if len(own) == 0 {
		return nil
	}
	var claims block.Claims
	for i, part := range parts {
		if i == want.part {
			continue
		}
		for _, u := range lost(part, e, b) {
			claims.Add(u.Extent)
		}
	}
	others := claims.Any()
	if g.level == 6 {
		others = claims.Shared()
	}
	var out []block.Unreadable
	for _, u := range own {
		for _, c := range others.Within(u.Extent).Extents() {
			out = append(out, block.Unreadable{Extent: c, Why: u.Why, Err: u.Err})
		}
	}
	return out
}
