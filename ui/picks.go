package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"salvor/recovery"
)

// How much is kept of what browsers chose.
const (
	maxPickers   = 64     // browsers and cases
	maxKept      = 8      // the last states of each, so that a form that stands open saves what it showed
	maxSteps     = 32     // of one choice
	maxPickedIDs = 10_000 // of one choice
)

// errTooMany says that a choice has too many parts.
var errTooMany = errors.New("too many single choices")

// pick is what one browser chose of one case. It is never changed: each change makes another one.
type pick struct {
	n     int // from 1; of all choices
	steps []recovery.Step
	count recovery.Count
}

type picker struct {
	session, key string
	last         []pick // newest last
}

// picks keeps what is chosen over pages, the browser used last at the end.
type picks struct {
	mu   sync.Mutex
	n    int // of the last state
	list []*picker
}

// of returns what a browser chose of a case, moved to the end. The caller holds mu.
func (p *picks) of(session, key string) *picker {
	i := slices.IndexFunc(p.list, func(k *picker) bool { return k.session == session && k.key == key })
	if i < 0 {
		return nil
	}
	k := p.list[i]
	p.list = append(slices.Delete(p.list, i, i+1), k)
	return k
}

// get returns the state of that number, false when it is not kept.
func (p *picks) get(session, key string, n int) (pick, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.of(session, key); k != nil {
		for _, s := range k.last {
			if s.n == n {
				return s, true
			}
		}
	}
	return pick{}, false
}

// now returns the newest state.
func (p *picks) now(session, key string) pick {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.of(session, key); k != nil {
		return k.last[len(k.last)-1]
	}
	return pick{}
}

// change makes a new state out of the newest one. Two changes at once both count.
func (p *picks) change(ctx context.Context, session, key string, cat *recovery.Catalog, fn func([]recovery.Step) []recovery.Step) (pick, error) {
	for {
		was := p.now(session, key)
		steps := fn(was.steps)
		ids := 0
		for _, s := range steps {
			ids += len(s.Query.IDs)
		}
		if len(steps) > maxSteps || ids > maxPickedIDs {
			return was, errTooMany
		}
		next := pick{steps: steps}
		if len(steps) > 0 {
			var err error
			if next.count, err = cat.Tally(ctx, recovery.Query{Steps: steps}); err != nil {
				return was, err
			}
		}
		if p.put(session, key, was.n, &next) {
			return next, nil
		}
	}
}

// put keeps next behind the state was, false when another one was put meanwhile.
func (p *picks) put(session, key string, was int, next *pick) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.of(session, key)
	newest := 0
	if k != nil {
		newest = k.last[len(k.last)-1].n
	}
	if newest != was {
		return false
	}
	if k == nil {
		k = &picker{session: session, key: key}
		if p.list = append(p.list, k); len(p.list) > maxPickers {
			p.list = slices.Delete(p.list, 0, 1)
		}
	}
	p.n++
	next.n = p.n
	if k.last = append(k.last, *next); len(k.last) > maxKept {
		k.last = slices.Delete(k.last, 0, 1)
	}
	return true
}

// pickQuery adds all that q asks for to a choice, or takes it out. What the same query said before counts no more.
func pickQuery(steps []recovery.Step, q recovery.Query, out bool) []recovery.Step {
	said := words(q)
	next := slices.DeleteFunc(slices.Clone(steps), func(s recovery.Step) bool { return words(s.Query) == said })
	return tidy(append(next, recovery.Step{Query: q, Out: out}))
}

// words writes out what a query asks for: two that ask for the same are the same words.
func words(q recovery.Query) string { return fmt.Sprintf("%#v", q) }

// pickFiles adds single files to a choice, or takes them out.
func pickFiles(steps []recovery.Step, ids []string, out bool) []recovery.Step {
	return tidy(append(slices.Clone(steps), recovery.Step{Query: recovery.Query{IDs: ids}, Out: out}))
}

// tidy joins lists of files that follow each other, so that behind a query there is at most one of those that are in and one
// of those that are out. Nothing is taken out of nothing.
func tidy(steps []recovery.Step) (next []recovery.Step) {
	out := map[string]bool{} // of the files since the last query
	flush := func() {
		for _, o := range []bool{false, true} {
			var list []string
			for id, is := range out {
				if is == o {
					list = append(list, id)
				}
			}
			if len(list) > 0 && (!o || len(next) > 0) {
				slices.Sort(list)
				next = append(next, recovery.Step{Query: recovery.Query{IDs: list}, Out: o})
			}
		}
		clear(out)
	}
	for _, s := range steps {
		if len(s.Query.IDs) > 0 {
			for _, id := range s.Query.IDs {
				out[id] = s.Out
			}
			continue
		}
		if flush(); !s.Out || len(next) > 0 {
			next = append(next, s)
		}
	}
	flush()
	return next
}
