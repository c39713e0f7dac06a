package cli

import (
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"salvor/finding"
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
			if limit < 0 {
				return usageError{fmt.Errorf("--limit %d: expected 0 or more", limit)}
			}
			q.Order = o
			if tree {
				if cmd.Flags().Changed("order") && order != "path" {
					return usageError{fmt.Errorf("--tree is always in order of path")}
				}
				q.IncludeDirs = true
			}
			return a.listFiles(cmd, args[0], q, listing{tree: tree, duplicates: duplicates, limit: limit})
		},
	}
	s.addFlags(cmd)
	a.secrets.add(cmd)
	cmd.Flags().BoolVar(&tree, "tree", false, "show folders as a tree")
	cmd.Flags().BoolVar(&duplicates, "duplicates", false, "list too what was found by content where a named file stands")
	cmd.Flags().StringVar(&order, "order", "path", "path, class, size, time or found")
	cmd.Flags().IntVar(&limit, "limit", 0, "list at most this many; 0 lists all")
	return cmd
}

// listing says how files are listed.
type listing struct {
	tree, duplicates bool
	limit            int
}

// line is the format of a line of the list.
const line = "%-11s %-8s %10s  %-16s  %-12s  %s\n"

func (a *app) listFiles(cmd *cobra.Command, dir string, q recovery.Query, o listing) error {
	keys, err := a.secrets.open(newProgress(a.err))
	if err != nil {
		return err
	}
	defer keys.close()
	c, err := rescue.BrowseCase(cmd.Context(), dir, program(), keys)
	if err != nil {
		return err
	}
	defer c.Close()
	labels, err := c.Labels(cmd.Context())
	if err != nil {
		return err
	}
	var listed, bytes, twins, erased int64
	volume, more, headed := -1, false, false
	for e, err := range c.Catalog.Select(cmd.Context(), q) {
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" && !o.duplicates {
			twins++
			continue
		}
		if o.limit > 0 && listed+erased == int64(o.limit) {
			more = true
			break
		}
		switch {
		case e.IsDir():
		case e.Erased && e.Save == recovery.Skipped:
			erased++
		default:
			listed++
			bytes += e.Size
		}
		switch {
		case a.json:
			err = a.lines.Write(wire.FromEntry(e))
		case o.tree:
			if e.Volume != volume {
				volume = e.Volume
				fmt.Fprintln(a.out, volumeTitle(volume, labels))
			}
			err = printNode(a, e)
		default:
			if !headed {
				headed = true
				fmt.Fprintf(a.out, line, "VERDICT", "STATE", "SIZE", "TIME", "ID", "PATH")
			}
			_, err = fmt.Fprintf(a.out, line, verdictWord(e), stateWord(e), host.Bytes(e.Size), when(e), show(e.ID), show(place(e)))
			for _, f := range e.Findings {
				// What is missing beside a file is nothing that its verdict tells.
				if err == nil && f.Severity > finding.Info && strings.HasPrefix(f.Code, "relate.") {
					_, err = fmt.Fprintf(a.out, "%12s! %s\n", "", show(f.String()))
				}
			}
		}
		if err != nil {
			return err
		}
	}
	state := fmt.Sprintf("%s, %s", files(listed), host.Bytes(bytes))
	next := fmt.Sprintf("`salvor save %s --to FOLDER`, with the options that select, saves them elsewhere", dir)
	switch {
	case more:
		state = fmt.Sprintf("the first %s, %s; there are more", files(listed), host.Bytes(bytes))
	case listed == 0 && twins == 0 && erased == 0:
		state = "no file fits"
		next = fmt.Sprintf("leave an option out; `salvor look %s` shows what the case holds", dir)
	default:
		if erased > 0 {
			state += fmt.Sprintf("; of %s more nothing is left but erased space, which is not saved", files(erased))
		}
		if twins > 0 {
			state += fmt.Sprintf("; %d more have the same content as another and are listed with --duplicates", twins)
		}
	}
	return a.end(wire.NewResult(rescue.ExitDone, state, "the case was only read", next))
}

func volumeTitle(n int, labels map[int]string) string {
	switch {
	case n == 0:
		return "found by content alone"
	case labels[n] != "":
		return fmt.Sprintf("volume %d, %s", n, show(labels[n]))
	}
	return fmt.Sprintf("volume %d", n)
}

// printNode prints an entry of a tree: one step to the right for each folder around it.
func printNode(a *app, e *recovery.Entry) error {
	if e.IsDir() && e.Path == "" {
		return nil // the root stands as the title
	}
	depth := 1 + strings.Count(e.Path, "/")
	name := path.Base(place(e))
	if e.IsDir() {
		_, err := fmt.Fprintf(a.out, "%s%s/\n", strings.Repeat("  ", depth), show(name))
		return err
	}
	_, err := fmt.Fprintf(a.out, "%s%s  (%s, %s, %s)\n", strings.Repeat("  ", depth), show(name), host.Bytes(e.Size), stateWord(e), verdictWord(e))
	return err
}

// verdictWord says what is known of the content of a file.
func verdictWord(e *recovery.Entry) string {
	if e.Erased && e.Save == recovery.Skipped {
		return "erased"
	}
	return e.Verdict.Words()
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
		return ""
	}
	return t.Format("2006-01-02 15:04")
}
