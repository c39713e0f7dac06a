package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/diagnosis/suit"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// stdinName is what standard input is called.
const stdinName = "standard input"

func (a *app) whyCommand() *cobra.Command {
	var o rescue.WhyOptions
	var rules []string
	var format string
	cmd := &cobra.Command{
		Use:   "why [CASE] [FILE…] [--said TEXT]",
		Short: "Why did the update fail, and what is safe to do now?",
		Long: `Reads what is at hand (logs, serial captures, error texts, the package, a case) and says
what made the update fail, how sure that is, by which evidence, what speaks against it, which
one question would decide it, and what to do next without losing anything.

Logs may be of any encoding, with times, colours and garbage, packed by gzip, exports or files
of systemd's journal; - is standard input. A FILE that is a package is checked as by
salvor check; of a CASE the volumes, the health of the storage, the boot loader's settings and
the logs inside the saved file systems are read, and a package is held against it as by
salvor compare. --said takes what a person saw: words on a screen, the colour and number of
blinks of a light.

The exit code is 0 when a cause is likely or very likely, or nothing failed, and 10 when it
cannot be told. Nothing is written but, into a case, the answer.`,
		Example: "  salvor why console.log\n  dmesg | salvor why -\n  salvor why rescued update.swu\n  salvor why --said 'power light blinks red three times' --device 'ACME GW-100'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && strings.TrimSpace(o.Said) == "" {
				return usageError{errors.New("nothing to read: name a CASE or a FILE, or say with --said what was seen")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "" && format != "suit" {
				return usageError{fmt.Errorf("no format is called %q; there is suit", format)}
			}
			o.Program = program()
			return a.why(cmd.Context(), o, args, rules, format)
		},
	}
	cmd.Flags().StringVar(&o.Said, "said", "", "`TEXT` that a person saw or heard: screens, lights, beeps")
	cmd.Flags().StringVar(&o.Device, "device", "", "the `MODEL`, or what else --for of salvor check takes")
	cmd.Flags().StringArrayVar(&rules, "knowledge", nil, "a `FOLDER` with further rules (*.yaml)")
	cmd.Flags().StringVar(&format, "format", "", "`FORMAT` of the answer: suit, the vocabulary of SUIT reports")
	return cmd
}

func (a *app) why(ctx context.Context, o rescue.WhyOptions, args, rules []string, format string) (err error) {
	for _, dir := range rules {
		if !host.IsFolder(dir) {
			return &host.RefusedError{Exit: host.ExitUsage, Code: "why.knowledge", Why: fmt.Sprintf("%s is no folder.", dir), Next: "Name a folder of *.yaml files with --knowledge."}
		}
		o.Knowledge = append(o.Knowledge, os.DirFS(dir))
	}
	var open []io.Closer
	defer func() {
		for _, c := range open {
			err = errors.Join(err, c.Close())
		}
	}()
	for _, name := range args {
		in := rescue.WhyInput{Name: name}
		st, statErr := os.Stat(name)
		switch {
		case name == "-":
			in.Name, in.Reader = stdinName, os.Stdin
		case statErr == nil && st.IsDir() && !isCase(name):
			return &host.RefusedError{Exit: host.ExitUsage, Code: "why.folder", Why: fmt.Sprintf("%s is a folder, and no case.", name), Next: "Name the files in it, or a case."}
		case statErr == nil && st.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice|fs.ModeSocket) != 0:
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			open = append(open, f)
			in.Reader = f
		}
		o.Inputs = append(o.Inputs, in)
	}
	e := a.events()
	w, err := rescue.FindWhy(ctx, o, e)
	e.p.clear()
	if err != nil {
		return err
	}
	lines := w.Lines()
	switch {
	case format == "suit":
		if err := a.suit(suit.New(w.Answer)); err != nil {
			return err
		}
	case a.json:
		if err := a.whyLines(&lines); err != nil {
			return err
		}
	default:
		if _, err := io.WriteString(a.out, whyText(w, &lines)); err != nil {
			return err
		}
	}
	for _, n := range w.Notes {
		e.Finding(wire.FromFinding(n))
	}
	return a.end(w.Result())
}

func (a *app) whyLines(l *wire.Answering) error {
	for i := range l.Causes {
		if err := a.lines.Write(&l.Causes[i]); err != nil {
			return err
		}
	}
	for i := range l.Steps {
		if err := a.lines.Write(&l.Steps[i]); err != nil {
			return err
		}
	}
	return a.lines.Write(&l.Diagnosis)
}

// suit prints a report in diagnostic notation, in which the end is a comment, or as a line.
func (a *app) suit(r *suit.Report) error {
	if a.json {
		return a.lines.Write(wire.Suit{V: wire.Version, Type: "suit", Report: r, CBOR: hex.EncodeToString(r.CBOR())})
	}
	a.comment = "# "
	_, err := io.WriteString(a.out, r.Diagnostic())
	return err
}

// gradeWords says how sure an answer is, with what that was worth on cases that no rule was written from.
func gradeWords(grade diagnosis.Grade, hits diagnosis.Hits) string {
	if hits.Of == 0 {
		return grade.String()
	}
	return fmt.Sprintf("%s (such an answer was right in %d of %d cases that were held back)", grade, hits.Right, hits.Of)
}

// whyText is the answer for people.
func whyText(w *rescue.Why, l *wire.Answering) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("What happened   %s", show(w.Cause.Words()))
	for i := range w.Conclusions {
		c := &w.Conclusions[i]
		if i == 0 && c.Cause == w.Cause {
			line("How sure        %s", gradeWords(c.Grade, c.Measured))
			whyEvidence(&b, l.Causes[0].Evidence, "Because")
			whyEvidence(&b, l.Causes[0].Against, "Against it")
		}
	}
	first := true
	for i := range l.Causes {
		c := &l.Causes[i]
		if i == 0 {
			continue
		}
		if first {
			line("\nIt could also be")
			first = false
		}
		words := ""
		if len(c.Evidence) > 0 {
			words = ": " + show(c.Evidence[0].Words)
		}
		line("  %s (%s)%s", show(c.Words), c.Grade, words)
	}
	if w.Cause == diagnosis.CannotTell {
		whyEvidence(&b, l.Causes[0].Evidence, "These say only that something failed")
	}
	whyEvidence(&b, l.Diagnosis.Ended, "Failed first, and went well later")
	if w.Question != "" {
		line("\nWhat would decide it\n  %s", show(w.Question))
	}
	if len(w.Collect) > 0 {
		line("\nWhat to collect next")
		for _, c := range w.Collect {
			line("  %s", show(c))
		}
	}
	for _, p := range w.Problems {
		line("\nNot read to its end: %s", show(p))
	}
	whyPlan(&b, w.Plan)
	return b.String()
}

// whyEvidence prints reasons with their places.
func whyEvidence(b *strings.Builder, list []wire.Evidence, title string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for _, e := range list {
		fmt.Fprintf(b, "  %s", show(e.Words))
		if e.Times > 1 {
			fmt.Fprintf(b, " (%d times)", e.Times)
		}
		if e.Why != "" {
			fmt.Fprintf(b, " [%s]", show(e.Why))
		}
		fmt.Fprintf(b, "\n    %s: %s\n", whyPlace(&e), show(e.Quote))
	}
}

func whyPlace(e *wire.Evidence) string {
	at := show(e.File)
	switch {
	case e.Line > 0:
		at += fmt.Sprintf(":%d", e.Line)
	case e.Offset > 0:
		at += fmt.Sprintf(", byte %d", e.Offset)
	}
	if e.Time != "" {
		at += " (" + show(e.Time) + ")"
	}
	return at
}

// whyPlan prints the steps.
func whyPlan(b *strings.Builder, p *plan.Plan) {
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	if len(p.Steps) == 0 {
		return
	}
	line("\nWhat to do, in this order")
	if p.Passing != "" {
		line("  %s", show(p.Passing))
	}
	for i, s := range p.Steps {
		line("%3d. %s  [%s, %s]", i+1, show(s.Title), s.Risk, show(s.Takes))
		line("     %s", show(s.Reason))
		for _, c := range s.Conditions {
			line("     Only if: %s", show(c))
		}
		if s.Command != "" {
			line("       %s", show(s.Command))
		}
		line("     Done when: %s", show(s.Success))
		line("     Otherwise: %s", show(s.Otherwise))
		if s.Risk != plan.ReadOnly {
			line("     Back again: %s", show(s.Undo))
		}
	}
	if len(p.LeftOut) > 0 {
		line("\nLeft out")
		for _, l := range p.LeftOut {
			line("  %s: %s", show(l.Title), show(l.Why))
		}
	}
	if p.Prevention != "" {
		line("\nNext time\n  %s", show(p.Prevention))
	}
}
