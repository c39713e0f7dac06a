package rescue

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/guard"
	"salvor/layers"
	"salvor/recovery"
)

var (
	brokenEntry = &finding.Def{Code: "rescue.entry", Severity: finding.Warning,
		Text: "volume {volume}: {what}; what stands beside it was read"}
	moreBroken = &finding.Def{Code: "rescue.entries", Severity: finding.Warning,
		Text: "volume {volume}: {count} more structures are broken"}
)

// maxBroken is how many broken structures of a volume are told one by one.
const maxBroken = 50

// read lists the files of every volume that can be read, in any state, and judges their content.
func (j *job) read(ctx context.Context) error {
	if j.isLess() {
		return nil
	}
	judge := &recovery.Judge{Table: j.tables.Files, Until: j.until}
	for _, v := range j.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		step := j.readStep(v)
		done, err := j.cat.Done(ctx, step)
		if err != nil {
			return err
		}
		if !done {
			if err := j.readVolume(ctx, judge, v); err != nil {
				return err
			}
			if err := j.cat.SetDone(ctx, step); err != nil {
				return err
			}
		}
		list, err := j.cat.Findings(ctx, step)
		if err != nil {
			return err
		}
		for _, f := range list {
			w := wireFinding(f)
			w.Source, w.Layer = j.number, v.ID
			j.tell(w)
		}
	}
	return j.cat.MakeColumns(ctx)
}

// group is how many files are judged beside each other before they are put, in their order.
const group = 256

func (j *job) readVolume(ctx context.Context, judge *recovery.Judge, v *layers.Layer) error {
	var (
		put    = batch{cat: j.cat}
		files  []*filesystem.File
		broken []finding.Finding
		more   int
		count  int64
		told   time.Time
	)
	flush := func() error {
		entries := make([][]*recovery.Entry, len(files))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(guard.Workers())
		for i, f := range files {
			g.Go(func() error {
				var err error
				entries[i], err = judge.File(gctx, j.number, v.Volume, v.FS, f)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, e := range entries {
			j.noteComputed(e)
			j.noteEarly(e)
			if err := put.add(ctx, e...); err != nil {
				return err
			}
		}
		count += int64(len(files))
		files = files[:0]
		if time.Since(told) > 200*time.Millisecond {
			told = time.Now()
			j.progress("check", count, 0, "files", 0, -1, fmt.Sprintf("reading and checking the files of %s", j.labels[v.Volume]))
		}
		return nil
	}
	for f, err := range v.FS.Files(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if len(broken) < maxBroken {
				broken = append(broken, j.broken(v, err))
			} else {
				more++
			}
			continue
		}
		if files = append(files, f); len(files) == group {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := put.flush(ctx); err != nil {
		return err
	}
	if more > 0 {
		broken = append(broken, moreBroken.New(finding.Arg("volume", v.Volume), finding.Arg("count", more)))
	}
	return j.cat.PutFindings(ctx, j.readStep(v), broken)
}

// readStep returns the name under which the catalogue keeps that the files of a volume are listed.
func (j *job) readStep(v *layers.Layer) string {
	if j.virtual != nil {
		return fmt.Sprintf("%s %s %s", stepRead, v.ID, j.virtual.version)
	}
	return fmt.Sprintf("%s %s", stepRead, v.ID)
}

// broken tells of a structure that could not be read, at its place on the medium.
func (j *job) broken(v *layers.Layer, err error) finding.Finding {
	options := []finding.Option{finding.Arg("volume", v.Volume), finding.Arg("what", err)}
	if c, ok := cursor.IsCorrupt(err); ok && c.Offset >= 0 {
		// One place, that on the medium, is enough: the error's own counts from the start of the volume.
		what := &cursor.CorruptError{Structure: c.Structure, Offset: -1, Expected: c.Expected, Found: c.Found}
		options = append(options, finding.Arg("what", what))
		options = append(options, finding.At(v.Extent.Offset+c.Offset, 0), finding.Expected(c.Expected, c.Found))
	}
	return brokenEntry.New(options...)
}
