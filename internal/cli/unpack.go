package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) unpackCommand() *cobra.Command {
	var o rescue.UnpackOptions
	var limit string
	cmd := &cobra.Command{
		Use:   "unpack FILE --to FOLDER",
		Short: "Write out the parts of an update package or flash image",
		Long: `Opens a package as salvor check does, and writes each part that stands in it into a new folder:
images as they are, and what comes out of compressed ones. The parts of a part stand in a
folder beside it, whose name ends with .parts. SHA256SUMS has the hashes of all.

Names are made safe, nothing is ever written outside of the folder, and no more than --limit.
Parts whose checksums do not fit are written too, and told.`,
		Example: "  salvor unpack update.swu --to parts\n  salvor unpack update.bin --to parts --depth 1 --json",
		Args:    exactly(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File, o.Program = args[0], program()
			if o.To == "" {
				return usageError{errors.New("where to? name a new folder with --to")}
			}
			if o.Depth < 0 {
				return usageError{fmt.Errorf("--depth expected 1 or more, or 0 for all, found %d", o.Depth)}
			}
			if limit != "" {
				n, err := imaging.ParseSize(limit, 512)
				if err != nil {
					return usageError{err}
				}
				o.Limit = n
			}
			return a.unpack(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.To, "to", "", "the new `FOLDER`")
	cmd.Flags().IntVar(&o.Depth, "depth", 0, "write so many `LEVELS`; 0 for all")
	cmd.Flags().StringVar(&limit, "limit", "", "write at most so many `BYTES` in all (64Gi)")
	return cmd
}

func (a *app) unpack(cmd *cobra.Command, o rescue.UnpackOptions) error {
	count, size, known := 0, int64(0), false
	notes, err := rescue.UnpackPackage(cmd.Context(), o, func(u rescue.Unpacked) error {
		if u.Path != "" {
			count, size = count+1, size+u.Part.Size
		}
		known = known || u.Part.Format != ""
		if a.json {
			line := wire.FromPart(u.ID, u.Part)
			line.SHA256, line.Path = u.SHA256, u.Path
			return a.lines.Write(line)
		}
		if u.Path == "" {
			return nil
		}
		_, err := fmt.Fprintf(a.out, "%s%s  %s\n", strings.Repeat("  ", strings.Count(u.ID, ".")-1), show(u.Path), host.Bytes(u.Part.Size))
		return err
	})
	if err != nil {
		return err
	}
	e := a.events()
	for _, n := range notes {
		e.Finding(wire.FromFinding(n))
	}
	exit, next := rescue.ExitDone, "`salvor check "+o.File+"` says whether it is whole, genuine and for the device"
	state := fmt.Sprintf("%s of %s written to %s, %s", plural(int64(count), "part"), o.File, o.To, host.Bytes(size))
	switch {
	case !known:
		exit, state, next = rescue.ExitReserved, o.File+" is no package or image that is known", "compare its size and hash with those that its maker names"
	case len(notes) > 0:
		exit = rescue.ExitReserved
		state += fmt.Sprintf("; %s with it", plural(int64(len(notes)), "problem"))
	}
	return a.end(wire.NewResult(exit, state, o.File+" was only read", next))
}
