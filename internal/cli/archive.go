package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"salvor/block"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// saveArchive writes a selection as a tar archive to a new file, or to standard output.
func (a *app) saveArchive(cmd *cobra.Command, dir, to string, q recovery.Query) (err error) {
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
	defer func() { err = errors.Join(err, c.Close()) }()
	tables, err := rescue.NewTables()
	if err != nil {
		return err
	}
	if err := c.Elsewhere(ctx, &q); err != nil {
		return selected(err)
	}
	labels, err := c.Labels(ctx)
	if err != nil {
		return err
	}
	q.IncludeDirs = len(q.IDs) == 0
	out, where, done := a.out, "standard output", func() error { return nil }
	if to == "-" {
		a.out = a.err // standard output belongs to the archive
	} else {
		f, err := a.newArchive(c, to)
		if err != nil {
			return err
		}
		outlive()
		out, where, done = f, to, func() error { return errors.Join(f.Sync(), f.Close()) }
	}
	w := bufio.NewWriterSize(out, 1<<20)
	wrong := 0
	result, err := recovery.Tar(ctx, recovery.TarOptions{
		Catalog: c.Catalog, Query: q, LabelOf: func(v int) string { return labels[v] }, Decode: tables.Decode,
		Medium: media(ctx, c),
		Finding: func(id string, f finding.Finding) {
			wrong++
			line := wire.FromFinding(f)
			line.File = id
			e.Finding(line)
		},
		Progress: func(p recovery.SaveProgress) {
			l := wire.NewProgress("save", p.Bytes, p.TotalBytes, "bytes")
			l.SafeFiles, l.SafeBytes, l.Words = p.Files, p.Bytes, fmt.Sprintf("writing files, %d of %d", p.Files, p.TotalFiles)
			e.Progress(l)
		},
	}, w)
	if err == nil {
		err = w.Flush()
	}
	err = errors.Join(err, done())
	e.p.clear()
	safe := fmt.Sprintf("%s (%s) written to %s", files(result.Saved.Files), host.Bytes(result.Saved.Bytes), where)
	if err != nil {
		return a.end(rescue.Failure(err, "the case is as it was; the archive is not whole"))
	}
	state, exit := fmt.Sprintf("%s in the archive", files(result.Saved.Files)), rescue.ExitDone
	next := "unpack it with `tar -x` where it is needed"
	if wrong > 0 || result.Failed+result.Lowered > 0 {
		exit = rescue.ExitReserved
		state += fmt.Sprintf("; %d of them are not what they should be", max(int64(wrong), result.Failed+result.Lowered))
	}
	if result.Saved.Files == 0 {
		exit, state = rescue.ExitReserved, "no file fits the selection"
		next = fmt.Sprintf("leave an option out; `salvor files %s` with the same options shows what they select", dir)
	}
	return a.end(wire.NewResult(exit, state, safe, next))
}

// newArchive makes the file of an archive, after it is known not to lie on a source of the case. One that is there
// already is never replaced.
func (a *app) newArchive(c *rescue.Case, to string) (*os.File, error) {
	dir := filepath.Dir(to)
	if _, err := c.CheckElsewhere(dir); err != nil {
		return nil, err
	}
	root, err := host.MakeRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.Base(to), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, &host.RefusedError{Exit: host.ExitRefused, Code: "save.archive.exists", Why: fmt.Sprintf("%s is there already, and is not replaced", to),
			Next: "choose another name with --tar"}
	}
	return f, err
}

// media gives the media of a case, which opens each once.
func media(ctx context.Context, c *rescue.Case) func(source int) (block.Source, error) {
	return func(source int) (block.Source, error) { return c.Medium(ctx, source) }
}
