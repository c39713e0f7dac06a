package rescue

import (
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/preview"
	"salvor/recovery"
)

// NoFileError says that a case has no file with this ID.
type NoFileError struct{ ID string }

func (e *NoFileError) Error() string {
	return fmt.Sprintf("there is no file %s in this case; `salvor files` shows the IDs", e.ID)
}

// Content opens the bytes of e: on the medium, or where that cannot be read any more, as they were saved. The caller
// closes it before the case.
func (c *Case) Content(ctx context.Context, t *Tables, e *recovery.Entry) (src block.Source, close func() error, err error) {
	return c.content(ctx, t, e, new(preview.Preview))
}

// CheckElsewhere refuses a folder that lies on a source of the case, or in the case itself, and says what is known of it.
// It changes nothing.
func (c *Case) CheckElsewhere(to string) (host.Target, error) {
	for _, s := range c.Record().Sources {
		if !host.Exists(s.Path) {
			continue // a source that is not there cannot be overwritten
		}
		inside, err := host.Contains(s.Path, to)
		if err != nil {
			return host.Target{}, err
		}
		if inside {
			return host.Target{}, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.source",
				Why:  fmt.Sprintf("%s lies on the source %s itself: saving there would overwrite what is to be saved", to, s.Path),
				Next: "choose a folder on another disk with --to"}
		}
	}
	if inside, err := host.Inside(c.Dir(), to); err != nil {
		return host.Target{}, err
	} else if inside {
		return host.Target{}, &host.RefusedError{Exit: host.ExitRefused, Code: "save.target.case",
			Why:  fmt.Sprintf("%s lies in the case itself, and a case is not changed by what is taken out of it", to),
			Next: "choose a folder outside of the case with --to"}
	}
	target, err := host.InspectTarget(to)
	if err != nil {
		return target, err
	}
	return target, target.Check(0)
}

// Elsewhere makes a selection ready for saving: its IDs must be there, a carved duplicate stands for the file that it is
// one of, and what belongs together is saved together.
func (c *Case) Elsewhere(ctx context.Context, q *recovery.Query) (err error) {
	for i, id := range q.IDs {
		e, err := c.Catalog.Get(ctx, id)
		if errors.Is(err, recovery.ErrNoEntry) {
			return &NoFileError{id}
		}
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" {
			q.IDs[i] = e.DuplicateOf // the same content, under a name
		}
	}
	if q.AlsoIDs, err = c.Together(ctx, *q); err != nil {
		return err
	}
	q.Save = []recovery.SaveState{recovery.Pending, recovery.Failed, recovery.Saved}
	return nil
}

// SaveElsewhere saves a selection of the case's files in the folder to. What was written is read again and compared; the
// case itself is not changed. The result says what holds, also when files could not be saved; the error is what kept
// the saving from its beginning.
func (c *Case) SaveElsewhere(ctx context.Context, to string, q recovery.Query, events Events) (wire.Result, error) {
	if err := c.Elsewhere(ctx, &q); err != nil {
		return wire.Result{}, err
	}
	if _, err := c.CheckElsewhere(to); err != nil {
		return wire.Result{}, err
	}
	root, err := host.MakeRoot(to)
	if err != nil {
		return wire.Result{}, err
	}
	defer root.Close()
	target, err := host.InspectTarget(to)
	if err == nil {
		err = target.Probe()
	}
	if err != nil {
		return wire.Result{}, err
	}
	need, space, err := recovery.Needed(ctx, c.Catalog, q, Limits(target))
	if err != nil {
		return wire.Result{}, err
	}
	if err := target.Check(space); err != nil {
		return wire.Result{}, err
	}
	labels, err := c.Labels(ctx)
	if err != nil {
		return wire.Result{}, err
	}
	tables, err := NewTables()
	if err != nil {
		return wire.Result{}, err
	}
	result, err := recovery.Save(ctx, recovery.SaveOptions{
		Catalog: c.Catalog, Root: root, Elsewhere: true, Query: q, Target: Limits(target), Free: max(target.Free, 0),
		LabelOf: func(v int) string { return labels[v] }, Decode: tables.Decode,
		SyncFS: func() error { return host.SyncFS(to) },
		Medium: func(source int) (block.Source, error) { return c.Medium(ctx, source) },
		Progress: func(p recovery.SaveProgress) {
			l := wire.NewProgress("save", p.Bytes, p.TotalBytes, "bytes")
			l.SafeFiles, l.SafeBytes, l.Words = p.Files, p.Bytes, fmt.Sprintf("saving files, %d of %d", p.Files, p.TotalFiles)
			events.Progress(l)
		},
	})
	safe := fmt.Sprintf("%s (%s) saved in %s", countFiles(result.Saved.Files), host.Bytes(result.Saved.Bytes), to)
	if err != nil {
		return Failure(err, safe), nil
	}
	state := fmt.Sprintf("%s selected, and all of it is saved", countFiles(need.Files))
	next := fmt.Sprintf("look through %s, and keep the case until you have seen that nothing is missing", to)
	exit := ExitDone
	if result.Already > 0 {
		state += fmt.Sprintf(", %d of them stood there already", result.Already)
	}
	if result.Failed+result.Lowered > 0 {
		exit = ExitReserved
		state = fmt.Sprintf("%d of %s selected could not be saved whole", result.Failed+result.Lowered, countFiles(need.Files))
	}
	for _, f := range c.Absent {
		exit = ExitReserved
		events.Finding(wire.FromFinding(f))
	}
	if need.Files == 0 {
		state = "no file fits the selection"
		exit = ExitReserved
		next = fmt.Sprintf("leave an option out; `salvor files %s` with the same options shows what they select", c.Dir())
	}
	return wire.NewResult(exit, state, safe, next), nil
}
