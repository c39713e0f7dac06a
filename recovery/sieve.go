package recovery

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// sieve tells of the rows of chunks what a query says of their entries.
type sieve struct {
	q        Query
	folder   string
	inFolder bool
	// allowed says of each combination of marks which of the query's words do not hold for it.
	allowed [1 << markBits]uint8
	sources map[int]bool
	volumes map[int]bool
	text    []byte // is part of the name
	name    func(string) bool
	seqs    map[int64]bool // the only entries that are meant; nil for all
	chunks  map[int64]bool // those that seqs are in
	least   int64
	most    int64
	after   int64
	before  int64

	// of the chunk that is looked at
	places []placement
	named  []bool
}

// placement is where a folder lies, seen from that of the query.
type placement struct {
	ok, exact bool
	name      string // of the folder in it
}

// What does not hold for a row.
const (
	wrongDrawer = 1 << iota
	wrongClass
	wrongVerdict
	wrongPlace // source, volume or folder
	wrong      // any other thing
)

// newSieve prepares a query, which asks for no formats, states, save states or findings. seqs are the numbers of the entries that
// it names by ID.
func newSieve(q Query, inFolder bool, seqs map[int64]bool) (*sieve, error) {
	if len(q.Formats) > 0 || len(q.States) > 0 || len(q.Save) > 0 || len(q.Steps) > 0 || len(q.AlsoIDs) > 0 || q.FindingPrefix != "" {
		return nil, fmt.Errorf("recovery: a listing by formats, states, findings or steps")
	}
	s := &sieve{q: q, folder: strings.Trim(q.PathPrefix, "/"), inFolder: inFolder, least: q.MinSize, most: math.MaxInt64, after: math.MinInt64, before: math.MaxInt64,
		sources: map[int]bool{}, volumes: map[int]bool{}, seqs: seqs, chunks: map[int64]bool{}}
	for n := range seqs {
		s.chunks[n>>chunkBits] = true
	}
	if q.MaxSize > 0 {
		s.most = q.MaxSize
	}
	if !q.After.IsZero() {
		s.after = q.After.UnixMilli()
	}
	if !q.Before.IsZero() {
		s.after, s.before = max(s.after, noTime+1), q.Before.UnixMilli()-1
	}
	for _, n := range q.Sources {
		s.sources[n] = true
	}
	for _, n := range q.Volumes {
		s.volumes[n] = true
	}
	pattern := foldName(q.Name)
	if text, ok := partOf(pattern); ok && text != "" {
		s.text = []byte(text)
	} else if q.Name != "" {
		var err error
		if s.name, err = q.nameMatcher(); err != nil {
			return nil, err
		}
	}
	for m := range s.allowed {
		verdict, class, drawer, kind := m&7, m>>classShift&15, m>>drawerShift&3, m>>kindShift
		if !among(ints(q.Verdicts), verdict) {
			s.allowed[m] |= wrongVerdict
		}
		if !among(numbers(classes, q.Classes), class) {
			s.allowed[m] |= wrongClass
		}
		if !among(numbers(drawers, q.Drawers), drawer) {
			s.allowed[m] |= wrongDrawer
		}
		if kind == kindDir && !q.IncludeDirs && !inFolder {
			s.allowed[m] |= wrong
		}
	}
	return s, nil
}

// names reports whether the names of chunks are needed.
func (s *sieve) names() bool { return s.text != nil || s.name != nil }

// disjoint reports whether no row of a chunk is meant, by its sizes, times and numbers.
func (s *sieve) disjoint(c *chunk) bool {
	d := &c.digest
	if d.rows == 0 {
		return true
	}
	if s.seqs != nil && !s.chunks[c.n] {
		return true
	}
	if s.inFolder { // folders have no size and time here
		return false
	}
	return d.most < s.least || d.least > s.most || s.timed() && (d.late < s.after || d.early > s.before)
}

func (s *sieve) timed() bool { return s.after != math.MinInt64 || s.before != math.MaxInt64 }

// span is how the folders of a chunk lie to that of the query.
type span uint8

const (
	spanMixed  span = iota
	spanBeside      // all outside
	spanBelow       // all in one and the same folder in it
)

// span says how the folders of a chunk lie, and the name of the one that all are in.
func (s *sieve) span(c *chunk) (span, string) {
	d := &c.digest
	if d.odd {
		return spanMixed, ""
	}
	folder := treeOrder(s.folder)
	inside := ""
	if folder != "" {
		inside = folder + "\x00"
		if d.high < folder || d.low > folder && !strings.HasPrefix(d.low, inside) {
			return spanBeside, ""
		}
	}
	if len(d.low) <= len(inside) || !strings.HasPrefix(d.low, inside) || !strings.HasPrefix(d.high, inside) {
		return spanMixed, ""
	}
	name, _, _ := strings.Cut(d.low[len(inside):], "\x00")
	if other, _, _ := strings.Cut(d.high[len(inside):], "\x00"); other != name {
		return spanMixed, ""
	}
	return spanBelow, name
}

// whole reports whether the words of a row, and its folder, alone say whether it is meant, so that the groups of the digest
// count where all folders lie alike.
func (s *sieve) whole(c *chunk) bool {
	d := &c.digest
	return !s.names() && s.seqs == nil && d.least >= s.least && d.most <= s.most &&
		(!s.timed() || !d.timeless && d.early >= s.after && d.late <= s.before)
}

// lookAt says what does not hold for the rows of a group, of a chunk that is whole.
func (s *sieve) lookAt(g *digestGroup) uint8 {
	bad := s.allowed[g.marks&(1<<markBits-1)]
	if bad&wrong == 0 && !s.here(g.source, g.volume) {
		bad |= wrongPlace
	}
	return bad
}

// here reports whether a volume is among those that are meant.
func (s *sieve) here(source, volume int) bool {
	return (len(s.sources) == 0 || s.sources[source]) && (len(s.volumes) == 0 || s.volumes[volume])
}

// enter looks at another chunk. It reports false when no row of it is meant.
func (s *sieve) enter(c *chunk) (bool, error) {
	if s.disjoint(c) {
		return false, nil
	}
	if s.names() {
		if err := c.needNames(); err != nil {
			return false, err
		}
		if !s.findNames(c) {
			return false, nil
		}
	}
	if err := c.needFacts(); err != nil {
		return false, err
	}
	s.places = s.places[:0]
	for _, f := range c.folders {
		var p placement
		if s.here(f.source, f.volume) {
			p.name, p.exact, p.ok = folderName(s.folder, f.path)
		}
		s.places = append(s.places, p)
	}
	return true, nil
}

// findNames notes which rows have a name that is meant, and reports whether there are any.
func (s *sieve) findNames(c *chunk) (any bool) {
	rows := c.digest.rows
	s.named = append(s.named[:0], make([]bool, rows)...)
	if s.text == nil {
		for i := range rows {
			s.named[i] = s.name(string(c.name(i)))
			any = any || s.named[i]
		}
		return any
	}
	// The text is looked for in all names at once. Where it is found it may begin in one name and end in the next.
	for i, at := 0, 0; i < rows; {
		found := bytes.Index(c.text[at:], s.text)
		if found < 0 {
			break
		}
		at += found
		for at >= int(c.ends[i]) {
			i++
		}
		if at+len(s.text) > int(c.ends[i]) {
			at++
			continue
		}
		s.named[i], any = true, true
		at = int(c.ends[i])
		i++
	}
	return any
}

// look says what does not hold for row i.
func (s *sieve) look(c *chunk, i int) uint8 {
	if s.named != nil && !s.named[i] || s.seqs != nil && !s.seqs[c.seq(i)] {
		return wrong
	}
	m := c.mark(i)
	bad := s.allowed[m&(1<<markBits-1)]
	if bad&wrong != 0 {
		return wrong
	}
	if m>>kindShift != kindDir || !s.inFolder {
		if size, t := c.size(i), c.time(i); size < s.least || size > s.most || t < s.after || t > s.before {
			return wrong
		}
	}
	if !s.places[c.place(i)].ok {
		bad |= wrongPlace
	}
	return bad
}
