package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) rescueCommand() *cobra.Command {
	var o rescue.Options
	cmd := &cobra.Command{
		Use:   "rescue SOURCE… --to CASE",
		Short: "Save and check the files of a disk or an image: the main job",
		Long: `Reads SOURCE (a disk, a card or an image file) once and without writing to it, finds
its volumes and their files, live and deleted, looks for files that no file system names
any more, checks each, and saves them in the folder CASE with their hashes and a report.

It asks no question. Stopped at any moment, the same command goes on where it was.

A device is copied into the case; an image file is used where it lies, or copied with --copy.

Several SOURCEs are the disks of one case, in any order: RAID sets and volume groups on
them are put together, with a disk missing too. An image in parts (card.001, card.002, …)
is named by any of them; a compressed one (.gz, .xz, .zst, .bz2, .lz4) is unpacked into
the case once.`,
		Example: "  salvor rescue card.img --to rescued\n  salvor rescue /dev/sdb --to /media/usb/rescued\n  salvor rescue disk1.img disk2.img --to rescued",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("expected a SOURCE, found none")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Source, o.More = args[0], args[1:]
			return a.runJob(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.Case, "to", "", "the `CASE` folder: a new or empty one, or the one to go on with")
	cmd.Flags().BoolVar(&o.Copy, "copy", false, "copy an image file into the case, instead of using it where it lies")
	a.secrets.add(cmd)
	cmd.Flags().BoolVar(&o.NoLock, "no-lock", false, "leave the system's read-only flag of the device as it is")
	return cmd
}

// runJob runs the main job, or its first part, and prints its end.
func (a *app) runJob(cmd *cobra.Command, o rescue.Options) error {
	if o.Case == "" {
		return usageError{fmt.Errorf("where to? name a case folder with --to")}
	}
	outlive()
	o.Program = program()
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	o.Keys = keys
	var r wire.Result
	r, err = rescue.Run(cmd.Context(), o, e, a.log())
	e.p.clear()
	if err != nil && r.Case == "" {
		return err // it ended before there was a case to speak of
	}
	if err != nil {
		a.log().Debug("the job ended", "error", err)
	}
	return a.end(r)
}
