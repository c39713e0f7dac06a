package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/block"
)

const (
	maxRuns = 1 << 20
	// leastTorn is how many bytes of a block must be the package's for it to be called torn where the old content is not
	// known: fewer can be alike by chance.
	leastTorn = 16
)

// aligned is a source in which the byte at of it stands where the part's first byte does.
type aligned struct {
	src block.Source
	at  int64
}

// reader reads the units of an aligned source for a chunk of the part.
type reader struct {
	aligned
	buf  []byte
	bad  []bool // by units
	have int64  // bytes of the chunk that the source has at all
}

// newReader makes one for a part of size bytes.
func newReader(a aligned, size int64) *reader {
	units := min(chunk/unit, (size+unit-1)/unit)
	return &reader{aligned: a, buf: make([]byte, units*unit), bad: make([]bool, units)}
}

// read fills the reader with n bytes for the part's offset x.
func (r *reader) read(x, n int64) error {
	clear(r.bad)
	r.have = max(0, min(n, r.src.Size()-r.at-x))
	for got := int64(0); got < r.have; {
		k, err := r.src.ReadAt(r.buf[got:r.have], r.at+x+got)
		got += int64(k)
		if got >= r.have {
			break
		}
		next, ok := skipTo(err, r.at+x+got, r.src.Size())
		if !ok {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("compare: %w", err)
		}
		next = min(next-r.at-x, r.have)
		for u := got / unit; u*unit < next; u++ {
			r.bad[u] = true
		}
		// The rest of the last unit is lost with it.
		got = min((next+unit-1)/unit*unit, r.have)
	}
	return nil
}

// part returns the bytes of a unit; ok is false where they could not be read, or the source ends before.
func (r *reader) part(from, to int64) (p []byte, ok bool) {
	if to > r.have || r.bad[from/unit] {
		return nil, false
	}
	return r.buf[from:to], true
}

// classifier holds a part against a region.
type classifier struct {
	t      *Target
	olds   int
	size   int64
	filled block.Set // bytes that equal the package and that erasing leaves as well

	// Places on the part, -1 for none. A byte is "not" where it differs from the package and is not foreign.
	firstNew, lastNew, firstNot, lastNot, firstForeign, lastForeign int64
	hard                                                            int64 // edges between new and not new, or-ed together
	before                                                          Class
	more                                                            bool // runs were left out
}

// classify fills t with what the region says of the part, of which skipped is not written.
func classify(ctx context.Context, t *Target, part block.Source, skipped block.Set, region aligned, olds []aligned, done func(int64)) error {
	size := part.Size()
	t.NoRoom = max(0, size-max(0, region.src.Size()-region.at))
	c := &classifier{t: t, olds: len(olds), size: size - t.NoRoom, firstNew: -1, lastNew: -1, firstNot: -1, lastNot: -1, firstForeign: -1, lastForeign: -1}
	want, there := newReader(aligned{src: part}, c.size), newReader(region, c.size)
	var old []*reader
	for _, o := range olds {
		old = append(old, newReader(o, c.size))
	}
	was := make([][]byte, 0, len(old))
	for x := int64(0); x < c.size; x += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(chunk, c.size-x)
		for _, r := range append([]*reader{want, there}, old...) {
			if err := r.read(x, n); err != nil {
				return err
			}
		}
		for from := int64(0); from < n; from += unit {
			to := min(from+unit, n)
			e := block.Between(x+from, x+to)
			if !skipped.Empty() && skipped.Contains(e) {
				c.add(Run{Extent: e, Class: Same})
				continue
			}
			p, ok := want.part(from, to)
			r, read := there.part(from, to)
			if !ok || !read {
				c.add(Run{Extent: e, Class: Unreadable})
				continue
			}
			was, lost := was[:0], false
			for _, o := range old {
				switch b, ok := o.part(from, to); {
				case ok:
					was = append(was, b)
				case from < o.have && o.bad[from/unit]:
					lost = true
				case from < o.have:
					// What stood behind the end of the old content is not known: what stands there now may be it.
					copy(o.buf[o.have:to], r[o.have-from:])
					was = append(was, o.buf[from:to])
				}
			}
			c.unit(e, p, r, was, lost)
		}
		if done != nil {
			done(n)
		}
	}
	c.end(region)
	return nil
}

// unit gives one unit its class. was are the old contents that could be read there; lost says that one could not.
func (c *classifier) unit(e block.Extent, p, r []byte, was [][]byte, lost bool) {
	new := bytes.Equal(p, r)
	var old []byte
	for _, w := range was {
		if bytes.Equal(w, r) {
			old = w
			break
		}
	}
	switch {
	case new && (old != nil || lost):
		c.add(Run{Extent: e, Class: Same})
	case new && isFill(r):
		c.filled.Add(e)
		c.add(Run{Extent: e, Class: Same})
	case new:
		c.sawNew(e.Offset, r, was)
		c.add(Run{Extent: e, Class: New})
	case old != nil:
		c.sawNot(e, p, r)
		c.add(Run{Extent: e, Class: Old})
	case isFill(r):
		c.sawNot(e, p, r)
		c.add(Run{Extent: e, Class: Erased})
	default:
		if run, ok := torn(e, p, r, was); ok {
			c.tornEnds(run, p, r, was)
			c.add(run)
			return
		}
		d := differing(p, r)
		if c.firstForeign < 0 {
			c.firstForeign = e.Offset + d[0]
		}
		c.lastForeign = e.Offset + d[1]
		c.add(Run{Extent: e, Class: Foreign})
	}
}

// sawNew notes which bytes of r, which stands at at, prove that they were written.
func (c *classifier) sawNew(at int64, r []byte, was [][]byte) {
	first, last, ok := telling(was, r)
	if !ok {
		return
	}
	if c.firstNew < 0 {
		c.firstNew = at + first
	}
	c.lastNew = at + last
}

func (c *classifier) sawNot(e block.Extent, p, r []byte) {
	d := differing(p, r)
	if c.firstNot < 0 {
		c.firstNot = e.Offset + d[0]
	}
	c.lastNot = e.Offset + d[1]
}

// tornEnds notes the bytes on both sides of the tear that differ between the package and what was there before.
func (c *classifier) tornEnds(run Run, p, r []byte, was [][]byte) {
	c.sawNot(run.Extent, p, r)
	n := run.NewPart.Shift(-run.Offset)
	var old [][]byte
	for _, w := range was {
		old = append(old, w[n.Offset:n.End()])
	}
	c.sawNew(run.NewPart.Offset, r[n.Offset:n.End()], old)
}

// telling returns the first and the last byte of r that none of the old contents has there and that erasing does not leave
// either; ok is false when there is none.
func telling(was [][]byte, r []byte) (first, last int64, ok bool) {
	says := func(i int) bool {
		if r[i] == 0 || r[i] == 0xFF {
			return false
		}
		for _, w := range was {
			if w[i] == r[i] {
				return false
			}
		}
		return true
	}
	i, j := 0, len(r)-1
	for i < len(r) && !says(i) {
		i++
	}
	for j > i && !says(j) {
		j--
	}
	return int64(i), int64(j), i < len(r)
}

// differing returns the first and the last place where a and b differ; both have the same length, and they do differ.
func differing(a, b []byte) [2]int64 {
	first, last := 0, len(a)-1
	for first < last && a[first] == b[first] {
		first++
	}
	for last > first && a[last] == b[last] {
		last--
	}
	return [2]int64{int64(first), int64(last)}
}

// isFill reports whether b is what erasing, discarding or trimming leaves.
func isFill(b []byte) bool {
	if len(b) == 0 || b[0] != 0 && b[0] != 0xFF {
		return false
	}
	return len(b) == 1 || bytes.Equal(b[1:], b[:len(b)-1])
}

// torn finds the place up to which, or from which, a unit is the package's and the rest of it is old or erased.
func torn(e block.Extent, p, r []byte, was [][]byte) (Run, bool) {
	n := len(r)
	head := 0
	for head < n && p[head] == r[head] {
		head++
	}
	tail := n
	for tail > 0 && p[tail-1] == r[tail-1] {
		tail--
	}
	for _, rest := range rests(r, was) {
		if back := n - common(r, rest, true); head > 0 && back <= head {
			// Between back and head both agree: what the package wrote for sure ends where the old content differs.
			return Run{Extent: e, Class: Torn, NewPart: block.Extent{Offset: e.Offset, Length: int64(head)}}, true
		}
		if front := common(r, rest, false); tail < n && front >= tail {
			return Run{Extent: e, Class: Torn, NewPart: block.Between(e.Offset+int64(tail), e.End())}, true
		}
	}
	if len(was) == 0 {
		switch {
		case head >= leastTorn && !isFill(r[:head]):
			return Run{Extent: e, Class: Torn, NewPart: block.Extent{Offset: e.Offset, Length: int64(head)}}, true
		case n-tail >= leastTorn && !isFill(r[tail:]):
			return Run{Extent: e, Class: Torn, NewPart: block.Between(e.Offset+int64(tail), e.End())}, true
		}
	}
	return Run{}, false
}

// rests are what the other side of a tear may be: the old contents, and what erasing leaves. Nil stands for a run of the
// byte at the end looked at.
func rests(r []byte, was [][]byte) [][]byte { return append(append([][]byte{}, was...), nil) }

// common counts the bytes at one end of r that are those of rest; a nil rest is erased flash.
func common(r, rest []byte, fromBack bool) int {
	n := 0
	for n < len(r) {
		at := n
		if fromBack {
			at = len(r) - 1 - n
		}
		want := byte(0)
		switch {
		case rest != nil:
			want = rest[at]
		case fromBack:
			want = r[len(r)-1]
		default:
			want = r[0]
		}
		if rest == nil && want != 0 && want != 0xFF || r[at] != want {
			break
		}
		n++
	}
	return n
}

// add puts a run behind the others.
func (c *classifier) add(r Run) {
	t := c.t
	t.Bytes[r.Class] += r.Length
	if c.before != 0 && (c.before == New) != (r.Class == New) && pure(c.before) && pure(r.Class) {
		c.hard |= t.At + r.Offset
		if c.hard == 0 {
			c.hard = 1 << 62
		}
	}
	c.before = r.Class
	if n := len(t.Runs); n > 0 {
		last := &t.Runs[n-1]
		switch {
		case c.more, last.Class == r.Class && r.Class != Torn && last.End() == r.Offset:
			last.Length += r.Length
			return
		case n == maxRuns:
			c.more = true
			r.Class = Mixed
		}
	}
	t.Runs = append(t.Runs, r)
}

// pure are the classes whose blocks say for certain whether they were written.
func pure(c Class) bool { return c == New || c == Old || c == Erased || c == Foreign }
