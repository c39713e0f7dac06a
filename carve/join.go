package carve

import (
	"context"
	"fmt"
	"sync"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/guard"
)

// Effort says how much work the search for pieces of one file may take.
type Effort int

// The efforts. The zero value is Normal.
const (
	// Quick only leaves out what is known to belong to other files.
	Quick Effort = iota - 1
	// Normal also looks for the next piece behind the place where a file breaks, within 64 MiB.
	Normal
	// Deep looks within 1 GiB, for more pieces, and tries every place where a file may break.
	Deep
)

// bounds are what an effort allows for one file.
type bounds struct {
	ahead, behind int64 // how far the next piece is looked for, in bytes
	trials        int   // places at which it is tried whether a file goes on
	follow        int   // of them, those that are followed as far as they go, for each place where the file may break
	splits        int   // places where the file may break
	pieces        int
	decoded       int64 // bytes that may be read for it
}

var boundsOf = map[Effort]bounds{
	Quick:  {ahead: 1 << 30, pieces: 1},
	Normal: {ahead: 64 << 20, behind: 16 << 20, trials: 64_000, follow: 8, splits: 48, pieces: 4, decoded: 192 << 20},
	Deep:   {ahead: 1 << 30, behind: 256 << 20, trials: 3_000_000, follow: 24, splits: 200, pieces: 8, decoded: 4 << 30},
}

// All files together may take so many bytes for each byte of free space, and so many more: a small medium full of files that
// break does not take as long as a large one.
const (
	workEach = 8
	workMore = 128 << 20
)

// JoinOptions say which files to put together, and out of what.
type JoinOptions struct {
	Source block.Source
	// Free is the space that belongs to nothing: neither owned nor part of a whole file that was carved.
	Free block.Set
	// Broken are the files that break or are cut, in order of offset, as [Options.Hold] was given them.
	Broken []Found
	// Starts are where whole files were found; they tell the size of clusters.
	Starts []int64
	// Unit is the size of clusters, in bytes; found out when 0.
	Unit   int64
	Effort Effort
	// Deadline ends the search; what was put together before it stands. The zero time is none.
	Deadline time.Time
	// Limit and Workers are as in [Options].
	Limit   time.Duration
	Workers int
	// Emit is given the files that were put together, each round by offset, and at the end those that stay broken.
	Emit func(Found) error
	// Progress is told from the same goroutine; Pos and Total count files. May be nil.
	Progress func(Progress)
}

// JoinStats count what came of a search.
type JoinStats struct {
	Joined  int   // files put together
	Pieces  int   // of which they consist
	Broken  int   // files that stay broken and are given as such
	Little  int   // files that stay broken, of which too little is good
	Unit    int64 // the size of clusters that was worked with, in bytes
	Stopped bool  // the deadline came before the end of the search
	// Read counts, by the names of formats, the bytes that were read to find pieces and to judge what they give.
	Read map[string]int64
}

// Join puts files together whose pieces stand apart. A file is accepted when its format proves it, or when its
// format can tell good data from bad and the data makes sense to its end. Errors are those of ctx and of Emit.
func Join(ctx context.Context, o JoinOptions) (JoinStats, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if o.Workers <= 0 {
		o.Workers = guard.Workers()
	}
	j := &joiner{JoinOptions: o, bounds: boundsOf[o.Effort], pending: make([]*broken, 0, len(o.Broken))}
	unit, base := Unit(o.Starts)
	if o.Unit > 0 {
		unit = o.Unit
		base %= unit
	}
	j.space = &space{src: o.Source, unit: unit, base: base}
	j.stats.Unit = unit
	whole := block.Extent{Length: o.Source.Size()}
	j.space.free = block.SetOf(whole)
	j.space.take(o.Free.Complement(whole))
	j.work = workEach*j.space.free.Bytes() + workMore
	if o.Effort == Deep {
		j.work *= 64
	}
	for _, f := range o.Broken {
		j.pending = append(j.pending, &broken{Found: f})
	}
	err := j.run(ctx)
	j.stats.Read = j.ledger.read
	return j.stats, err
}

// broken is a file that is looked for, with what was learnt of it.
type broken struct {
	Found
	searched int         // level of the last search for its pieces
	tried    []block.Run // the tape that was tried last
	answer   *Found      // of this round
	spent    int64       // in this round, in bytes

	anchored   map[anchorKey][]int64 // what was found of anchors, in the free space of that generation
	generation int
}

type joiner struct {
	JoinOptions
	bounds bounds
	space  *space
	work   int64 // bytes that may still be read, by all files together
	each   int64 // by each file in this round
	// generation counts the changes of the free space.
	generation int
	pending    []*broken
	stats      JoinStats
	ledger     ledger
}

// level is the share of the trials that one search takes, and how many places are tried where a file may break.
type level struct{ share, splits int }

// levels are those of the searches, from the least: all files are searched for with little work first, so that
// what is easily found is out of the way of the others.
var levels = []level{{64, 6}, {8, 16}, {1, 48}}

func (j *joiner) run(ctx context.Context) error {
	for level := 0; ; {
		if err := j.round(ctx, level); err != nil {
			return err
		}
		accepted, err := j.accept()
		if err != nil {
			return err
		}
		switch {
		case j.stats.Stopped:
		case accepted && level > 0:
			level = 0
			continue
		case accepted:
			continue
		case j.Effort > Quick && level < len(levels):
			level++
			continue
		}
		break
	}
	return j.rest()
}

// over reports whether the time for the search is over.
func (j *joiner) over() bool { return !j.Deadline.IsZero() && time.Now().After(j.Deadline) }

// round tries each file that is pending, all against the same free space: without a search at level 0.
func (j *joiner) round(ctx context.Context, level int) error {
	work := make(chan *broken)
	var wg sync.WaitGroup
	j.each = max(j.work, 0) / int64(max(len(j.pending), 1))
	for range j.Workers {
		wg.Go(func() {
			var near cache
			for b := range work {
				j.try(ctx, b, level, &near)
			}
		})
	}
	var told time.Time
	for i, b := range j.pending {
		if ctx.Err() != nil {
			break
		}
		if j.over() {
			j.stats.Stopped = true
			break
		}
		if j.Progress != nil && time.Since(told) >= tellEvery {
			told = time.Now()
			j.Progress(Progress{Pos: int64(i), Total: int64(len(j.pending)), Found: j.stats.Joined})
		}
		work <- b
	}
	close(work)
	wg.Wait()
	for _, b := range j.pending {
		j.work -= b.spent
		b.spent = 0
	}
	return ctx.Err()
}

// accept gives the answers of a round, as far as they do not contradict each other, and reports whether there were any.
func (j *joiner) accept() (bool, error) {
	var left []*broken
	accepted := false
	for _, b := range j.pending {
		if b.answer == nil {
			left = append(left, b)
			continue
		}
		f := *b.answer
		b.answer = nil
		places := f.Places()
		if !places.Subtract(j.space.free).Empty() {
			left = append(left, b) // another file of this round stands there
			continue
		}
		accepted = true
		j.stats.Joined++
		j.stats.Pieces += len(f.Runs)
		j.space.take(places)
		j.generation++
		if err := j.Emit(f); err != nil {
			return false, fmt.Errorf("carve: %w", err)
		}
	}
	j.pending = left
	// What begins inside of a file that was put together is part of it.
	left = j.pending[:0]
	for _, b := range j.pending {
		if j.space.free.Has(b.Offset) {
			left = append(left, b)
		}
	}
	j.pending = left
	return accepted, nil
}

// rest gives what stays broken, up to where it is good and another file begins.
func (j *joiner) rest() error {
	for _, b := range j.pending {
		f := b.Found
		room := int64(0)
		for e := range j.space.free.Within(block.Between(f.Offset, j.Source.Size())).All() {
			if e.Offset == f.Offset {
				room = e.Length
			}
			break
		}
		if f.Report.GoodUntil > room {
			f.Report.GoodUntil = room
		}
		if f.Size = sizeOf(f.Report, room); f.Size == 0 {
			j.stats.Little++
			continue
		}
		j.stats.Broken++
		if err := j.Emit(f); err != nil {
			return fmt.Errorf("carve: %w", err)
		}
	}
	return nil
}

// accepted reports whether a report is good enough for a file that was put together. cleared says that nothing was
// searched for: a contradiction is gone since what belongs to other files was left out.
func accepted(f *filetype.Format, r filetype.Report, room int64, cleared bool) bool {
	if r.Size <= 0 || r.Size > room {
		return false
	}
	if cleared && !f.Loose && r.Verdict == filetype.Consistent {
		return true
	}
	return r.Verdict == filetype.Proven || r.Verdict == filetype.Consistent && (f.Scout != nil || f.Tells)
}
