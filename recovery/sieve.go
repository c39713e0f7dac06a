package recovery

import (
	"bytes"
	"fmt"
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

// newSieve prepares a query, which asks for no formats, states or save states. seqs are the numbers of the entries that
// it names by ID.
func newSieve(q Query, inFolder bool, seqs map[int64]bool) (*sieve, error) {
	if len(q.Formats) > 0 || len(q.States) > 0 || len(q.Save) > 0 || len(q.Steps) > 0 || len(q.AlsoIDs) > 0 {
		return nil, fmt.Errorf("recovery: a listing by formats, states or steps")
	}
	s := &sieve{q: q, folder: strings.Trim(q.PathPrefix, "/"), inFolder: inFolder, least: q.MinSize, most: 1<<63 - 1, after: -1 << 63, before: 1<<63 - 1,
		sources: map[int]bool{}, volumes: map[int]bool{}, seqs: seqs}
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

// enter looks at another chunk.
func (s *sieve) enter(c *chunk) {
	s.places = s.places[:0]
	for _, f := range c.folders {
		var p placement
		if (len(s.sources) == 0 || s.sources[f.source]) && (len(s.volumes) == 0 || s.volumes[f.volume]) {
			p.name, p.exact, p.ok = folderName(s.folder, f.path)
		}
		s.places = append(s.places, p)
	}
	if !s.names() {
		return
	}
	s.named = append(s.named[:0], make([]bool, c.rows)...)
	if s.text == nil {
		for i, at := 0, 0; i < c.rows; i++ {
			end := at + c.length(i)
			s.named[i] = s.name(string(c.text[at:end]))
			at = end
		}
		return
	}
	// The text is looked for in all names at once. Where it is found it may begin in one name and end in the next.
	for i, begin, at := 0, 0, 0; ; {
		found := bytes.Index(c.text[at:], s.text)
		if found < 0 {
			return
		}
		at += found
		for at >= begin+c.length(i) {
			begin += c.length(i)
			i++
		}
		if at+len(s.text) > begin+c.length(i) {
			at++
			continue
		}
		s.named[i] = true
		begin += c.length(i)
		at = begin
		if i++; i == c.rows {
			return
		}
	}
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
	if size := c.size(i); size < s.least || size > s.most {
		if m>>kindShift != kindDir || !s.inFolder {
			return wrong
		}
	}
	if t := c.time(i); t < s.after || t > s.before {
		if m>>kindShift != kindDir || !s.inFolder {
			return wrong
		}
	}
	if !s.places[c.place(i)].ok {
		bad |= wrongPlace
	}
	return bad
}
