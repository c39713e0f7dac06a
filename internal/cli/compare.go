package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"salvor/compare"
	"salvor/compare/boot"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) compareCommand() *cobra.Command {
	var o rescue.CompareOptions
	cmd := &cobra.Command{
		Use:   "compare PACKAGE CASE|IMAGE",
		Short: "How far did the failed update get?",
		Long: `Holds an update package against the storage of the device, block by block, and says of each
part of it where it stands there and how much of it: what is new, old, the same in both,
erased, torn or neither. It tells the fraction that was written, the order of writing, the
place where it was left and what lies there, which slot the device starts next, and of every
other partition whether bytes of the package stand in it.

Slots are found by the names of partitions and volumes (rootfs_a, kernel.1, A and B) and by
RAUC's configuration; --slot names others. --earlier names the package of the version before:
what is equal to that one is old.

With --finish a new image is made in which the part that was being written is complete, and
is read back. The source and the image of the case are never changed; the case keeps what came
out in compare.json and in its report.`,
		Example: "  salvor compare update.raucb rescued\n  salvor compare new.img flash.bin --earlier old.img --slot rootfs_b=0x600000+4Mi\n  salvor compare update.swu rescued --finish finished.img",
		Args:    exactly(2, "one PACKAGE and one CASE or IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Package, o.Path, o.Program = args[0], args[1], program()
			return a.compare(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.Earlier, "earlier", "", "the `PACKAGE` of the version before")
	cmd.Flags().StringVar(&o.Before, "before", "", "a `CASE` of this device that was made before the update")
	cmd.Flags().StringArrayVar(&o.Slots, "slot", nil, "`NAME=PARTITION`: the name of a slot, and its partition or OFFSET+SIZE")
	cmd.Flags().StringVar(&o.Finish, "finish", "", "make a new `IMAGE` in which the interrupted part is complete")
	cmd.Flags().IntVar(&o.Source, "source", 1, "the `NUMBER` of the disk in a case of several")
	return cmd
}

func (a *app) compare(cmd *cobra.Command, o rescue.CompareOptions) error {
	e := a.events()
	c, err := rescue.Compare(cmd.Context(), o, e)
	e.p.clear()
	if err != nil {
		return err
	}
	lines := c.Lines()
	if !a.json {
		if _, err := fmt.Fprint(a.out, compareText(c, lines, a.width())); err != nil {
			return err
		}
	} else {
		for i := range lines.Parts {
			if err := a.lines.Write(lines.Parts[i]); err != nil {
				return err
			}
		}
		for i := range lines.Others {
			if err := a.lines.Write(lines.Others[i]); err != nil {
				return err
			}
		}
		for i := range lines.Boots {
			if err := a.lines.Write(lines.Boots[i]); err != nil {
				return err
			}
		}
	}
	for _, f := range lines.Findings {
		e.Finding(f)
	}
	return a.end(compareResult(o, c))
}

// width is how many characters a line of the terminal has; 80 where there is none.
func (a *app) width() int {
	if f, ok := a.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= 40 {
			return min(w, 200)
		}
	}
	return 80
}

// compareText is the picture for people.
func compareText(c *rescue.Compared, lines wire.Comparing, width int) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for i := range lines.Parts {
		p := &lines.Parts[i]
		line("%s, %s at 0x%X", show(p.Region), p.Kind, p.Offset+p.At)
		line("  %s, %s, %s", show(p.Name), host.Bytes(p.Size), show(p.How))
		line("  [%s]", wire.Picture(&c.Targets[i], width-4))
		line("  %s", show(p.Summary()))
		var words []string
		for _, class := range compare.Classes() {
			if n := p.Classes[class.String()]; n > 0 {
				words = append(words, fmt.Sprintf("%s %s", class, host.Bytes(n)))
			}
		}
		if p.Block > 0 {
			words = append(words, fmt.Sprintf("edges at multiples of %s", host.Bytes(p.Block)))
		}
		line("  %s\n", strings.Join(words, ", "))
	}
	if len(lines.Parts) > 0 {
		line("%s\n", wire.PictureLegend)
	}
	for _, o := range lines.Others {
		words := string(compare.NoTrace)
		switch o.Trace {
		case "touched":
			words = fmt.Sprintf("touched: %s of the package", host.Bytes(o.Bytes))
			for k, f := range o.Found {
				if k == 4 {
					words += ", …"
					break
				}
				words += fmt.Sprintf(", 0x%X+%d", o.Offset+f.Offset, f.Size)
			}
		case "unchanged":
			words = "unchanged: " + o.Proof
		}
		line("%-24s 0x%010X  %10s  %s", show(o.Region), o.Offset, host.Bytes(o.Size), show(words))
	}
	for i := range lines.Boots {
		boot := &lines.Boots[i]
		line("\n%s, %s: %s", boot.Scheme, show(boot.Where), bootWords(boot))
		for _, k := range boot.Counters {
			at := "            "
			if k.Offset >= 0 {
				at = fmt.Sprintf("0x%010X", k.Offset)
			}
			line("  %s  %s = %s", at, show(k.Name), show(k.Value))
		}
		for _, n := range boot.Notes {
			line("      %s", show(n))
		}
	}
	return b.String()
}

func bootWords(b *wire.Boot) string {
	words := "says not which slot starts next"
	if b.Next != "" {
		words = "next starts " + show(b.Next)
	}
	if b.Trial {
		words += ", on trial"
	}
	switch compare.Switched(b.Switched) {
	case compare.SwitchedYes:
		words += "; it was switched to the slot that was being written"
	case compare.SwitchedNo:
		words += "; it was not switched"
	}
	if b.Pending != "" {
		words += "; " + show(b.Pending)
	}
	return words
}

// compareResult says what comparing came to.
func compareResult(o rescue.CompareOptions, c *rescue.Compared) wire.Result {
	complete, partly, notBegun := c.State()
	safe := o.Path + " was only read"
	if c.Kept {
		safe += "; what came out stands in its compare.json and its report"
	}
	name := func(t compare.Target) string {
		return fmt.Sprintf("%s on %s", t.Piece.Words(), c.Regions[t.Region].Name)
	}
	reserved := len(c.Unplaced) > 0 || c.Whole.Answer == firmware.No
	for _, t := range complete {
		reserved = reserved || t.Behind > 0
	}
	switch {
	case len(partly) > 0:
		t := partly[0]
		least, most := t.Written()
		state := fmt.Sprintf("the update is incomplete: %s is written to %s", name(t), compare.Percent(least, most))
		if n := len(partly) + len(notBegun) - 1; n > 0 {
			state += fmt.Sprintf(", and %s more %s not complete", plural(int64(n), "part"), map[bool]string{true: "is", false: "are"}[n == 1])
		}
		next := fmt.Sprintf("`salvor compare %s %s --finish NEW.img` makes an image in which it is complete", o.Package, o.Path)
		if c.Finished != nil {
			state += fmt.Sprintf("; in %s it is complete, and was read back", c.Finished.Out)
			safe += fmt.Sprintf("; %s is a new file (SHA-256 %s)", c.Finished.Out, c.Finished.After)
			next = fmt.Sprintf("look at it: `salvor look %s`; see which slot the device starts before it gets the image", c.Finished.Out)
			if c.Finished.Unread > 0 {
				state += fmt.Sprintf("; %s could not be read: they are zeros there, and %s says where", host.Bytes(c.Finished.Unread), c.Finished.Map)
			}
		}
		return wire.NewResult(exitNo, state, safe, next)
	case len(complete) > 0 && len(notBegun) > 0:
		return wire.NewResult(exitNo, fmt.Sprintf("the update is incomplete: %s is complete, and nothing of %s was written", name(complete[0]), name(notBegun[0])), safe, "install the package again, once it is known why it stopped")
	case len(complete) > 0:
		state, exit, next := fmt.Sprintf("the update is complete: %s", name(complete[0])), rescue.ExitDone, "see above which slot the device starts next"
		if len(complete) > 1 {
			state += fmt.Sprintf(" and %s more", plural(int64(len(complete)-1), "part"))
		}
		if i := slices.IndexFunc(c.Choices, func(b boot.Choice) bool { return c.Leads(c.Regions, &b) == compare.SwitchedNo }); i >= 0 {
			reserved = true
			state += fmt.Sprintf("; the device does not start it, but %s", c.Choices[i].Next)
			next = "find out why boot selection was not switched, or was switched back: the new slot may have failed to start"
		}
		if reserved {
			exit = rescue.ExitReserved
			state += "; with reservations, which are told above"
		}
		return wire.NewResult(exit, state, safe, next)
	}
	return wire.NewResult(rescue.ExitReserved, "nothing of this package was found on the slots of the device: it was not begun, or goes elsewhere", safe,
		fmt.Sprintf("`salvor check %s --for %s` says whether it is for this device; --slot names its slots", o.Package, o.Path))
}
