package ui

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"salvor/recovery"
	"salvor/rescue"
)

// What saving very many files takes is found out in the background: what belongs together, and the room for it. The page
// shows the numbers of the list until then.
const (
	maxNeeds  = 8                     // that are kept; the one asked for longest ago goes first
	needWait  = 40 * time.Millisecond // that a page waits for it
	needFresh = time.Minute           // after which it is found out again
)

// needAnswer is what saving one selection to one kind of target takes.
type needAnswer struct {
	done chan struct{} // closed when the others are there
	stop context.CancelFunc
	made time.Time
	need recovery.Need
	err  error
	used time.Time // under the lock of needs
}

// needs are those of one server.
type needs struct {
	mu    sync.Mutex
	list  map[string]*needAnswer
	one   chan struct{} // a place for the one that is found out now
	ended bool
	jobs  sync.WaitGroup
}

func newNeeds() *needs { return &needs{list: map[string]*needAnswer{}, one: make(chan struct{}, 1)} }

// of returns what is known by that name, or begins to find it out.
func (n *needs) of(ctx context.Context, name string, find func(context.Context) (recovery.Need, error)) *needAnswer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.list[name]; a != nil {
		select {
		case <-a.done:
			if a.err == nil && time.Since(a.made) < needFresh {
				a.used = time.Now()
				return a
			}
		default:
			a.used = time.Now()
			return a
		}
	}
	if _, again := n.list[name]; !again && len(n.list) >= maxNeeds {
		oldest := ""
		for k, a := range n.list {
			if oldest == "" || a.used.Before(n.list[oldest].used) {
				oldest = k
			}
		}
		n.list[oldest].stop()
		delete(n.list, oldest)
	}
	a := &needAnswer{done: make(chan struct{}), used: time.Now()}
	ctx, a.stop = context.WithCancel(ctx)
	if n.ended {
		a.stop()
	}
	n.list[name] = a
	n.jobs.Go(func() {
		defer a.stop()
		defer close(a.done)
		select {
		case n.one <- struct{}{}:
			defer func() { <-n.one }()
			a.need, a.err = find(ctx)
		case <-ctx.Done():
			a.err = ctx.Err()
		}
		a.made = time.Now()
	})
	return a
}

// close ends all that is being found out, and waits for it. It is called when no page is made any more.
func (n *needs) close() {
	n.mu.Lock()
	n.ended = true
	for _, a := range n.list {
		a.stop()
	}
	n.mu.Unlock()
	n.jobs.Wait()
}

// planned says what saving a selection in the folder to takes, and what speaks against that place. Where what it takes is
// not known within the time of a page, it is said to be counting still, and the plan has what the list of files tells.
func (s *Server) planned(ctx context.Context, c *rescue.Case, k knownCase, to string, q recovery.Query) (p rescue.SavePlan, counting bool, err error) {
	p, err = c.PlanNeed(ctx, to, func(t recovery.Target) (recovery.Need, error) {
		a := s.needs.of(s.ctx, fmt.Sprintf("%q %#v %s", c.Catalog.Path(), t, words(q)), func(ctx context.Context) (recovery.Need, error) {
			c, err := s.openCase(ctx, k)
			if err != nil {
				return recovery.Need{}, err
			}
			defer c.Close()
			return c.NeedElsewhere(ctx, q, t)
		})
		wait := time.NewTimer(needWait)
		defer wait.Stop()
		enough := wait.C
		if l, err := c.Catalog.Lacking(ctx); err == nil && l.Of <= fewChunks {
			enough = nil // of few files it is known at once
		}
		select {
		case <-a.done:
			if !errors.Is(a.err, context.Canceled) { // by too many others
				return a.need, a.err
			}
		case <-ctx.Done():
			return recovery.Need{}, ctx.Err()
		case <-enough:
		}
		counting = true
		ready, err := s.prepare(ctx, c.Catalog, false)
		if err != nil || !ready.Ready {
			return recovery.Need{}, err
		}
		if len(q.IDs) > 0 || len(q.Steps) > 0 {
			n, err := c.Catalog.Tally(ctx, q)
			return recovery.Need{Count: n}, err
		}
		all, err := c.Catalog.List(ctx, recovery.Listing{Query: q, Limit: 1}) // quicker: it need not look at each file
		return recovery.Need{Count: all.Total}, err
	})
	return p, counting, err
}
