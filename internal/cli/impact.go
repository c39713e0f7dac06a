package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) impactCommand() *cobra.Command {
	var mapPath string
	var all bool
	cmd := &cobra.Command{
		Use:   "impact CASE|IMAGE",
		Short: "Which files do the unread ranges of a copy hurt, and which are untouched",
		Long: `Lists the files whose bytes stand where the copy could not read, or did not read yet,
with the byte ranges of each. It works while a copy is still running or when it was stopped.
For an IMAGE the map is IMAGE.map, or named with --map.`,
		Args: exactly(1, "one CASE or IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := a.secrets.open(a.events().p)
			if err != nil {
				return err
			}
			defer keys.close()
			im, err := rescue.FindImpact(cmd.Context(), args[0], mapPath, program(), keys, func(h rescue.Hurt) error {
				if h.Missing.Empty() && !all {
					return nil
				}
				if a.json {
					return a.lines.Write(wire.FromEntry(h.Entry))
				}
				if h.Missing.Empty() {
					_, err := fmt.Fprintf(a.out, "untouched  %s  %s\n", show(h.Entry.ID), show(h.Entry.Path))
					return err
				}
				fmt.Fprintf(a.out, "hurt  %s  %s  %s of %s\n", show(h.Entry.ID), show(h.Entry.Path), host.Bytes(h.Missing.Bytes()), host.Bytes(h.Entry.Size))
				for e := range h.Missing.All() {
					if _, err := fmt.Fprintf(a.out, "      bytes %d to %d\n", e.Offset, e.End()-1); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if !a.json {
				for e := range im.Elsewhere.All() {
					fmt.Fprintf(a.out, "no file  0x%010X  %s: free space, tables and folders, or files that nothing names\n", e.Offset, host.Bytes(e.Length))
				}
			}
			exit, next := rescue.ExitDone, "nothing is hurt: save the files with `salvor rescue`"
			if im.Unread > 0 {
				exit = rescue.ExitReserved
				next = "run the copy again, with --retry-passes=3 for what failed, then ask again"
			}
			state := fmt.Sprintf("%s are hurt by %s in %d unread ranges; %s are untouched", files(im.Hurt), host.Bytes(im.Unread), im.Ranges, files(im.Untouched))
			if im.Broken > 0 {
				exit = rescue.ExitReserved
				state += fmt.Sprintf("; %d tables or folders could not be read, so that files may be missing from this list", im.Broken)
			}
			return a.end(wire.NewResult(exit, state, "nothing was changed", next))
		},
	}
	a.secrets.add(cmd)
	cmd.Flags().StringVar(&mapPath, "map", "", "the `MAP` of an image (IMAGE.map without it)")
	cmd.Flags().BoolVar(&all, "all", false, "list the untouched files too")
	return cmd
}
