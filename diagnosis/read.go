package diagnosis

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"sync"

	"salvor/diagnosis/logs"
	"salvor/guard"
)

// Input is a text to read.
type Input struct {
	Name   string    // as it is to be shown: a path, "standard input", "what was said"
	Reader io.Reader // read once, to its end
	Said   bool      // a person typed it
}

// read finds what the rules find in an input, and puts it in order.
func (e *Engine) read(ctx context.Context, in Input) *tale {
	t := newTale(in.Name)
	workers := guard.Workers()
	type job struct {
		n     int
		block *logs.Block
	}
	type result struct {
		n    int
		hits []hit
	}
	jobs := make(chan job, workers)
	results := make(chan result, workers)
	common := newShared(e.set.Len())
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			w := e.newWorker(common)
			w.typed = in.Said
			for j := range jobs {
				hits := w.block(in.Name, j.block)
				j.block.Free()
				results <- result{j.n, hits}
			}
		})
	}
	merged := make(chan struct{})
	go func() { // results come in any order, and are told in that of the input
		defer close(merged)
		waiting := map[int][]hit{}
		next := 0
		for r := range results {
			waiting[r.n] = r.hits
			for hits, ok := waiting[next]; ok; hits, ok = waiting[next] {
				delete(waiting, next)
				next++
				for i := range hits {
					t.add(&hits[i])
				}
			}
		}
	}()
	n := 0
	err := logs.Read(ctx, in.Reader, func(b *logs.Block) error {
		if b.Last {
			t.lines = b.Line - 1 + int64(bytes.Count(b.Text, []byte{'\n'}))
		}
		jobs <- job{n, b}
		n++
		return nil
	})
	close(jobs)
	group.Wait()
	close(results)
	<-merged
	switch {
	case err != nil:
		t.problem = err.Error()
	case common.struck.Load():
		t.problem = "so much of it looks like messages of updates that not every line was tried on every rule"
	}
	e.order(t)
	return t
}

// order finds the sequences of events that rules ask for, and puts each in at its last event.
func (e *Engine) order(t *tale) {
	events := t.close()
	var more []told
	for _, r := range e.orders {
		for from, n := 0, 0; n < maxSequences; n++ {
			first, last, ok := sequence(r.Order, r.Within, events, from)
			if !ok {
				break
			}
			ev := events[last]
			ev.rule, ev.boot, ev.times, ev.groups = r, events[first].boot, 1, nil
			ev.soft = false
			more = append(more, ev)
			from = last + 1
		}
	}
	t.events = append(t.events, more...)
	slices.SortStableFunc(t.events, func(a, b told) int { return cmp.Compare(a.n, b.n) })
}

// maxSequences bounds how often one sequence is told of one input.
const maxSequences = 16
