package rescue

import (
	"context"
	"fmt"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/recovery"
)

var carveFailed = &finding.Def{Code: "rescue.carve", Severity: finding.Warning,
	Text: "{count} places that look like the beginning of a file could not be examined to their end"}

// carve looks for files that no file system names any more, everywhere but in what is known beyond doubt to
// belong to a file, and joins what it finds with what is named.
func (j *job) carve(ctx context.Context) error {
	done, err := j.cat.Done(ctx, j.step(stepCarve))
	if err != nil || done {
		return err
	}
	attribution, err := recovery.Attribute(ctx, j.cat, j.number)
	if err != nil {
		return err
	}
	put := batch{cat: j.cat}
	taken := attribution.Skip.Union(attribution.Owned)
	emit := func(f carve.Found) error {
		taken.Add(f.Extent())
		return put.add(ctx, recovery.Carved(j.number, f, j.medium))
	}
	begun := time.Now()
	progress := func(words string) func(carve.Progress) {
		return func(p carve.Progress) {
			rate := float64(p.Pos) / max(time.Since(begun).Seconds(), 0.001)
			left := time.Duration(float64(p.Total-p.Pos) / max(rate, 1) * float64(time.Second))
			j.progress("carve", p.Pos, p.Total, "bytes", rate, left, fmt.Sprintf("%s (%d found)", words, p.Found))
		}
	}
	var failed error
	signatures := func(h probe.Hit) bool { _, ok := j.tables.Files.ByProbe(h.ID); return ok }
	stats, err := carve.Run(ctx, carve.Options{
		Source: j.medium, Hits: j.landmarks(ctx, signatures, &failed), Table: j.tables.Files,
		Skip: attribution.Skip, Emit: emit, Progress: progress("looking for files without a name"),
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	pieces, err := j.laterPieces(ctx)
	if err != nil {
		return err
	}
	free := taken.Union(pieces).Complement(block.Extent{Length: j.medium.Size()})
	begun = time.Now()
	text, err := carve.Text(ctx, carve.TextOptions{
		Source: j.medium, Free: free, Table: j.tables.Files, Emit: emit, Progress: progress("looking for text"),
	})
	if err != nil {
		return err
	}
	if err := put.flush(ctx); err != nil {
		return err
	}
	if _, err := recovery.JoinTwins(ctx, j.cat, j.number); err != nil {
		return err
	}
	if n := stats.Failed + text.Failed; n > 0 {
		f := wireFinding(carveFailed.New(finding.Arg("count", n)))
		f.Source = j.number
		j.tell(f)
	}
	if err := j.c.Append("carve.found", map[string]any{
		"files": stats.Found + text.Found, "chance": stats.Chance, "owned": host.Bytes(attribution.Owned.Bytes()),
	}); err != nil {
		return err
	}
	return j.cat.SetDone(ctx, j.step(stepCarve))
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
