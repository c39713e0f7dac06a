package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

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
	r, err := c.SaveElsewhere(ctx, to, q, e)
	e.p.clear()
	if err != nil {
		return selected(err)
	}
	if !a.json {
		for _, more := range []struct{ head, text string }{{"Check ", r.Checked}, {"Report", r.Report}} {
			if more.text != "" {
				fmt.Fprintf(a.out, "\n%s %s", more.head, show(more.text))
			}
		}
	}
	return a.end(r.Result)
}

// selected makes a wrong use of the verb out of an ID that is not there.
func selected(err error) error {
	var none *rescue.NoFileError
	if errors.As(err, &none) {
		return usageError{err}
	}
	return err
}
