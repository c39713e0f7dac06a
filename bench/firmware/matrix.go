package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"salvor/block"
	"salvor/firmware"
)

// count is what became of damaged files of one kind.
type count struct {
	all, no, region, cannot, ok int
	unread                      int // OK, where the damage is in bytes that nothing reads
	seen                        int // by the maker's tool
}

// row is a line of the matrix.
type row struct {
	recipe
	whole                firmware.Answer
	flips, cuts, zeros   count
	none, genuine, other firmware.Answer // genuine: without a key, with the right one, with another
	board, wrongBoard    firmware.Answer
	taken, judged        bool // by the maker's tool
	problems             []string
}

// damage is one way in which a good file is damaged.
type damage struct {
	what   string
	p      []byte
	extent block.Extent // what is not as it was
	count  func(*row) *count
}

// places are the parts and checks of a file that was opened, and where each begins and ends.
func places(root *firmware.Part) (edges []int64, extents []block.Extent) {
	var walk func(p *firmware.Part, at int64)
	walk = func(p *firmware.Part, at int64) {
		add := func(e block.Extent) {
			e.Offset += at
			extents = append(extents, e)
			edges = append(edges, e.Offset, e.End())
		}
		add(block.Extent{Length: p.Size})
		for _, c := range p.Checks {
			add(c.Extent)
		}
		for _, c := range p.Children {
			if !c.Unpacked {
				walk(c, at+c.Offset)
			}
		}
	}
	walk(root, 0)
	slices.Sort(edges)
	return slices.Compact(edges), extents
}

// pointsAt reports whether a check that failed is over a place of the file, or over what was unpacked from there.
func pointsAt(root *firmware.Part, e block.Extent) bool {
	touches := func(a block.Extent) bool { return a.Offset < e.End() && e.Offset < a.End() }
	var walk func(p *firmware.Part, at int64, inside bool) bool
	walk = func(p *firmware.Part, at int64, inside bool) bool {
		for _, c := range p.Checks {
			placed := c.Extent
			placed.Offset += at
			if c.State == firmware.Failed && (inside || touches(placed)) {
				return true
			}
		}
		for _, c := range p.Children {
			if c.Unpacked {
				if walk(c, 0, inside || touches(block.Extent{Offset: at, Length: p.Size})) {
					return true
				}
			} else if walk(c, at+c.Offset, inside) {
				return true
			}
		}
		return false
	}
	return walk(root, 0, false)
}

// damages are flips in every region, cuts at every boundary and between, and files whose rest was never written: what a download
// manager leaves that takes the space first.
func damages(p []byte, root *firmware.Part, seed uint64, flips, cuts int) (out []damage) {
	rnd := rand.New(rand.NewPCG(seed, 8))
	edges, extents := places(root)
	flip := func(at int64) {
		q := bytes.Clone(p)
		q[at] ^= 1 << rnd.IntN(8)
		out = append(out, damage{fmt.Sprintf("bit flipped at %d", at), q, block.Extent{Offset: at, Length: 1}, func(r *row) *count { return &r.flips }})
	}
	for range flips / 2 { // in each region as often
		e := extents[rnd.IntN(len(extents))]
		if at := e.Offset + rnd.Int64N(max(e.Length, 1)); at >= 0 && at < int64(len(p)) {
			flip(at)
		}
	}
	for i := range flips / 4 { // headers and trailers
		n := int64(rnd.IntN(min(64, len(p))))
		if i%2 == 1 {
			n = int64(len(p)) - 1 - n
		}
		flip(n)
	}
	for range flips / 4 {
		flip(rnd.Int64N(int64(len(p))))
	}
	cut := func(n int64) {
		if n > 0 && n < int64(len(p)) {
			out = append(out, damage{fmt.Sprintf("cut to %d", n), p[:n], block.Between(n, int64(len(p))), func(r *row) *count { return &r.cuts }})
		}
	}
	rnd.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
	for _, at := range edges[:min(len(edges), cuts/4)] {
		cut(at - 1)
		cut(at)
		cut(at + 1)
	}
	for range cuts / 4 {
		cut(rnd.Int64N(int64(len(p))))
	}
	for i := range max(cuts/4, 3) {
		n := int64(len(p)) * int64(i+1) / int64(max(cuts/4, 3)+1)
		if i > 0 {
			n = n &^ 4095
		}
		q := bytes.Clone(p)
		clear(q[n:])
		if n > 0 && !bytes.Equal(p, q) {
			first := n + int64(len(p[n:])-len(bytes.TrimLeft(p[n:], "\x00")))
			out = append(out, damage{fmt.Sprintf("zeros from %d", n), q, block.Between(first, int64(len(p))), func(r *row) *count { return &r.zeros }})
		}
	}
	// What comes last may be missing as a whole, where the room for it was taken: a root file system behind a kernel.
	long := append(bytes.Clone(p), make([]byte, 4*mebi)...)
	return append(out, damage{"4 MiB of zeros behind it", long, block.Between(int64(len(p)), int64(len(long))), func(r *row) *count { return &r.zeros }})
}

// measure opens the good file of a recipe and damaged ones, and asks the maker's tool about the same files.
func (w *workshop) measure(r recipe, flips, cuts int, theirs bool) (row, error) {
	x := row{recipe: r}
	p, err := w.make(r)
	if err != nil {
		return x, err
	}
	keys, err := w.keys(r.keys)
	if err != nil {
		return x, err
	}
	good, err := w.open(p, keys)
	if err != nil {
		return x, err
	}
	if x.whole = firmware.Whole(good).Answer; x.whole == firmware.No {
		x.problems = append(x.problems, fmt.Sprintf("%s: a good file is called NO: %q", r.name, firmware.Whole(good).Reasons))
	}
	if err := w.signatures(&x, p); err != nil {
		return x, err
	}
	x.boards(good)
	judges := theirs && r.theirs != "" && has(strings.Fields(r.theirs)[0])
	if judges {
		if x.taken, err = w.takes(r, p); err != nil {
			return x, err
		}
		x.judged = true
	}
	for _, d := range damages(p, good, uint64(len(p)), flips, cuts) {
		c := d.count(&x)
		c.all++
		got, err := w.open(d.p, keys)
		if err != nil {
			return x, err
		}
		switch v := firmware.Whole(got); v.Answer {
		case firmware.No:
			c.no++
			if pointsAt(got, d.extent) {
				c.region++
			}
		case firmware.CannotTell:
			c.cannot++
		case firmware.OK:
			e := d.extent
			if r.ends && len(d.p) > len(p) || covers(placedUnused(good), e) || int64(len(d.p)) == e.Offset && filling(good, p, e) {
				c.unread++
				break
			}
			c.ok++
			x.problems = append(x.problems, fmt.Sprintf("%s (%d bytes): %s is OK: %s %q", r.name, len(p), d.what, tree(got), v.Reasons))
		}
		if judges {
			taken, err := w.takes(r, d.p)
			if err != nil {
				return x, err
			}
			if !taken {
				c.seen++
			}
		}
	}
	return x, nil
}

func covers(s block.Set, e block.Extent) bool {
	for at := e.Offset; at < e.End(); at++ {
		if !s.Has(at) {
			return false
		}
	}
	return true
}

// placedUnused are the unused bytes of all parts that stand in the file as they are.
func placedUnused(root *firmware.Part) (out block.Set) {
	var walk func(p *firmware.Part, at int64)
	walk = func(p *firmware.Part, at int64) {
		for _, e := range p.Unused.Extents() {
			e.Offset += at
			out.Add(e)
		}
		for _, c := range p.Children {
			if !c.Unpacked {
				walk(c, at+c.Offset)
			}
		}
	}
	walk(root, 0)
	return out
}

// filling reports whether an extent is nothing but filling behind all that a package holds.
func filling(good *firmware.Part, p []byte, e block.Extent) bool {
	return len(bytes.Trim(p[e.Offset:e.End()], "\x00")) == 0 && slices.ContainsFunc(good.Checks, func(c firmware.Check) bool {
		return c.Method == "padding" && c.Extent.Contains(e)
	})
}

func (w *workshop) signatures(x *row, p []byte) error {
	if len(x.keys) == 0 {
		return nil
	}
	for _, k := range []struct {
		names  []string
		answer *firmware.Answer
	}{{nil, &x.none}, {x.keys, &x.genuine}, {x.others, &x.other}} {
		keys, err := w.keys(k.names)
		if err != nil {
			return err
		}
		part, err := w.open(p, keys)
		if err != nil {
			return err
		}
		*k.answer = firmware.Genuine(part).Answer
	}
	if x.none != firmware.CannotTell || x.other == firmware.OK || x.genuine == firmware.No {
		x.problems = append(x.problems, fmt.Sprintf("%s: genuine is %v without a key, %v with the right one, %v with another", x.name, x.none, x.genuine, x.other))
	}
	return nil
}

func (x *row) boards(p *firmware.Part) {
	if x.kind == "" {
		return
	}
	fits := func(value string) firmware.Answer {
		return firmware.Fits(p, &firmware.Device{Facts: []firmware.Fact{{Kind: x.kind, Value: value, From: "the label"}}}).Answer
	}
	if x.board, x.wrongBoard = fits(x.right), fits(x.wrong); x.board == firmware.No || x.wrongBoard != firmware.No {
		x.problems = append(x.problems, fmt.Sprintf("%s: %v for its board, %v for another", x.name, x.board, x.wrongBoard))
	}
}

func share(n, of int) string { return fmt.Sprintf("%d of %d", n, of) }
