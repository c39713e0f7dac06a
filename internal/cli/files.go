package cli

import (
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

func (a *app) filesCommand() *cobra.Command {
	var s selection
	var tree, duplicates bool
	var order string
	var limit int
	cmd := &cobra.Command{
		Use:   "files CASE",
		Short: "List what was found, by name, type, time, size, state or verdict",
		Long: `Lists the files of a case: all that were found, or those that the options select. The
options must all hold; several words for one option are alternatives.`,
		Example: "  salvor files rescued --class photo --verdict proven,consistent\n  salvor files rescued --name '*.db' --state deleted --json",
		Args:    exactly(1, "one CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := s.query()
			if err != nil {
				return err
			}
			orders := map[string]recovery.Order{"path": recovery.ByPath, "class": recovery.ByClass, "size": recovery.BySize,
				"time": recovery.ByTime, "found": recovery.ByCatalogue}
			o, ok := orders[order]
			if !ok {
				return usageError{fmt.Errorf("--order %s: expected path, class, size, time or found", order)}
			}
			q.Order, q.Limit = o, limit
			if tree {
				if cmd.Flags().Changed("order") && order != "path" {
					return usageError{fmt.Errorf("--tree is always in order of path")}
				}
				q.IncludeDirs = true
			}
			return a.listFiles(cmd, args[0], q, tree, duplicates)
		},
	}
	s.addFlags(cmd)
	cmd.Flags().BoolVar(&tree, "tree", false, "show folders as a tree")
	cmd.Flags().BoolVar(&duplicates, "duplicates", false, "list too what was found by content where a named file stands")
	cmd.Flags().StringVar(&order, "order", "path", "path, class, size, time or found")
	cmd.Flags().IntVar(&limit, "limit", 0, "list at most this many; 0 lists all")
	return cmd
}

func (a *app) listFiles(cmd *cobra.Command, dir string, q recovery.Query, tree, duplicates bool) error {
	c, err := rescue.OpenCase(dir, program())
	if err != nil {
		return err
	}
	defer c.Close()
	var files, bytes int64
	volume := -1
	for e, err := range c.Catalog.Select(cmd.Context(), q) {
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" && !duplicates {
			continue
		}
		if !e.IsDir() {
			files++
			bytes += e.Size
		}
		switch {
		case a.json:
			err = a.lines.Write(wire.FromEntry(e))
		case tree:
			if e.Volume != volume {
				volume = e.Volume
				fmt.Fprintln(a.out, volumeTitle(volume))
			}
			err = printNode(a, e)
		default:
			_, err = fmt.Fprintf(a.out, "%-11s %-7s %10s  %s  %s  %s\n", e.Verdict.Words(), stateWord(e), host.Bytes(e.Size), when(e), show(e.ID), show(place(e)))
		}
		if err != nil {
			return err
		}
	}
	return a.end(wire.NewResult(rescue.ExitDone, fmt.Sprintf("%d files, %s", files, host.Bytes(bytes)),
		"the case was only read", fmt.Sprintf("`salvor save %s --to FOLDER` with the same options saves them elsewhere", dir)))
}

func volumeTitle(n int) string {
	if n == 0 {
		return "found by content alone"
	}
	return fmt.Sprintf("volume %d", n)
}

// printNode prints an entry of a tree: one step to the right for each folder around it.
func printNode(a *app, e *recovery.Entry) error {
	depth := 1 + strings.Count(e.Path, "/")
	if e.Path == "" {
		depth = 1
	}
	name := path.Base(place(e))
	if e.IsDir() {
		_, err := fmt.Fprintf(a.out, "%s%s/\n", strings.Repeat("  ", depth), show(name))
		return err
	}
	_, err := fmt.Fprintf(a.out, "%s%s  (%s, %s, %s)\n", strings.Repeat("  ", depth), show(name), host.Bytes(e.Size), stateWord(e), e.Verdict.Words())
	return err
}

// stateWord says by which evidence a file is known.
func stateWord(e *recovery.Entry) string {
	if e.Origin == recovery.FromContent {
		return "carved"
	}
	return e.State.String()
}

// place returns the path of an entry for people.
func place(e *recovery.Entry) string {
	if e.Path == "" {
		return e.Name
	}
	if e.Stream != "" {
		return e.Path + ":" + e.Stream
	}
	return e.Path
}

// when returns the time of an entry's content, to the minute.
func when(e *recovery.Entry) string {
	t := e.Times.Modified
	if t.IsZero() {
		t = e.Hints.Taken
	}
	if t.IsZero() {
		return "                "
	}
	return t.Format("2006-01-02 15:04")
}
