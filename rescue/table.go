package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"salvor/host"
	"salvor/layers"
)

// TableOptions say whose partition table is put together, and where it goes.
type TableOptions struct {
	Path    string // of a case or an image
	Source  int    // of a case: whose disk, from 1
	Scheme  string // "gpt" or "mbr"; "" for what was there
	Out     string // a new file; "" for none
	Program string
}

// RebuildTable says what the partition table of a case's disk, or of an image, should be. Render makes the text that is
// written to Out, when that is set: always a new file, and never one of those that the disk is read from.
func RebuildTable(ctx context.Context, o TableOptions, events Events, render func(*layers.Partitioning) string) (*layers.Partitioning, error) {
	m, err := mendMedium(ctx, MendOptions{Path: o.Path, Source: o.Source, Program: o.Program}, events)
	if err != nil {
		return nil, err
	}
	t := layers.Partition(m.tree, o.Scheme)
	if o.Out == "" {
		return t, m.close()
	}
	files := m.files
	if !host.IsFolder(o.Path) {
		files = append(files, o.Path)
	}
	if err := refuseTable(files, o.Out); err != nil {
		return nil, errors.Join(err, m.close())
	}
	err = host.ReplaceFile(o.Out, false, func(w io.Writer) error {
		_, err := io.WriteString(w, render(t))
		return err
	})
	return t, errors.Join(err, m.close())
}

// refuseTable ends a job that would write a table over something, or onto what it was read from.
func refuseTable(sources []string, out string) error {
	for _, source := range sources {
		inside, err := host.Contains(source, filepath.Dir(out))
		if err != nil {
			return fmt.Errorf("rescue: %w", err)
		}
		if inside || host.SameFile(source, out) {
			return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.table.source",
				Why:  fmt.Sprintf("%s is the source, or lies on it: a table is never written there.", out),
				Next: "Name a new file on another disk with --out, and look through it before a disk gets it."}
		}
	}
	if host.FileSize(out) >= 0 || host.IsFolder(out) || host.IsFolder(out+".new") || host.FileSize(out+".new") >= 0 {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.table.exists",
			Why:  fmt.Sprintf("%s is there already: a table is always written to a new file.", out),
			Next: "Name another file with --out."}
	}
	return nil
}
