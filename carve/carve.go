package carve

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/finding"
	"salvor/guard"
)

// Found is a file that was carved. All places in Report are offsets in the file, not on the source.
type Found struct {
	Format *filetype.Format
	Report filetype.Report
	Offset int64 // of its first byte on the source
	Size   int64 // bytes to save: all of it, or up to the last good byte
	// Runs lead from the file to the source when it stands in several pieces; nil when it is one stretch.
	Runs []block.Run
}

// Extent returns where a file in one stretch stands on the source, or the first piece of one in several.
func (f Found) Extent() block.Extent {
	if len(f.Runs) > 0 {
		return f.Runs[0].PhysicalExtent()
	}
	return block.Extent{Offset: f.Offset, Length: f.Size}
}

// Places returns the bytes of the source that the file is made of.
func (f Found) Places() block.Set {
	if len(f.Runs) > 0 {
		return block.Places(f.Runs)
	}
	return block.SetOf(f.Extent())
}

// whole reports whether nothing of the file is missing, as far as its format can tell.
func (f Found) whole() bool {
	return f.Report.Verdict >= filetype.Consistent || f.Report.Verdict == filetype.Encrypted
}

// Progress says how far a run is.
type Progress struct {
	Pos, Total int64 // bytes of the source
	Found      int
}

// Options say what to carve.
type Options struct {
	Source block.Source
	// Hits are the places where signatures matched, in order of offset. Probes that no format of Table owns
	// are passed over. The sequence is run on a goroutine of its own.
	Hits  iter.Seq[probe.Hit]
	Table *filetype.Table
	// Skip is owned space: headers inside are not looked at, and no file reaches into it.
	Skip block.Set
	// EveryByte says that files may begin at any byte; else they begin where a sector of the source does.
	EveryByte bool
	// Only says which formats are looked for; nil for all that can be carved.
	Only func(*filetype.Format) bool
	// Within bounds where files begin; no file reaches out of the extent that it begins in. All of the source when empty.
	Within block.Set
	// Hold, when not nil, is given the files that break or are cut in the place of Emit, whatever is left of
	// them, so that their pieces can be looked for ([Join]). Size is what is worth saving, 0 for too little.
	Hold func(Found)
	// Limit is the time that one format may spend on one place; 2 minutes when 0.
	Limit time.Duration
	// Workers is how many places are examined at the same time; [guard.Workers] when 0.
	Workers int
	// Emit is given each file, in order of offset, from the goroutine that called Run. Its error ends the run.
	Emit func(Found) error
	// Progress is told from the same goroutine, a few times a second; may be nil.
	Progress func(Progress)
}

// Stats count what became of the hits.
type Stats struct {
	Hits     int // all
	Unowned  int // of probes that no format owns, or outside of the source
	Between  int // at places where no file is looked for: not at a sector, or of a format that is not asked for
	Owned    int // inside of owned space
	Inside   int // inside of a file that was found
	Examined int // places that were looked at
	Found    int // files given
	Chance   int // places that no format accepted, or of which too little is good
	Failed   int // places at which a reader failed inside or ran out of time
	// Findings tell of the first failures; Failed counts all.
	Findings []finding.Finding
	// Read counts, by the names of formats, the bytes that were read to judge files, what is read twice twice.
	Read map[string]int64
}

const (
	defaultLimit = 2 * time.Minute
	// substantial is how many good bytes of a broken file are worth saving.
	substantial = 4 << 10
	// least is how many good bytes are worth saving when they are a tenth of what the file announces.
	least       = 512
	maxFindings = 100
	tellEvery   = 200 * time.Millisecond
)

// Run carves. Errors are those of ctx and of Emit, and hits that are out of order.
func Run(ctx context.Context, o Options) (Stats, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if o.Workers <= 0 {
		o.Workers = guard.Workers()
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &carver{Options: o}
	c.reach.Store(-1)
	// Both hold the same places, in the same order: the first for the workers, the second for acceptance. A
	// worker runs ahead of acceptance by no more than the second holds.
	work := make(chan *place)
	order := make(chan *place, 2*o.Workers)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(order)
		defer close(work)
		c.produce(ctx, work, order)
	})
	for range o.Workers {
		wg.Go(func() {
			for p := range work {
				c.examine(ctx, p)
				close(p.done)
			}
		})
	}
	err := c.accept(ctx, order)
	cancel()
	for range order { // until the producer ends
	}
	wg.Wait()
	if err == nil {
		err = c.err
	}
	c.stats.Hits, c.stats.Unowned, c.stats.Owned, c.stats.Between = c.hits, c.unowned, c.owned, c.between
	c.stats.Inside += c.inside
	c.stats.Read = c.ledger.read
	return c.stats, err
}

type carver struct {
	Options
	stats  Stats // of the goroutine that accepts
	ledger ledger

	// Of the goroutine that produces, to be read when it has ended.
	hits, unowned, owned, inside, between int
	err                                   error

	// reach is the end of the last whole file that was accepted. Those who read an older value only do work
	// that is then not accepted.
	reach atomic.Int64
}

// place is an offset at which signatures matched.
type place struct {
	offset  int64
	hits    int
	formats []*filetype.Format
	done    chan struct{} // closed when it was examined

	format *filetype.Format // nil when none accepted it
	report filetype.Report
	failed []finding.Finding
	err    error
}

// produce groups hits by place and hands them out.
func (c *carver) produce(ctx context.Context, work, order chan<- *place) {
	var p *place
	send := func() bool {
		if p == nil || len(p.formats) == 0 {
			return true
		}
		if p.offset < c.reach.Load() {
			c.inside += p.hits
			return true
		}
		for _, ch := range []chan<- *place{order, work} {
			select {
			case ch <- p:
			case <-ctx.Done():
				return false
			}
		}
		return true
	}
	size := c.Source.Size()
	for h := range c.Hits {
		c.hits++
		f, ok := c.Table.ByProbe(h.ID)
		switch {
		case !ok || !f.Carve || h.Offset < 0 || h.Offset >= size:
			c.unowned++
			continue
		case !c.EveryByte && h.Offset%sector != 0, c.Only != nil && !c.Only(f), !c.Within.Empty() && !c.Within.Has(h.Offset):
			c.between++
			continue
		case c.Skip.Has(h.Offset):
			c.owned++
			continue
		case p != nil && h.Offset < p.offset:
			c.err = fmt.Errorf("carve: hit %s at %#x after one at %#x", h.ID, h.Offset, p.offset)
			return
		}
		if p == nil || h.Offset > p.offset {
			if !send() {
				return
			}
			p = &place{offset: h.Offset, done: make(chan struct{})}
		}
		p.hits++
		if !slices.Contains(p.formats, f) {
			p.formats = append(p.formats, f)
		}
	}
	send()
}

// bound returns the bytes from off up to owned space, or to the end.
func (c *carver) bound(off int64) block.Extent {
	end := c.Source.Size()
	for e := range c.Within.Within(block.Between(off, end)).All() {
		end = e.End()
		break
	}
	rest := block.Between(off, end)
	for e := range c.Skip.Within(rest).All() {
		end = e.Offset
		break
	}
	return block.Between(off, end)
}

// examine asks each format that p may be of, and keeps the best answer.
func (c *carver) examine(ctx context.Context, p *place) {
	if p.offset < c.reach.Load() || ctx.Err() != nil {
		return
	}
	within := c.bound(p.offset)
	src := block.Section(c.Source, within)
	for _, f := range p.formats {
		var r filetype.Report
		read := &meter{Source: src}
		err := guard.Do(ctx, c.Limit, read, func(ctx context.Context, src block.Source) (err error) {
			r, err = f.Examine(ctx, src)
			return err
		})
		c.ledger.add(f, read.n)
		if cause := ctx.Err(); cause != nil {
			p.err = cause
			return
		}
		if told, failed := guard.Finding(f.Name, c.Limit, err); failed {
			told.Offset += p.offset
			if told.Offset < p.offset { // it had no place
				told.Offset = p.offset
			}
			p.failed = append(p.failed, told)
			continue
		}
		if err != nil || r.Verdict == filetype.Unknown {
			continue
		}
		r.Verdict = min(r.Verdict, f.Ceiling)
		if p.format == nil || r.Verdict > p.report.Verdict {
			p.format, p.report = f, r
		}
		if r.Verdict >= filetype.Consistent {
			break
		}
	}
}

// sizeOf returns how many bytes to save of a file with this report in a space of room bytes; 0 for a chance match.
func sizeOf(r filetype.Report, room int64) int64 {
	switch r.Verdict {
	case filetype.Proven, filetype.Consistent, filetype.Encrypted:
		if r.Size <= 0 || r.Size > room {
			return 0 // it does not keep its contract
		}
		return r.Size
	case filetype.Damaged, filetype.Partial:
		good := min(r.GoodUntil, room)
		if good >= substantial || (good >= least && good >= r.Size/10) {
			return good
		}
	}
	return 0
}

// accept takes the places in order and decides which are files.
func (c *carver) accept(ctx context.Context, order <-chan *place) error {
	var told time.Time
	// Inside of a broken file no other of its format is begun, unless the format says that there is none.
	broken := map[*filetype.Format]int64{}
	var plain *Found // a whole file of samples or pixels that the places go through
	for p := range order {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.err != nil {
			return p.err
		}
		if c.Progress != nil && time.Since(told) >= tellEvery {
			told = time.Now()
			c.Progress(Progress{Pos: p.offset, Total: c.Source.Size(), Found: c.stats.Found})
		}
		if plain != nil && p.offset >= plain.Offset+plain.Size {
			c.reach.Store(plain.Offset + plain.Size)
			if err := c.give(*plain); err != nil {
				return err
			}
			plain = nil
		}
		if p.offset < c.reach.Load() || plain != nil && !c.ends(plain, p) {
			c.stats.Inside += p.hits
			continue
		}
		if plain != nil {
			if err := c.interrupted(*plain, p); err != nil {
				return err
			}
			plain = nil
		}
		c.stats.Examined++
		if len(p.failed) > 0 {
			c.stats.Failed++
			c.stats.Findings = append(c.stats.Findings, p.failed[:min(len(p.failed), maxFindings-len(c.stats.Findings))]...)
		}
		size := sizeOf(p.report, c.bound(p.offset).Length)
		f := Found{Format: p.format, Report: p.report, Offset: p.offset, Size: size}
		if p.format == nil || size == 0 && (f.whole() || c.Hold == nil) {
			if len(p.failed) == 0 {
				c.stats.Chance++
			}
			continue
		}
		if !f.whole() {
			if !p.format.Single && p.offset < broken[p.format] {
				c.stats.Inside += p.hits
				continue
			}
			broken[p.format] = p.offset + size
			if c.Hold != nil {
				c.Hold(f)
				continue
			}
		} else {
			if f.Format.Plain && f.Report.Verdict < filetype.Proven && !c.EveryByte {
				plain = &f // what stands in it is looked at before it is given
				continue
			}
			c.reach.Store(p.offset + size)
		}
		if err := c.give(f); err != nil {
			return err
		}
	}
	if plain != nil {
		if err := c.give(*plain); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil && c.err == nil {
		return err
	}
	if c.Progress != nil {
		c.Progress(Progress{Pos: c.Source.Size(), Total: c.Source.Size(), Found: c.stats.Found})
	}
	return nil
}
