package rescue

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/layers"
)

// Until says where the copy of a medium is to stop.
type Until string

// The stages of a copy that takes first what is used.
const (
	UntilTables Until = "tables" // what the parsers need to name all files
	UntilPicked Until = "picked" // the files that were picked, or the most important classes
	UntilUsed   Until = "used"   // all that file systems use
)

// guide says what to read first: it lets the parsers work on the copy while it is made. What they ask for and is not
// copied yet is read next, and the parser goes on with it. So the order is theirs: tables, superblocks, bitmaps,
// inode tables, directories. When they know all files, their content follows: those that a person picked, the
// most important classes, then all that is used, by the bitmaps and by the files together, since each alone
// misses some. It is an imaging.Guide.
type guide struct {
	tables *Tables
	size   int64
	pick   []string // patterns of names or paths; none for the usual classes
	until  Until

	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	needs  chan block.Extent
	given  chan block.Source
	sets   chan []block.Set
	ended  bool

	mu    sync.Mutex // one parser asks at a time
	tail  bool       // the end of the medium may be asked for
	now   block.Source
	asked block.Set
}

// needSize is the unit in which what a parser asks for is read: metadata stand near each other.
const needSize = 64 << 10

// tailSize is where at the end of a medium the backups of tables stand. It is asked for only when what stands at the
// start shows no volume.
const tailSize = 1 << 20

func newGuide(t *Tables, size int64, pick []string, until Until) *guide {
	g := &guide{tables: t, size: size, pick: pick, until: until,
		needs: make(chan block.Extent), given: make(chan block.Source), sets: make(chan []block.Set, 1)}
	return g
}

// Close ends the parsers.
func (g *guide) Close() {
	g.once.Do(func() {}) // one that never began does not begin any more
	if g.cancel != nil {
		g.cancel()
	}
}

// Next returns what is wanted next.
func (g *guide) Next(ctx context.Context, have block.Source) ([]block.Set, error) {
	if g.ended {
		return nil, nil
	}
	begun := false
	g.once.Do(func() {
		begun = true
		g.ctx, g.cancel = context.WithCancel(ctx)
		g.now = have
		go func() { g.sets <- g.work(g.ctx) }()
	})
	if !begun {
		select {
		case g.given <- have:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case e := <-g.needs:
		return []block.Set{block.SetOf(e)}, nil
	case sets := <-g.sets:
		g.ended = true
		return sets, ctx.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Size returns the size of the medium.
func (g *guide) Size() int64 { return g.size }

// ReadAt reads what is copied, and waits for what is not.
func (g *guide) ReadAt(p []byte, off int64) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		n, err := g.now.ReadAt(p, off)
		if err == nil || n == len(p) {
			return n, err
		}
		e, ok := g.missing(err, block.Extent{Offset: off, Length: int64(len(p))})
		if !ok {
			return n, err
		}
		g.asked.Add(e)
		select {
		case g.needs <- e:
		case <-g.ctx.Done():
			return n, g.ctx.Err()
		}
		select {
		case g.now = <-g.given:
		case <-g.ctx.Done():
			return n, g.ctx.Err()
		}
	}
}

// Unreadable says what is known to be lost. What is not copied yet is not.
func (g *guide) Unreadable(within block.Extent) []block.Unreadable {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(block.UnreadableIn(g.now, within), func(u block.Unreadable) bool { return u.Why == block.NotCopied })
}

// missing returns what to ask for after a read that failed: nothing that was asked for before.
func (g *guide) missing(err error, read block.Extent) (block.Extent, bool) {
	u, ok := block.IsUnreadable(err)
	if !ok {
		return block.Extent{}, false
	}
	for _, r := range u.Ranges {
		// The range may be far larger than the read.
		want := r.Extent.Intersect(read)
		if r.Why != block.NotCopied || want.Length == 0 || !g.tail && want.Offset >= g.size-tailSize {
			continue
		}
		e := block.Between(want.Offset/needSize*needSize, (want.End()+needSize-1)/needSize*needSize).Intersect(block.Extent{Length: g.size})
		return e, !g.asked.Contains(e)
	}
	return block.Extent{}, false
}

// work finds out what is used, by reading what says so.
func (g *guide) work(ctx context.Context) []block.Set {
	var tree *layers.Layer
	for _, tail := range []bool{false, true} {
		g.mu.Lock()
		g.tail = tail
		g.mu.Unlock()
		var err error
		if tree, err = layers.Resolve(ctx, layers.Disk{Number: 1, Source: g}, nil, g.tables.Layers); err != nil {
			return nil
		}
		if !tail && g.clear(tree) {
			break
		}
	}
	g.mu.Lock()
	g.tail = true // what a volume has there is its own
	g.mu.Unlock()
	files := newWanted(g.pick, g.tables.Files)
	for _, v := range tree.Volumes() {
		if v.FS == nil {
			continue
		}
		if used, err := v.FS.Used(ctx); err == nil {
			files.used = files.used.Union(used.Shift(v.Extent.Offset))
		}
		for f, err := range v.FS.Files(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				files.add(f, v.Extent.Offset)
			}
		}
	}
	return files.sets(g.until)
}

// clear reports whether the start of the medium tells what stands where, so that the backups at its end are not needed:
// one volume over nearly all of it, or a table that is whole.
func (g *guide) clear(tree *layers.Layer) bool {
	ok := false
	tree.Walk(func(l *layers.Layer, depth int) bool {
		switch {
		case l.FS != nil && l.Extent.Offset == 0 && l.Extent.Length > g.size/10*9:
			ok = true
		case depth == 1 && (l.Kind == "gpt" || l.Kind == "mbr") && l.State == layers.Good && !l.Rival && len(l.Findings) == 0:
			ok = true
		}
		return !ok
	})
	return ok
}

// wanted gathers where files stand, by how much they matter.
type wanted struct {
	pick    []string
	classes map[string]int // by extension
	first   []block.Extent // of picked files
	by      [][]block.Extent
	all     []block.Extent
	used    block.Set
}

// importantClasses is how many classes, in the order of saving, come before all else.
const importantClasses = 4

func newWanted(pick []string, files *filetype.Table) *wanted {
	w := &wanted{pick: pick, classes: map[string]int{}, by: make([][]block.Extent, importantClasses)}
	for _, f := range files.Formats() {
		for _, ext := range f.Extensions {
			if i := slices.Index(filetype.Classes(), f.Class); i >= 0 && i < importantClasses {
				w.classes[ext] = i
			}
		}
	}
	return w
}

func (w *wanted) add(f *filesystem.File, shift int64) {
	var places []block.Extent
	for _, s := range f.Streams {
		for _, r := range s.Runs {
			if e := r.PhysicalExtent(); e.Length > 0 && (r.Kind == block.Data || r.Kind == block.Guessed) {
				places = append(places, e.Shift(shift))
			}
		}
	}
	if f.State == filesystem.Live {
		w.all = append(w.all, places...)
		if len(w.all) > 1<<20 {
			w.used, w.all = w.used.Union(block.SetOf(w.all...)), w.all[:0]
		}
	}
	if slices.ContainsFunc(w.pick, func(p string) bool { return picked(p, f.Path) }) {
		w.first = append(w.first, places...)
		return
	}
	if i, ok := w.classes[strings.ToLower(strings.TrimPrefix(path.Ext(f.Path), "."))]; ok && len(w.pick) == 0 && f.State == filesystem.Live {
		w.by[i] = append(w.by[i], places...)
	}
}

// picked reports whether a pattern names a file: its path, its name, or a folder above it.
func picked(pattern, name string) bool {
	pattern = strings.Trim(pattern, "/")
	if ok, err := path.Match(pattern, path.Base(name)); ok && err == nil {
		return true
	}
	for p := name; p != "." && p != ""; p = path.Dir(p) {
		if ok, err := path.Match(pattern, p); ok && err == nil {
			return true
		}
	}
	return false
}

func (w *wanted) sets(until Until) []block.Set {
	if until == UntilTables {
		return nil
	}
	out := []block.Set{block.SetOf(w.first...)}
	for _, places := range w.by {
		out = append(out, block.SetOf(places...))
	}
	if until != UntilPicked {
		out = append(out, w.used.Union(block.SetOf(w.all...)))
	}
	return out
}

// errUntil says that a stage has no such name.
var errUntil = errors.New("expected tables, picked or used")

// ParseUntil reads the name of a stage; "" is none.
func ParseUntil(text string) (Until, error) {
	switch u := Until(text); u {
	case "", UntilTables, UntilPicked, UntilUsed:
		return u, nil
	}
	return "", errUntil
}

var _ io.ReaderAt = (*guide)(nil)
