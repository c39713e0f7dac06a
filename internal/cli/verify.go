package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// exitBad is the exit code for what was checked and is bad.
const exitBad = 50

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{savedChanged, savedMissing, savedExtra, journalBroken, imageChanged, noteChanged}

var (
	savedChanged = &finding.Def{Code: "verify.changed", Severity: finding.Error,
		Text: "{path} is not what was saved: its SHA-256 should be {expected} and is {found}"}
	savedMissing = &finding.Def{Code: "verify.missing", Severity: finding.Error, Text: "{path} was saved and is not there any more"}
	savedExtra   = &finding.Def{Code: "verify.extra", Severity: finding.Info, Text: "{path} was not saved by this program"}

	journalBroken = &finding.Def{Code: "verify.journal", Severity: finding.Error, Text: "the custody journal was changed: {what}"}
	noteChanged   = &finding.Def{Code: "verify.note", Severity: finding.Error, Text: "the note {path} is not what was added: its SHA-256 should be {expected} and is {found}"}
	imageChanged  = &finding.Def{Code: "verify.image", Severity: finding.Error,
		Text: "the bytes {place} of source {source} are not what was read: their hash is another one"}
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify CASE",
		Short: "Check that all that was saved is still what it was",
		Long: `Reads every saved file again and compares its SHA-256, checks the chain of the custody
journal, and reads the copy (or the image that is used in place) again to compare each
MiB with its hash, and checks the sums that an image (E01) stores of its disk.
Exit code 50 when something differs.`,
		Args: exactly(1, "one CASE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd, args[0]) },
	}
	a.secrets.add(cmd)
	return cmd
}

func (a *app) verify(cmd *cobra.Command, dir string) error {
	ctx := cmd.Context()
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	c, err := rescue.OpenCase(dir, program())
	if err != nil {
		return err
	}
	defer c.Close()
	c.Keys = keys
	result, err := recovery.Verify(ctx, c.Catalog, c.Root(), func(p recovery.SaveProgress) {
		l := wire.NewProgress("verify", p.Bytes, p.TotalBytes, "bytes")
		l.Words = fmt.Sprintf("reading saved files again, %d of %d", p.Files, p.TotalFiles)
		e.Progress(l)
	})
	if err != nil {
		return err
	}
	for _, m := range result.Bad {
		e.Finding(wire.FromFinding(savedChanged.New(finding.Arg("path", m.Path), finding.Expected(m.Expected, m.Found))))
	}
	for _, p := range result.Missing {
		e.Finding(wire.FromFinding(savedMissing.New(finding.Arg("path", p))))
	}
	for _, p := range result.Extra {
		e.Finding(wire.FromFinding(savedExtra.New(finding.Arg("path", p))))
	}
	bad := result.BadCount + result.MissingCount
	var broken *casefile.JournalError
	if _, err := c.VerifyJournal(); errors.As(err, &broken) {
		bad++
		e.Finding(wire.FromFinding(journalBroken.New(finding.Arg("what", broken))))
	} else if err != nil {
		return err
	}
	notes, err := verifyNotes(c, e)
	if err != nil {
		return err
	}
	bad += notes
	changed, reserved, err := a.verifyMedia(cmd, c, e)
	e.p.clear()
	if err != nil {
		return err
	}
	bad += changed
	safe := fmt.Sprintf("%s (%s) unchanged since saved", files(result.Checked.Files), host.Bytes(result.Checked.Bytes))
	switch {
	case bad > 0:
		state := fmt.Sprintf("%d things differ from what the case says", bad)
		if bad == 1 {
			state = "1 thing differs from what the case says"
		}
		return a.end(wire.NewResult(exitBad, state, safe,
			fmt.Sprintf("do not trust what is named above; `salvor save %s --to FOLDER` makes those files again from the source", dir)))
	case reserved != "":
		return a.end(wire.NewResult(rescue.ExitReserved, "all saved files are what they were; "+reserved, safe, "bring the source back to check it too"))
	}
	return a.end(wire.NewResult(rescue.ExitDone, "everything in the case is what it was", safe, "nothing needs to be done"))
}

// verifyNotes reads the notes again, and returns how many are not what was added.
func verifyNotes(c *rescue.Case, e *events) (bad int64, err error) {
	notes, err := c.CaseNotes()
	if err != nil {
		return 0, err
	}
	for _, n := range notes {
		sum, err := c.CheckNote(n)
		if err != nil {
			sum = err.Error()
		}
		if sum != n.SHA256 {
			bad++
			e.Finding(wire.FromFinding(noteChanged.New(finding.Arg("path", n.Path), finding.Expected(n.SHA256, sum))))
		}
	}
	return bad, nil
}

// verifyMedia reads the sources again, as far as they can be reached, and returns in how many places they
// changed, and in words what could not be checked.
func (a *app) verifyMedia(cmd *cobra.Command, c *rescue.Case, e *events) (changed int64, reserved string, err error) {
	for _, s := range c.Record().Sources {
		medium, err := c.Medium(cmd.Context(), s.Number)
		var refused *host.RefusedError
		switch {
		case errors.As(err, &refused) && refused.Exit == host.ExitRefused:
			changed++
			e.Finding(wire.FromFinding(refused.Finding()))
			continue
		case err != nil && s.InPlace:
			reserved = fmt.Sprintf("the image %s could not be opened (%v)", s.Path, err)
			continue
		case err != nil:
			return changed, reserved, err
		}
		bad, err := verifyContainer(cmd, c, s.Number, e)
		if err != nil {
			return changed, reserved, err
		}
		changed += bad
		if _, err := c.ReadSums(s.Number, func(r io.Reader, _ io.ReaderAt, _ int64) error {
			v, err := imaging.Verify(cmd.Context(), medium, imaging.ReadSums(r))
			if err != nil {
				return err
			}
			for x := range v.Changed.All() {
				changed++
				f := wire.FromFinding(imageChanged.New(finding.At(x.Offset, x.Length), finding.Arg("place", x), finding.Arg("source", s.Number)))
				f.Source = s.Number
				e.Finding(f)
			}
			return nil
		}); err != nil {
			return changed, reserved, err
		}
	}
	return changed, reserved, nil
}

// verifyContainer checks the sums that the image of a source stores of its disk, and returns how many do not fit. What
// the image says it could not read when it was made is no difference.
func verifyContainer(cmd *cobra.Command, c *rescue.Case, source int, e *events) (bad int64, err error) {
	list, _, err := c.VerifyContainer(cmd.Context(), source)
	for _, f := range list {
		w := wire.FromFinding(f)
		w.Source = source
		e.Finding(w)
		if f.Severity == finding.Error {
			bad++
		}
	}
	return bad, err
}
