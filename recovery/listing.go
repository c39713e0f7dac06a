package recovery

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"salvor/filetype"
)

// Sort says in which order a listing shows files. Files that are alike in it come in the order of the catalogue.
type Sort uint8

const (
	// SortName goes by the folded name.
	SortName Sort = iota
	// SortSize puts the smallest first.
	SortSize
	// SortTime puts the oldest first, those without a time last.
	SortTime
	// SortVerdict puts those first of which most is known to be there.
	SortVerdict
)

// Listing asks for a page of what is in a case.
type Listing struct {
	// Query says what is meant, by its Name, PathPrefix, Classes, Verdicts, Drawers, Volumes, Sources, sizes and times.
	Query Query
	// InFolder shows only what stands in PathPrefix itself: its folders by name, then its files.
	InFolder bool
	Sort     Sort
	Down     bool   // the other way round; folders stay where they are
	Limit    int    // most items of the page, from 1
	After    string // Next of the page before; "" begins
}

// Item is a file of a listing, or a folder, of which Entry is nil.
type Item struct {
	Name  string // of a folder
	Entry *Entry
}

// Listed is a page, with what there is beside it. The counts are of all pages, without directories; each regards all that
// is asked for, but not what it counts by. That by drawers is of all volumes and folders.
type Listed struct {
	Items     []Item
	Next      string // "" on the last page
	Total     Count
	ByDrawer  map[string]Count
	ByClass   map[filetype.Class]Count
	ByVerdict map[filetype.Verdict]Count
}

// ErrStart is what [Catalog.List] answers to an After that is none of its own.
var ErrStart = errors.New("recovery: no page of a listing begins there")

// bookmark is where a page ended.
type bookmark struct {
	Folder string `json:"d,omitempty"`
	Key    int64  `json:"k,omitempty"`
	Name   []byte `json:"n,omitempty"`
	Seq    int64  `json:"s,omitempty"`
}

// List gives a page. It looks through what is known of all files, which takes about as long for each page; memory is that
// of a page. Errors: a name pattern that is none, and [ErrStart].
func (c *Catalog) List(ctx context.Context, l Listing) (Listed, error) {
	s, err := newSieve(l.Query, l.InFolder, nil)
	if err != nil {
		return Listed{}, err
	}
	t := top{sort: l.Sort, down: l.Down, limit: l.Limit + 1}
	f := shelf{limit: l.Limit + 1}
	if l.After != "" {
		var at bookmark
		raw, err := base64.RawURLEncoding.DecodeString(l.After)
		if err == nil {
			err = json.Unmarshal(raw, &at)
		}
		if err != nil {
			return Listed{}, fmt.Errorf("%w: %w", ErrStart, err)
		}
		if f.after = at.Folder; at.Folder == "" {
			t.after, f.limit = &candidate{key: at.Key, name: at.Name, seq: at.Seq}, 0
		}
	}
	var tally tally
	err = c.chunks(ctx, func(k *chunk) error { return l.walk(k, s, &t, &f, &tally) })
	if err != nil {
		return Listed{}, err
	}
	out := Listed{Total: tally.total, ByDrawer: map[string]Count{}, ByClass: map[filetype.Class]Count{}, ByVerdict: map[filetype.Verdict]Count{}}
	for i, n := range tally.drawers {
		out.ByDrawer[word(drawers, i)] = n
	}
	for i, n := range tally.classes[:len(classes)] {
		was := out.ByClass[classes[i]]
		was.add(n)
		out.ByClass[classes[i]] = was
	}
	for i, n := range tally.verdicts {
		out.ByVerdict[filetype.Verdict(i)] = n
	}
	return out, c.fill(ctx, &out, f.names, t.list, l.Limit)
}

// walk counts what is meant of a chunk, and offers it for the page. It counts nothing before it has read all that it needs.
func (l *Listing) walk(k *chunk, s *sieve, t *top, f *shelf, tally *tally) error {
	if s.disjoint(k) {
		return nil
	}
	lie, name := s.span(k)
	counted := s.whole(k) && (lie != spanMixed || s.folder == "")
	look := func(g *digestGroup) uint8 {
		if lie == spanBeside {
			return s.lookAt(g) | wrongPlace
		}
		return s.lookAt(g)
	}
	wanted := !counted
	best := math.MaxInt
	for i := range k.digest.groups {
		if g := &k.digest.groups[i]; counted && look(g) == 0 {
			wanted, best = true, min(best, t.rank(g.marks))
		}
	}
	switch {
	case !wanted, counted && !l.InFolder && t.passes(&k.digest, best):
	case counted && l.InFolder && lie == spanBelow:
		f.offer(name)
	default:
		ok, err := s.enter(k)
		if err != nil || !ok {
			return err
		}
		if l.Sort == SortName {
			if err := k.needNames(); err != nil {
				return err
			}
		}
		l.rows(k, s, t, f, tally, counted)
	}
	for i := range k.digest.groups {
		if g := &k.digest.groups[i]; counted && g.marks>>kindShift != kindDir {
			if bad := look(g); bad&wrong == 0 {
				tally.add(bad, g.marks, g.files, g.bytes)
			}
		}
	}
	return nil
}

// rows looks at each row of a chunk.
func (l *Listing) rows(k *chunk, s *sieve, t *top, f *shelf, tally *tally, counted bool) {
	f.enter(len(s.places))
	for i := range k.digest.rows {
		place := k.place(i)
		if counted && (!s.places[place].ok || f.used[place]) { // it is known, and counted, already
			continue
		}
		bad := s.look(k, i)
		if bad == wrong {
			continue
		}
		m := k.mark(i)
		dir := m>>kindShift == kindDir
		if !dir && !counted {
			tally.add(bad, m, 1, k.size(i))
		}
		if bad != 0 {
			continue
		}
		if l.InFolder && !s.places[place].exact {
			f.used[place] = true
		} else if !dir || !l.InFolder {
			t.offer(k, i)
		}
	}
	for i, used := range f.used {
		if used {
			f.offer(s.places[i].name)
		}
	}
}

// fill puts the items of a page, and where the next one begins, into out.
func (c *Catalog) fill(ctx context.Context, out *Listed, folders []string, list []candidate, limit int) error {
	more := len(folders)+len(list) > limit
	folders = folders[:min(len(folders), limit)]
	list = list[:min(len(list), limit-len(folders))]
	for _, name := range folders {
		out.Items = append(out.Items, Item{Name: name})
	}
	seqs := make([]int64, len(list))
	for i, f := range list {
		seqs[i] = f.seq
	}
	entries, err := c.numbered(ctx, seqs)
	if err != nil {
		return err
	}
	for _, n := range seqs {
		if e := entries[n]; e != nil { // else it was replaced meanwhile
			out.Items = append(out.Items, Item{Entry: e})
		}
	}
	if !more {
		return nil
	}
	var at bookmark
	if len(list) > 0 {
		last := list[len(list)-1]
		at = bookmark{Key: last.key, Name: last.name, Seq: last.seq}
	} else {
		at = bookmark{Folder: folders[len(folders)-1]}
	}
	raw, err := json.Marshal(at)
	out.Next = base64.RawURLEncoding.EncodeToString(raw)
	return err
}

// numbered returns the entries of these numbers.
func (c *Catalog) numbered(ctx context.Context, seqs []int64) (map[int64]*Entry, error) {
	out := map[int64]*Entry{}
	if len(seqs) == 0 {
		return out, nil
	}
	b, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	err = c.each(ctx, "SELECT "+entryColumns+" FROM entries WHERE seq IN (SELECT value FROM json_each(?))", []any{string(b)}, func(s scanner) error {
		seq, e, err := scanEntry(s)
		out[seq] = e
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return out, nil
}

// tally counts rows.
type tally struct {
	total    Count
	drawers  [4]Count
	classes  [16]Count
	verdicts [8]Count
}

// add counts files for which bad does not hold.
func (t *tally) add(bad uint8, marks uint16, files, size int64) {
	n := Count{Files: files, Bytes: size}
	if bad == 0 {
		t.total.addSafe(n)
	}
	if bad&^(wrongDrawer|wrongPlace) == 0 {
		t.drawers[marks>>drawerShift&3].addSafe(n)
	}
	if bad&^wrongClass == 0 {
		t.classes[marks>>classShift&15].addSafe(n)
	}
	if bad&^wrongVerdict == 0 {
		t.verdicts[marks&7].addSafe(n)
	}
}

// addSafe adds files whose sizes may be any that a medium claims.
func (n *Count) addSafe(o Count) {
	n.Files, n.Bytes = n.Files+o.Files, addSizes(n.Bytes, o.Bytes)
}

// Tally counts the files of q, by IDs, steps and all that [Catalog.List] takes, with their bytes, as quickly as a page.
func (c *Catalog) Tally(ctx context.Context, q Query) (Count, error) {
	steps := q.Steps
	if len(steps) == 0 {
		steps = []Step{{Query: q}}
	}
	sieves := make([]*sieve, len(steps))
	for i, step := range steps {
		seqs, err := c.seqsOf(ctx, step.Query.IDs)
		if err != nil {
			return Count{}, err
		}
		step.Query.AlsoIDs, step.Query.Steps = nil, nil
		if sieves[i], err = newSieve(step.Query, false, seqs); err != nil {
			return Count{}, err
		}
	}
	var total Count
	in := make([]bool, len(sieves))
	return total, c.chunks(ctx, func(k *chunk) error {
		any := false
		for i, s := range sieves {
			var err error
			if in[i], err = s.enter(k); err != nil {
				return err
			}
			any = any || in[i] && !steps[i].Out
		}
		for i := 0; any && i < k.digest.rows; i++ {
			for n := len(sieves) - 1; n >= 0; n-- {
				if !in[n] || sieves[n].look(k, i) != 0 {
					continue
				}
				if !steps[n].Out {
					total.addSafe(Count{Files: 1, Bytes: k.size(i)})
				}
				break
			}
		}
		return nil
	})
}

// seqsOf returns the numbers of the entries of these IDs, nil for no IDs.
func (c *Catalog) seqsOf(ctx context.Context, ids []string) (map[int64]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	err = c.each(ctx, "SELECT seq FROM entries WHERE id IN (SELECT value FROM json_each(?))", []any{string(b)}, func(s scanner) error {
		var n int64
		err := s.Scan(&n)
		out[n] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return out, nil
}
