package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

func (a *app) saveCommand() *cobra.Command {
	var s selection
	var to, archive string
	cmd := &cobra.Command{
		Use:   "save CASE --to FOLDER [ID…]",
		Short: "Save a selection of the files elsewhere, photos and documents first",
		Long: `Saves files of a case in another folder: those whose IDs are named, or those that the options
select, or all. Photos, documents, databases and settings come first. A file that already
stands there with the same content is left; one with the same name and another content is
never replaced. What was written is read again and compared. The case itself is not changed.

With --tar the files go into one archive: over a network, or to a place that cannot hold
their names. "-" is standard output; what is told then stands on standard error.`,
		Example: "  salvor save rescued --to /media/usb/photos --class photo\n  salvor save rescued --to . v2/i1234 c/0x2801000\n  salvor save rescued --tar - --class photo | ssh nas 'tar -x -C /backup'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("expected a CASE")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := s.query()
			if err != nil {
				return err
			}
			switch {
			case to == "" && archive == "":
				return usageError{errors.New("where to? name a folder with --to, or an archive with --tar")}
			case to != "" && archive != "":
				return usageError{errors.New("--to and --tar: only one place at a time")}
			case archive == "-" && a.json:
				return usageError{errors.New("--tar - and --json: both want standard output")}
			}
			q.IDs = args[1:]
			if archive != "" {
				return a.saveArchive(cmd, args[0], archive, q)
			}
			return a.saveSelection(cmd, args[0], to, q)
		},
	}
	s.addFlags(cmd)
	a.secrets.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the `FOLDER` to save to")
	cmd.Flags().StringVar(&archive, "tar", "", "write a tar archive to a new `FILE`, or with - to standard output, instead of a folder")
	return cmd
}

func (a *app) saveSelection(cmd *cobra.Command, dir, to string, q recovery.Query) error {
	outlive()
	ctx := cmd.Context()
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	c, err := rescue.BrowseCase(cmd.Context(), dir, program(), keys)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := named(ctx, c, &q); err != nil {
		return err
	}
	if q.AlsoIDs, err = c.Together(ctx, q); err != nil {
		return err
	}
	q.Save = []recovery.SaveState{recovery.Pending, recovery.Failed, recovery.Saved}
	target, err := a.saveTarget(c, to)
	if err != nil {
		return err
	}
	need, space, err := recovery.Needed(ctx, c.Catalog, q, rescue.Limits(target))
	if err != nil {
		return err
	}
	if err := target.Check(space); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	labels, err := c.Labels(ctx)
	if err != nil {
		return err
	}
	tables, err := rescue.NewTables()
	if err != nil {
		return err
	}
	result, err := recovery.Save(ctx, recovery.SaveOptions{
		Catalog: c.Catalog, Root: root, Elsewhere: true, Query: q, Target: rescue.Limits(target), Free: max(target.Free, 0),
		LabelOf: func(v int) string { return labels[v] }, Decode: tables.Decode,
		SyncFS: func() error { return host.SyncFS(to) },
		Medium: media(ctx, c),
		Progress: func(p recovery.SaveProgress) {
			l := wire.NewProgress("save", p.Bytes, p.TotalBytes, "bytes")
			l.SafeFiles, l.SafeBytes, l.Words = p.Files, p.Bytes, fmt.Sprintf("saving files, %d of %d", p.Files, p.TotalFiles)
			e.Progress(l)
		},
	})
	e.p.clear()
	safe := fmt.Sprintf("%s (%s) saved in %s", files(result.Saved.Files), host.Bytes(result.Saved.Bytes), to)
	if err != nil {
		return a.end(rescue.Failure(err, safe))
	}
	state := fmt.Sprintf("%s selected, and all of it is saved", files(need.Files))
	next := fmt.Sprintf("look through %s, and keep the case until you have seen that nothing is missing", to)
	exit := rescue.ExitDone
	if result.Already > 0 {
		state += fmt.Sprintf(", %d of them stood there already", result.Already)
	}
	if result.Failed+result.Lowered > 0 {
		exit = rescue.ExitReserved
		state = fmt.Sprintf("%d of %s selected could not be saved whole", result.Failed+result.Lowered, files(need.Files))
	}
	for _, f := range c.Absent {
		exit = rescue.ExitReserved
		e.Finding(wire.FromFinding(f))
	}
	if need.Files == 0 {
		state = "no file fits the selection"
		exit = rescue.ExitReserved
		next = fmt.Sprintf("leave an option out; `salvor files %s` with the same options shows what they select", dir)
	}
	return a.end(wire.NewResult(exit, state, safe, next))
}

// named makes sure that the IDs of a selection are there, and takes for a carved duplicate the file that it is one of.
func named(ctx context.Context, c *rescue.Case, q *recovery.Query) error {
	for i, id := range q.IDs {
		e, err := c.Catalog.Get(ctx, id)
		if errors.Is(err, recovery.ErrNoEntry) {
			return usageError{fmt.Errorf("there is no file %s in this case; `salvor files` shows the IDs", id)}
		}
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" {
			q.IDs[i] = e.DuplicateOf // the same content, under a name
		}
	}
	return nil
}

// insideCase reports whether to, or where to would be made, is the folder of the case or lies in it.
func insideCase(dir, to string) (bool, error) {
	own, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	if to, err = filepath.Abs(to); err != nil {
		return false, err
	}
	// What is not there yet has no links to follow.
	for {
		if real, err := filepath.EvalSymlinks(to); err == nil {
			to = real
			break
		}
		up := filepath.Dir(to)
		if up == to {
			return false, nil
		}
		to = up
	}
	for {
		if info, err := os.Stat(to); err == nil && os.SameFile(info, own) {
			return true, nil
		}
		up := filepath.Dir(to)
		if up == to {
			return false, nil
		}
		to = up
	}
}

// saveTarget makes the folder that is saved to, after it is known not to lie on a source of the case.
func (a *app) saveTarget(c *rescue.Case, to string) (host.Target, error) {
	for _, s := range c.Record().Sources {
		if _, err := os.Stat(s.Path); err != nil {
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
	if inside, err := insideCase(c.Dir(), to); err != nil {
		return host.Target{}, err
	} else if inside {
		return host.Target{}, &host.RefusedError{Exit: host.ExitRefused, Code: "save.target.case",
			Why:  fmt.Sprintf("%s lies in the case itself, and a case is not changed by what is taken out of it", to),
			Next: "choose a folder outside of the case with --to"}
	}
	if target, err := host.InspectTarget(to); err != nil {
		return target, err
	} else if err := target.Check(0); err != nil {
		return target, err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return host.Target{}, err
	}
	target, err := host.InspectTarget(to)
	if err == nil {
		err = target.Probe()
	}
	return target, err
}
