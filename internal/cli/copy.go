package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"salvor/rescue"
)

func (a *app) copyCommand() *cobra.Command {
	o := rescue.Options{Copy: true, TakeOnly: true}
	cmd := &cobra.Command{
		Use:   "copy SOURCE CASE",
		Short: "Copy a disk or an image into a case, and nothing more",
		Long: `Reads SOURCE once, from its beginning to its end, and copies it into the folder CASE, with
a map in GNU ddrescue's format and one SHA-256 for each MiB. What cannot be read is left
out of the copy and stands in the map. Stopped at any moment, the same command goes on.

The copy is plain and sequential: for a disk with many unreadable places, a tool for
failing media loses less time.`,
		Example: "  salvor copy /dev/sdb /media/usb/case\n  salvor copy card.img --to case",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("expected SOURCE and CASE, found %s", found(args))}
			}
			if len(args) == 2 && o.Case != "" {
				return usageError{fmt.Errorf("the case is named twice: %s and --to %s", args[1], o.Case)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Source = args[0]
			if len(args) == 2 {
				o.Case = args[1]
			}
			return a.runJob(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.Case, "to", "", "the `CASE` folder, in the place of the second argument")
	cmd.Flags().BoolVar(&o.NoLock, "no-lock", false, "leave the system's read-only flag of the device as it is")
	return cmd
}
