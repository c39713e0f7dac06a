package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// maxDepth is how deep a b-tree may be; SQLite itself stops at 20.
const maxDepth = 24

// walker visits the pages of one database.
type walker struct {
	ctx context.Context
	src block.Source
	h   header

	seen    bitmap
	visited int64 // pages
	last    int64 // the largest page number in use
	bad     int64 // pages with a contradiction
	broken  int64 // offset of the first contradiction, -1 for none
	missing block.Set
	found   []finding.Finding
	pages   []*page  // one for each depth
	buffers [][]byte // the same

	mapBuf  []byte // the pointer map page mapAt
	mapAt   int64
	spare   []byte // for overflow and free pages
	seg     []byte
	limited bool
	keepSQL bool // entries of the schema keep the text that made them
}

// bitmap holds a bit for each page, in pieces made when they are needed.
type bitmap map[int64]*[1024]uint64

// set sets bit n and reports whether it was set.
func (b bitmap) set(n int64) bool {
	piece := b[n>>16]
	if piece == nil {
		piece = new([1024]uint64)
		b[n>>16] = piece
	}
	word, bit := &piece[n>>6&1023], uint64(1)<<(n&63)
	was := *word&bit != 0
	*word |= bit
	return was
}

func (b bitmap) has(n int64) bool {
	piece := b[n>>16]
	return piece != nil && piece[n>>6&1023]&(1<<(n&63)) != 0
}

// maxFindings is how many findings of pages one database raises.
const maxFindings = 24

func (w *walker) contradict(page int64, err error) {
	w.bad++
	off := (page - 1) * w.h.pageSize
	var expected, found any = nil, err
	structure := ""
	if c, ok := cursor.IsCorrupt(err); ok {
		if c.Offset >= 0 {
			off = c.Offset
		}
		expected, found, structure = c.Expected, c.Found, c.Structure
	}
	if w.broken < 0 || off < w.broken {
		w.broken = off
	}
	if len(w.found) < maxFindings {
		w.found = append(w.found, badPage.New(finding.At(off, 0), finding.Arg("page", page),
			finding.Arg("what", structure), finding.Expected(expected, found)))
	}
}

func (w *walker) corrupt(page int64, what string, expected, found any) {
	w.contradict(page, cursor.Corrupt(what, (page-1)*w.h.pageSize, expected, found))
}

// errGone says that a page is not there or was used before; that was noted.
var errGone = errors.New("page not there")

// read reads page n into buf. Errors: errGone, or one of the context.
func (w *walker) read(n int64, buf []byte) error {
	if w.visited++; w.visited%64 == 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	off := (n - 1) * w.h.pageSize
	m, err := w.src.ReadAt(buf, off)
	if m == len(buf) {
		return nil
	}
	if cerr := w.ctx.Err(); cerr != nil {
		return cerr
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	extent := block.Extent{Offset: off, Length: w.h.pageSize}
	if u, ok := block.IsUnreadable(err); ok {
		for _, r := range u.Ranges {
			w.missing.Add(r.Extent.Intersect(extent))
		}
	} else if errors.Is(err, io.EOF) || err == nil {
		w.missing.Add(block.Between(max(off, w.src.Size()), extent.End()))
	} else {
		w.missing.Add(block.Extent{Offset: off + int64(m), Length: 1})
	}
	return errGone
}

// claim notes that page n is used, by parent, as kind says. It reports false for a page that cannot be.
func (w *walker) claim(n uint32, by int64, kind uint8, parent int64) (bool, error) {
	p := int64(n)
	most := w.h.pages
	if most == 0 {
		// Nothing says how many pages there are: at most those of the source.
		most = w.src.Size() / w.h.pageSize
	}
	switch {
	case p < 1 || p > most:
		w.corrupt(by, "page number", fmt.Sprintf("1 to %d", most), p)
		return false, nil
	case p == w.h.lockPage(), w.h.isMap(p):
		w.corrupt(by, "page number", "a page of data", p)
		return false, nil
	case w.seen.set(p):
		w.corrupt(by, "page number", "a page that is not used yet", p)
		return false, nil
	}
	w.last = max(w.last, p)
	if !w.h.vacuum || p == 1 {
		return true, nil
	}
	return true, w.checkMap(p, kind, parent)
}

// The kinds of pages in a pointer map.
const (
	mapRoot      = 1
	mapFree      = 2
	mapOverflow  = 3 // first of a chain
	mapOverflow2 = 4
	mapTree      = 5
)

// checkMap compares what the pointer map says of page p.
func (w *walker) checkMap(p int64, kind uint8, parent int64) error {
	m := w.h.mapPage(p)
	if w.mapAt != m {
		w.mapAt = 0
		if w.mapBuf == nil {
			w.mapBuf = make([]byte, w.h.pageSize)
		}
		w.seen.set(m)
		w.last = max(w.last, m)
		if err := w.read(m, w.mapBuf); err != nil {
			if errors.Is(err, errGone) {
				return nil
			}
			return err
		}
		w.mapAt = m
	}
	at := 5 * int(p-m-1)
	if at < 0 || at+5 > w.h.usable {
		return nil
	}
	e := w.mapBuf[at : at+5]
	k, from := e[0], int64(e[1])<<24|int64(e[2])<<16|int64(e[3])<<8|int64(e[4])
	if k != kind || from != parent {
		w.corrupt(m, fmt.Sprintf("pointer map entry of page %d", p), fmt.Sprintf("kind %d, parent %d", kind, parent),
			fmt.Sprintf("kind %d, parent %d", k, from))
	}
	return nil
}

// treeKind says what a tree must be.
type treeKind uint8

const (
	tableTree treeKind = iota
	indexTree
)

// tree walks a b-tree. visit, when not nil, is given each cell of the leaves of a table.
func (w *walker) tree(root uint32, by int64, kind treeKind, visit func(c *cell) error) error {
	if root != 1 {
		ok, err := w.claim(root, by, mapRoot, 0)
		if err != nil || !ok {
			return err
		}
	}
	_, err := w.node(int64(root), 0, kind, math.MinInt64, math.MaxInt64, visit)
	return err
}

// node walks the subtree of page n, whose rows lie above low and not above high. It returns its height, -1
// when that is not known.
func (w *walker) node(n int64, depth int, kind treeKind, low, high int64, visit func(c *cell) error) (int, error) {
	if depth >= maxDepth {
		w.corrupt(n, "depth of a b-tree", fmt.Sprintf("at most %d", maxDepth), "more")
		return -1, nil
	}
	if depth == len(w.pages) {
		w.pages = append(w.pages, &page{})
		w.buffers = append(w.buffers, make([]byte, w.h.pageSize))
	}
	p, buf := w.pages[depth], w.buffers[depth]
	if err := w.read(n, buf); err != nil {
		if errors.Is(err, errGone) {
			return -1, nil
		}
		return -1, err
	}
	err := p.parse(n, buf[:w.h.usable], (n-1)*w.h.pageSize)
	if err == nil && p.table() != (kind == tableTree) {
		err = cursor.Corrupt(fmt.Sprintf("sqlite: page %d: type", n), (n-1)*w.h.pageSize, kind, p.kind)
	}
	if err != nil {
		w.contradict(n, err)
		if len(p.cells) == 0 || p.table() != (kind == tableTree) {
			return -1, nil
		}
	}
	height := -1
	below := func(child uint32, low, high int64) error {
		ok, err := w.claim(child, n, mapTree, n)
		if err != nil || !ok {
			return err
		}
		h, err := w.node(int64(child), depth+1, kind, low, high, visit)
		if err != nil || h < 0 {
			return err
		}
		if height >= 0 && height != h {
			w.corrupt(n, "depth of the pages below", height, h)
		}
		height = h
		return nil
	}
	for i := range p.cells {
		c := &p.cells[i]
		if p.table() {
			if c.rowid < low || c.rowid > high || c.rowid == low && (i > 0 || low != math.MinInt64) {
				w.corrupt(n, fmt.Sprintf("row of cell %d", i), fmt.Sprintf("above %d, up to %d", low, high), c.rowid)
			}
		}
		if !p.leaf() {
			if err := below(c.child, low, c.rowid); err != nil {
				return -1, err
			}
		}
		if p.table() {
			low = max(low, c.rowid)
		}
		if p.kind == interiorTable {
			continue
		}
		if !checkRecord(c.local, c.payload) {
			w.corrupt(n, fmt.Sprintf("record of cell %d", i), fmt.Sprintf("columns of %d bytes", c.payload), "others")
		}
		if err := w.overflow(c, n); err != nil {
			return -1, err
		}
		if visit != nil {
			if err := visit(c); err != nil {
				return -1, err
			}
		}
	}
	if p.leaf() {
		return 0, nil
	}
	if err := below(p.right, low, high); err != nil {
		return -1, err
	}
	if height < 0 {
		return -1, nil
	}
	return height + 1, nil
}

// overflow walks the overflow chain of c, a cell on page n.
func (w *walker) overflow(c *cell, n int64) error {
	if c.overflow == 0 && int64(len(c.local)) == c.payload {
		return nil
	}
	left := c.payload - int64(len(c.local))
	next, from, kind := c.overflow, n, uint8(mapOverflow)
	for left > 0 {
		ok, err := w.claim(next, from, kind, from)
		if err != nil || !ok {
			return err
		}
		if err := w.read(int64(next), w.spare); err != nil {
			if errors.Is(err, errGone) {
				return nil
			}
			return err
		}
		from, kind = int64(next), mapOverflow2
		left -= int64(w.h.usable - 4)
		next = uint32(w.spare[0])<<24 | uint32(w.spare[1])<<16 | uint32(w.spare[2])<<8 | uint32(w.spare[3])
	}
	if next != 0 {
		w.corrupt(from, "end of an overflow chain", 0, next)
	}
	return nil
}

// freelist walks the freelist.
func (w *walker) freelist() error {
	trunk := make([]byte, w.h.pageSize)
	count, from := uint32(0), int64(1)
	next := w.h.freeTrunk
	for next != 0 {
		ok, err := w.claim(next, from, mapFree, 0)
		if err != nil || !ok {
			return err
		}
		if err := w.read(int64(next), trunk); err != nil {
			if errors.Is(err, errGone) {
				return nil
			}
			return err
		}
		c := cursor.New("sqlite: freelist trunk", (int64(next)-1)*w.h.pageSize, trunk[:w.h.usable])
		from = int64(next)
		next = c.Uint32BE()
		n := c.Uint32BE()
		if n > uint32(w.h.usable/4-2) {
			w.corrupt(from, "freelist trunk", fmt.Sprintf("up to %d pages", w.h.usable/4-2), n)
			return nil
		}
		count += n + 1
		for range n {
			leaf := c.Uint32BE()
			ok, err := w.claim(leaf, from, mapFree, 0)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := w.read(int64(leaf), w.spare); err != nil && !errors.Is(err, errGone) {
				return err
			}
		}
	}
	if count != w.h.freeCount {
		w.contradict(1, cursor.Corrupt("sqlite: database header: free pages", 36, w.h.freeCount, count))
	}
	return nil
}

// maxStray is how many pages in a row that nothing uses are read before the rest is taken for another file's.
const maxStray = 4096

// rest looks at the pages that nothing uses: there must be none, but for pointer maps and the lock page,
// which are read here. With pages missing that cannot be told.
func (w *walker) rest(pages int64) error {
	whole := w.missing.Empty() && w.broken < 0
	end := min(pages, (w.src.Size()+w.h.pageSize-1)/w.h.pageSize)
	for n, stray := int64(1), 0; n <= end; n++ {
		if w.seen.has(n) {
			stray = 0
			continue
		}
		if stray++; stray > maxStray && n > w.last {
			behind := block.Between((n-1)*w.h.pageSize, end*w.h.pageSize)
			for _, u := range block.UnreadableIn(w.src, behind) {
				w.missing.Add(u.Extent.Intersect(behind))
			}
			break
		}
		if whole && !w.h.isMap(n) && n != w.h.lockPage() {
			w.corrupt(n, "use of a page", "a b-tree, an overflow chain or the freelist", "none")
		}
		if err := w.read(n, w.spare); err != nil && !errors.Is(err, errGone) {
			return err
		}
	}
	if pages > end {
		w.missing.Add(block.Between(w.src.Size(), pages*w.h.pageSize))
	}
	return nil
}
