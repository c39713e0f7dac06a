package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// exitNo is the exit code for a package that must not be installed.
const exitNo = 50

func (a *app) checkCommand() *cobra.Command {
	var o rescue.CheckOptions
	cmd := &cobra.Command{
		Use:   "check FILE [--for DEVICE|CASE]",
		Short: "Is this firmware whole, genuine, and for this device?",
		Long: `Opens an update package or flash image, with all that stands in it, recomputes every check that
its formats carry, and answers three questions with OK, NO or CANNOT TELL:

whole     every checksum fits, and nothing is cut off
genuine   the signatures fit the keys that --keys names; without a key never OK
for this device   models, revisions, versions and room, against what --for tells

--for names a case or an image of the device, whose files say what it is; a file that says it
(JSON, YAML, or the log of a boot); the words on its label: "ACME GW-100 hw 1.0 fw 1.5.0"; or a
fact: board=acme,router-3 hardware=rev2 version=23.05 flash=16Mi space.rootfs=6Mi. It can be
given several times.

--available names a folder of packages, a package or a list of versions, and gives the steps from
the installed version to this one. --keys and --available can be given several times too.
Nothing is written anywhere.`,
		Example: "  salvor check update.bin\n  salvor check update.bin --for rescued --keys keys/\n  salvor check update.bin --for board=acme,router-3 --current 2.4.0",
		Args:    exactly(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File, o.Program = args[0], program()
			return a.check(cmd, o)
		},
	}
	cmd.Flags().StringArrayVar(&o.For, "for", nil, "the `DEVICE`: a case, an image, a file that describes it, its label, or KIND=VALUE")
	cmd.Flags().StringVar(&o.Current, "current", "", "the `VERSION` that is installed")
	cmd.Flags().StringArrayVar(&o.Available, "available", nil, "a `FOLDER|LIST` of packages that can be installed on the way, or one such package")
	cmd.Flags().StringArrayVar(&o.Keys, "keys", nil, "a `FOLDER` of public keys and certificates, or one such file")
	return cmd
}

func (a *app) check(cmd *cobra.Command, o rescue.CheckOptions) (err error) {
	c, err := rescue.CheckPackage(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := a.parts(c.Part); err != nil {
		return err
	}
	questions := []struct {
		name, words, short string
		v                  firmware.Verdict
	}{{"whole", "Whole?", "whole", c.Whole}, {"genuine", "Genuine?", "genuine", c.Genuine}, {"fits", "For this device?", "for this device", c.Fits}}
	exit := rescue.ExitDone
	var no, open []string
	for _, q := range questions {
		if a.json {
			if err := a.lines.Write(wire.NewCheck(q.name, q.v)); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(a.out, "\n%-18s %v\n", q.words, q.v.Answer)
			for _, r := range q.v.Reasons {
				if _, err := fmt.Fprintf(a.out, "    %s\n", show(r)); err != nil {
					return err
				}
			}
		}
		switch q.v.Answer {
		case firmware.No:
			exit, no = exitNo, append(no, q.short)
		case firmware.CannotTell:
			open = append(open, q.short)
		}
	}
	e := a.events()
	if !a.json && c.WayAsked {
		fmt.Fprintf(a.out, "\n%-18s %s\n", "The way to it", wayWords(c.Way))
	}
	if a.json && c.WayAsked {
		for _, s := range c.Way {
			if err := a.lines.Write(wire.NewWayStep(s)); err != nil {
				return err
			}
		}
	}
	for _, n := range c.Notes {
		e.Finding(wire.FromFinding(n))
	}
	for _, w := range c.Warnings {
		e.Finding(wire.FromFinding(rescue.PackageWarning(w)))
	}
	state, next := o.File+" is whole, genuine and for this device", "check the power and the storage of the device before it is written"
	switch {
	case len(no) > 0:
		state, next = fmt.Sprintf("%s is not %s", o.File, strings.Join(no, ", not ")), "do not install it; get the file again from its maker, and check that one"
	case len(open) > 0:
		exit = rescue.ExitReserved
		state, next = fmt.Sprintf("nothing speaks against %s, but whether it is %s cannot be told", o.File, strings.Join(open, ", ")), "name the device with --for and the maker's keys with --keys, as far as they are known"
		if c.Part.Format == "" {
			state, next = fmt.Sprintf("%s is no package or image that is known", o.File), "compare its size and hash with those that its maker names"
		}
	}
	if len(c.Way) > 1 {
		next = "install the steps one after the other: " + wayWords(c.Way)
	}
	return a.end(wire.NewResult(exit, state, o.File+" was only read, and nothing was installed", next))
}

// wayWords says the steps to a package.
func wayWords(way []firmware.Step) string {
	if len(way) == 0 {
		return "none of what is available leads to it"
	}
	var words []string
	for _, s := range way {
		word := show(s.Name)
		if s.Version != "" && s.Version != s.Name {
			word += " (" + show(s.Version) + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", then ")
}

// parts prints the tree of a package.
func (a *app) parts(root *firmware.Part) error {
	ids := []int{}
	var walk func(p *firmware.Part, depth int) error
	walk = func(p *firmware.Part, depth int) error {
		words := make([]string, len(ids)+1)
		words[0] = "0"
		for i, n := range ids {
			words[i+1] = fmt.Sprint(n)
		}
		line := wire.FromPart(strings.Join(words, "."), p)
		if a.json {
			line.SHA256 = rescue.PartSum(p)
			if err := a.lines.Write(line); err != nil {
				return err
			}
		} else {
			title := p.Title
			if title == "" {
				title = string(p.Role)
			}
			where := fmt.Sprintf("at 0x%X", p.Offset)
			if p.Unpacked {
				where = "unpacked"
			}
			name := ""
			if p.Name != "" {
				name = fmt.Sprintf("%q ", p.Name)
			}
			if _, err := fmt.Fprintf(a.out, "%s%s  %s%s, %s\n", strings.Repeat("  ", depth), show(title), show(name), where, host.Bytes(p.Size)); err != nil {
				return err
			}
			for _, f := range p.Findings {
				if _, err := fmt.Fprintf(a.out, "%s%s: %s\n", strings.Repeat("  ", depth+1), f.Severity, show(f.Text)); err != nil {
					return err
				}
			}
		}
		for i, c := range p.Children {
			ids = append(ids, i)
			if err := walk(c, depth+1); err != nil {
				return err
			}
			ids = ids[:len(ids)-1]
		}
		return nil
	}
	return walk(root, 0)
}
