package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/rescue"
)

func (a *app) tableCommand() *cobra.Command {
	var o rescue.TableOptions
	var format string
	cmd := &cobra.Command{
		Use:   "table CASE|IMAGE",
		Short: "Show the partition table as it should be, as text or as a script for sfdisk",
		Long: `Puts the partition table together from all its copies and from the volumes themselves, with
the evidence for each partition and with what is doubtful.

With --format=sfdisk it is a script to look through and to give to sfdisk on a copy; doubts
are comments in it. With --out it goes to a new file. Nothing else is written to: not the
case, not its image, not the source.`,
		Example: "  salvor table rescued\n  salvor table disk.img --format=sfdisk --out table.sfdisk",
		Args:    exactly(1, "one CASE or IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path, o.Program = args[0], program()
			if format != "text" && format != "sfdisk" {
				return usageError{fmt.Errorf("--format: text or sfdisk, found %s", show(format))}
			}
			switch o.Scheme {
			case "", "gpt", "mbr":
			case "dos":
				o.Scheme = "mbr"
			default:
				return usageError{fmt.Errorf("--scheme: gpt or mbr, found %s", show(o.Scheme))}
			}
			return a.table(cmd, o, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "`text` or sfdisk")
	cmd.Flags().StringVar(&o.Scheme, "scheme", "", "`gpt` or mbr, whatever kind of table was there")
	cmd.Flags().StringVar(&o.Out, "out", "", "write it to a new `FILE`")
	cmd.Flags().IntVar(&o.Source, "source", 1, "the `NUMBER` of the disk in a case of several")
	return cmd
}

func (a *app) table(cmd *cobra.Command, o rescue.TableOptions, format string) error {
	e := a.events()
	render := tableText
	switch {
	case format == "sfdisk":
		render = sfdiskScript
	case a.json:
		render = tableJSON
	}
	t, err := rescue.RebuildTable(cmd.Context(), o, e, render)
	e.p.clear()
	if err != nil {
		return a.end(rescue.Failure(err, "nothing was written"))
	}
	switch {
	case a.json:
		table, entries := wire.FromTable(t)
		if err := a.lines.Write(table); err != nil {
			return err
		}
		for _, l := range entries {
			if err := a.lines.Write(l); err != nil {
				return err
			}
		}
	case o.Out == "":
		if format == "sfdisk" {
			a.comment = "# "
		}
		if _, err := fmt.Fprint(a.out, render(t)); err != nil {
			return err
		}
	}
	return a.end(tableResult(o, t))
}

// tableResult says what the table came to.
func tableResult(o rescue.TableOptions, t *layers.Partitioning) wire.Result {
	exit, doubts := rescue.ExitDone, len(t.Doubts)
	for _, s := range t.Slots {
		doubts += len(s.Doubts)
	}
	safe := o.Path + " was only read"
	if t.Scheme == "" {
		return wire.NewResult(rescue.ExitReserved, "no partition was found that a table would name", safe, fmt.Sprintf("`salvor look %s` shows what stands there", o.Path))
	}
	state := fmt.Sprintf("a table of the kind %s with %s", t.Scheme, plural(int64(len(t.Slots)), "partition"))
	if doubts > 0 {
		exit = rescue.ExitReserved
		state += fmt.Sprintf("; %s to look at", plural(int64(doubts), "doubt"))
	}
	if o.Out != "" {
		state += ", in " + o.Out
	}
	return wire.NewResult(exit, state, safe, "give it to a copy first: `sfdisk --no-reread COPY.img <FILE`, then `salvor look COPY.img`")
}

// tableText returns t for people.
func tableText(t *layers.Partitioning) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	scheme := t.Scheme
	if scheme == "" {
		scheme = "no table"
	}
	line("%s, sectors of %d bytes, medium of %s %s", scheme, t.SectorSize, host.Bytes(t.Size), show(t.UUID))
	for _, e := range t.Evidence {
		line("      by %s", show(e))
	}
	for _, d := range t.Doubts {
		line("      doubt: %s", show(d))
	}
	for _, s := range t.Slots {
		words := []string{show(s.TypeName)}
		if s.Name != "" {
			words = append(words, fmt.Sprintf("%q", show(s.Name)))
		}
		if s.Active {
			words = append(words, "active")
		}
		for _, n := range s.Notes {
			words = append(words, show(n))
		}
		line("%3d  0x%010X  %10s  %3d  %s", s.Number, s.Extent.Offset, host.Bytes(s.Extent.Length), s.Score, strings.Join(words, ", "))
		for _, e := range s.Evidence {
			line("      by %s", show(e))
		}
		for _, d := range s.Doubts {
			line("      doubt: %s", show(d))
		}
	}
	return b.String()
}

// tableJSON returns t as lines.
func tableJSON(t *layers.Partitioning) string {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	table, entries := wire.FromTable(t)
	if err := out.Encode(table); err != nil {
		return ""
	}
	for _, e := range entries {
		if err := out.Encode(e); err != nil {
			return ""
		}
	}
	return b.String()
}
