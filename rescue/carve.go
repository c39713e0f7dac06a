package rescue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/host"
	"salvor/layers"
	"salvor/recovery"
)

// CarveOptions say what is looked for in raw bytes, and where.
type CarveOptions struct {
	// Alone ends the work on volumes at finding them: nothing but carving is done. With Free they are read too.
	Alone bool
	// Formats and Classes say which files are looked for; all when both are empty.
	Formats []string
	Classes []filetype.Class
	// Within bounds where they begin, on the source; everywhere when empty.
	Within []block.Extent
	// Partition bounds it to one volume or partition, by its ID in the tree of layers ("v2").
	Partition string
	// Free leaves out what files of volumes stand on, of any verdict.
	Free      bool
	EveryByte bool
	// Unit is the size of clusters, in bytes; found out when 0.
	Unit   int64
	Effort carve.Effort
	// Patience bounds the search for pieces; when 0 a minute with Normal, at most, and no bound with Deep.
	Patience time.Duration
}

// step names the carving with these options in the catalogue: with others it is done again.
func (o CarveOptions) step() string {
	if plain := (CarveOptions{Effort: o.Effort, Alone: o.Alone}); fmt.Sprint(o) == fmt.Sprint(plain) && o.Effort == carve.Normal {
		return stepCarve
	}
	o.Alone, o.Patience = false, 0
	return fmt.Sprintf("%s %v", stepCarve, o)
}

// wants reports whether files of a format are looked for.
func (o CarveOptions) wants(f *filetype.Format) bool {
	return len(o.Formats)+len(o.Classes) == 0 || slices.Contains(o.Formats, f.Name) || slices.Contains(o.Classes, f.Class)
}

// carving is the carving of one disk.
type carving struct {
	*job
	o      CarveOptions
	put    batch
	within block.Set // empty for everywhere
	owned  recovery.Attribution
	taken  block.Set // owned, or part of a file that was carved
	starts []int64
	broken []carve.Found
	begun  time.Time
}

// carve looks for files that no file system names any more, everywhere but in what is known beyond doubt to
// belong to a file, and joins what it finds with what is named.
func (j *job) carve(ctx context.Context) error {
	step := j.step(j.o.Carve.step())
	done, err := j.cat.Done(ctx, step)
	if err != nil || j.isLess() {
		return err
	}
	if done {
		return j.tellCarved(ctx, step)
	}
	c := &carving{job: j, o: j.o.Carve, put: batch{cat: j.cat}, begun: time.Now()}
	if c.elsewhere() {
		return nil
	}
	if err := c.bound(ctx); err != nil {
		return err
	}
	stats, err := c.whole(ctx)
	if err != nil {
		return err
	}
	joined, err := c.pieces(ctx)
	if err != nil {
		return err
	}
	text, err := c.text(ctx)
	if err != nil {
		return err
	}
	if err := c.put.flush(ctx); err != nil {
		return err
	}
	if _, err := recovery.JoinTwins(ctx, j.cat, j.number); err != nil {
		return err
	}
	if err := j.cat.PutFindings(ctx, step, carveFindings(stats, joined, text)); err != nil {
		return err
	}
	if err := j.c.Append("carve.found", map[string]any{
		"files": stats.Found + joined.Joined + joined.Broken + text.Found, "joined": joined.Joined, "little": joined.Little,
		"stopped": joined.Stopped, "cluster": joined.Unit, "chance": stats.Chance, "text_left_out": text.Chance,
		"owned": host.Bytes(c.owned.Owned.Bytes()),
	}); err != nil {
		return err
	}
	if err := j.cat.SetDone(ctx, step); err != nil {
		return err
	}
	return j.tellCarved(ctx, step)
}

// exitChoice is the exit code of what needs a choice by a person.
const exitChoice = 30

// bound finds out where files may begin, and what belongs to others.
func (c *carving) bound(ctx context.Context) (err error) {
	if c.owned, err = recovery.Attribute(ctx, c.cat, c.number); err != nil {
		return err
	}
	if len(c.o.Within) > 0 || c.o.Partition != "" {
		c.claimed = block.Set{} // these bytes are what was asked for
	}
	// What members give to volumes is looked for there, where it is whole.
	c.owned.Skip = c.owned.Skip.Union(c.claimed)
	c.taken = c.owned.Skip.Union(c.owned.Owned)
	if c.o.Free {
		named, err := c.named(ctx)
		if err != nil {
			return err
		}
		c.owned.Skip = named.Union(c.claimed)
		c.taken = c.taken.Union(c.owned.Skip)
	}
	c.within = block.SetOf(c.o.Within...)
	if c.o.Partition == "" {
		return nil
	}
	of := c.partition(c.tree)
	if of == nil {
		return &host.RefusedError{Exit: exitChoice, Code: "rescue.carve.partition", Why: fmt.Sprintf("there is no volume %s on %s", c.o.Partition, c.baseName()),
			Next: "salvor look shows the volumes; name one of them, as v2"}
	}
	if part := block.SetOf(of.Extent); c.within.Empty() {
		c.within = part
	} else {
		c.within = c.within.Intersect(part)
	}
	return nil
}

// partition returns the layer of a tree that carving is bounded to.
func (c *carving) partition(tree *layers.Layer) (of *layers.Layer) {
	tree.Walk(func(l *layers.Layer, _ int) bool {
		if l.ID == c.o.Partition || l.Volume > 0 && fmt.Sprintf("v%d", l.Volume) == c.o.Partition {
			of = l
		}
		return of == nil
	})
	return of
}

// elsewhere reports whether what carving is bounded to stands on another disk or volume than the current one: ranges
// are those of sources, and a partition stands on one of them.
func (c *carving) elsewhere() bool {
	if len(c.o.Within) > 0 && c.virtual != nil {
		return true
	}
	return c.o.Partition != "" && c.partition(c.tree) == nil &&
		slices.ContainsFunc(c.disks, func(d *disk) bool { return d.tree != nil && c.partition(d.tree) != nil })
}

// progress returns what tells how far carving is.
func (c *carving) progress(words, unit string) func(carve.Progress) {
	c.begun = time.Now()
	return func(p carve.Progress) {
		rate := float64(p.Pos) / max(time.Since(c.begun).Seconds(), 0.001)
		c.job.progress("carve", p.Pos, p.Total, unit, rate, timeLeft(p.Total-p.Pos, rate), fmt.Sprintf("%s (%d found)", words, p.Found))
	}
}

func (c *carving) emit(ctx context.Context) func(carve.Found) error {
	return func(f carve.Found) error {
		for e := range f.Places().All() {
			c.taken.Add(e)
		}
		if f.Report.Verdict >= filetype.Consistent {
			c.starts = append(c.starts, f.Offset)
		}
		return c.put.add(ctx, recovery.Carved(c.number, f, c.medium))
	}
}

// whole carves the files that stand in one piece, and holds back those that break.
func (c *carving) whole(ctx context.Context) (carve.Stats, error) {
	if c.o.EveryByte {
		if err := c.sweepBytes(ctx); err != nil {
			return carve.Stats{}, err
		}
	}
	var failed error
	signatures := func(h probe.Hit) bool { _, ok := c.tables.Files.ByProbe(h.ID); return ok }
	stats, err := carve.Run(ctx, carve.Options{
		Source: c.medium, Hits: c.landmarks(ctx, signatures, &failed), Table: c.tables.Files,
		Skip: c.owned.Skip, Within: c.within, EveryByte: c.o.EveryByte, Only: c.o.wants,
		Emit: c.emit(ctx), Progress: c.progress("looking for files without a name", "bytes"),
		Hold: func(f carve.Found) { c.broken = append(c.broken, f) },
	})
	return stats, errors.Join(err, failed)
}

// free is where nothing stands that is known.
func (c *carving) free() block.Set {
	all := block.Extent{Length: c.medium.Size()}
	free := c.taken.Complement(all)
	if !c.within.Empty() {
		free = free.Intersect(c.within)
	}
	return free
}

// patience is how long pieces are looked for.
const patience = time.Minute

// pieces puts the files together that break.
func (c *carving) pieces(ctx context.Context) (carve.JoinStats, error) {
	var deadline time.Time
	switch {
	case c.o.Patience == 0 && c.o.Effort == carve.Normal && c.o.Alone:
		deadline = time.Now().Add(patience)
	case c.o.Patience == 0 && c.o.Effort == carve.Normal:
		// Beside all else that a rescue does, a small source does not take long.
		deadline = time.Now().Add(min(patience, patience/12+time.Duration(c.medium.Size()>>26)*time.Second))
	case c.o.Patience > 0:
		deadline = time.Now().Add(c.o.Patience)
	}
	// What was found so far is safe before the search begins.
	if err := c.put.flush(ctx); err != nil {
		return carve.JoinStats{}, err
	}
	return carve.Join(ctx, carve.JoinOptions{
		Source: c.medium, Free: c.free(), Broken: c.broken, Starts: c.starts, Unit: c.o.Unit, Effort: c.o.Effort, Deadline: deadline,
		Emit: c.emit(ctx), Progress: c.progress("looking for the pieces of files", "files"),
	})
}

// text looks for plain text where nothing else was found.
func (c *carving) text(ctx context.Context) (carve.Stats, error) {
	if text, ok := c.tables.Files.ByName("text"); ok && !c.o.wants(text) {
		return carve.Stats{}, nil
	}
	pieces, err := c.laterPieces(ctx)
	if err != nil {
		return carve.Stats{}, err
	}
	return carve.Text(ctx, carve.TextOptions{
		Source: c.medium, Free: c.free().Subtract(pieces), Table: c.tables.Files,
		Emit: c.emit(ctx), Progress: c.progress("looking for text", "bytes"),
	})
}

// sweepBytes looks for signatures at every byte; those at sectors are known already.
func (c *carving) sweepBytes(ctx context.Context) error {
	return sweepSource(ctx, c.tables.anywhere, c.medium, func(hits []probe.Hit) error { return c.cat.PutLandmarks(ctx, c.number, hits) }, nil)
}

// named returns the places of all files that volumes name and that are live, whatever is known of their content.
func (c *carving) named(ctx context.Context) (block.Set, error) {
	var extents []block.Extent
	for e, err := range c.cat.Select(ctx, recovery.Query{States: []filesystem.State{filesystem.Live}, Sources: []int{c.number}}) {
		if err != nil {
			return block.Set{}, err
		}
		for _, r := range e.Runs {
			if r.Kind == block.Data {
				extents = append(extents, r.PhysicalExtent())
			}
		}
	}
	return block.SetOf(extents...), nil
}

// laterPieces returns where the later pieces of named files stand whose content contradicts nothing. Text in
// such a piece is saved with its file; taken for a file of its own it would be a second one that never was.
// First pieces stay: that the same content ends there is what confirms a guess.
func (j *job) laterPieces(ctx context.Context) (block.Set, error) {
	var extents []block.Extent
	good := recovery.Query{Verdicts: []filetype.Verdict{filetype.Proven, filetype.Consistent}, Sources: []int{j.number}}
	for e, err := range j.cat.Select(ctx, good) {
		if err != nil {
			return block.Set{}, err
		}
		if e.Origin != recovery.FromFileSystem {
			continue
		}
		for _, r := range e.Runs {
			if r.Logical > 0 && r.Kind == block.Data {
				extents = append(extents, r.PhysicalExtent())
			}
		}
	}
	return block.SetOf(extents...), nil
}
