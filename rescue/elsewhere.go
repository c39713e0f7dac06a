package rescue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/casefile"
	"salvor/host"
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

// CheckElsewhere refuses a folder that lies on a source of the case or anywhere else on the same disk, or in the case
// itself, and says what is known of it. It changes nothing.
func (c *Case) CheckElsewhere(to string) (host.Target, error) {
	target, err := host.InspectTarget(to)
	if err != nil {
		return target, err
	}
	for _, s := range c.Record().Sources {
		on, err := onSource(s, to, target)
		if err != nil {
			return target, err
		}
		if on {
			return target, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.source",
				Why:  fmt.Sprintf("%s lies on the disk of the source %s itself: saving there would overwrite what is to be saved", to, s.Path),
				Next: "choose a folder on another disk with --to"}
		}
	}
	if inside, err := host.Inside(c.Dir(), to); err != nil {
		return target, err
	} else if inside {
		return target, &host.RefusedError{Exit: host.ExitRefused, Code: "save.target.case",
			Why:  fmt.Sprintf("%s lies in the case itself, and a case is not changed by what is taken out of it", to),
			Next: "choose a folder outside of the case with --to"}
	}
	return target, target.Check(0)
}

// onSource reports whether the folder to lies on the disk of a source: by the path that the source had, and by its serial
// number, since a disk that was plugged in again may have another path, and its old one another disk.
func onSource(s casefile.Source, to string, target host.Target) (bool, error) {
	if s.Device && s.Serial != "" && target.Device != "" {
		if disk, ok := host.DiskOf(context.Background(), target.Device); ok && disk.Serial == s.Serial && disk.Model == s.Model {
			return true, nil
		}
	}
	if !host.Exists(s.Path) {
		return false, nil // a source that is not there cannot be overwritten
	}
	if s.Device && s.Serial != "" {
		if disk, ok := host.DiskOf(context.Background(), s.Path); ok && disk.Serial != "" && disk.Serial != s.Serial {
			return false, nil // another disk has its path now
		}
	}
	return host.OnSameDisk(s.Path, to)
}

// Elsewhere makes a selection ready for saving: its IDs must be there, a carved duplicate stands for the file that it is
// one of, and what belongs together is saved together.
func (c *Case) Elsewhere(ctx context.Context, q *recovery.Query) (err error) {
	if err := c.firstOf(ctx, q.IDs); err != nil {
		return err
	}
	q.Steps = slices.Clone(q.Steps)
	for i := range q.Steps {
		step := &q.Steps[i]
		step.Query.IDs = slices.Clone(step.Query.IDs)
		if err := c.firstOf(ctx, step.Query.IDs); err != nil {
			return err
		}
	}
	if q.AlsoIDs, err = c.Together(ctx, *q); err != nil {
		return err
	}
	q.Save = []recovery.SaveState{recovery.Pending, recovery.Failed, recovery.Saved}
	return nil
}

// firstOf puts in the place of each duplicate the file that it is one of.
func (c *Case) firstOf(ctx context.Context, ids []string) error {
	for i, id := range ids {
		e, err := c.Catalog.Get(ctx, id)
		if errors.Is(err, recovery.ErrNoEntry) {
			return &NoFileError{id}
		}
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" {
			ids[i] = e.DuplicateOf // the same content, under a name
		}
	}
	return nil
}
