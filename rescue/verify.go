package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/recovery"
)

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

// Verify checks that all that was saved is still what it was: the saved files, the journal, the notes and the media.
func (c *Case) Verify(ctx context.Context, events Events) (wire.Result, error) {
	result, err := recovery.Verify(ctx, c.Catalog, c.Root(), readingAgain(events))
	if err != nil {
		return wire.Result{}, err
	}
	for _, m := range result.Bad {
		events.Finding(wire.FromFinding(savedChanged.New(finding.Arg("path", m.Path), finding.Expected(m.Expected, m.Found))))
	}
	for _, p := range result.Missing {
		events.Finding(wire.FromFinding(savedMissing.New(finding.Arg("path", p))))
	}
	for _, p := range result.Extra {
		events.Finding(wire.FromFinding(savedExtra.New(finding.Arg("path", p))))
	}
	bad := result.BadCount + result.MissingCount
	var broken *casefile.JournalError
	if _, err := c.VerifyJournal(); errors.As(err, &broken) {
		bad++
		events.Finding(wire.FromFinding(journalBroken.New(finding.Arg("what", broken))))
	} else if err != nil {
		return wire.Result{}, err
	}
	notes, err := c.verifyNotes(events)
	if err != nil {
		return wire.Result{}, err
	}
	bad += notes
	changed, reserved, err := c.verifyMedia(ctx, events)
	if err != nil {
		return wire.Result{}, err
	}
	bad += changed
	safe := fmt.Sprintf("%s (%s) unchanged since saved", countFiles(result.Checked.Files), host.Bytes(result.Checked.Bytes))
	switch {
	case bad > 0:
		state := fmt.Sprintf("%d things differ from what the case says", bad)
		if bad == 1 {
			state = "1 thing differs from what the case says"
		}
		return wire.NewResult(ExitBad, state, safe,
			fmt.Sprintf("do not trust what is named above; `salvor save %s --to FOLDER` makes those files again from the source", c.Dir())), nil
	case reserved != "":
		return wire.NewResult(ExitReserved, "all saved files are what they were; "+reserved, safe, "bring the source back to check it too"), nil
	}
	return wire.NewResult(ExitDone, "everything in the case is what it was", safe, "nothing needs to be done"), nil
}

// verifyNotes reads the notes again, and returns how many are not what was added.
func (c *Case) verifyNotes(events Events) (bad int64, err error) {
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
			events.Finding(wire.FromFinding(noteChanged.New(finding.Arg("path", n.Path), finding.Expected(n.SHA256, sum))))
		}
	}
	return bad, nil
}

// verifyMedia reads the sources again, as far as they can be reached, and returns in how many places they
// changed, and in words what could not be checked.
func (c *Case) verifyMedia(ctx context.Context, events Events) (changed int64, reserved string, err error) {
	for _, s := range c.Record().Sources {
		medium, err := c.Medium(ctx, s.Number)
		var refused *host.RefusedError
		switch {
		case errors.As(err, &refused) && refused.Exit == host.ExitRefused:
			changed++
			events.Finding(wire.FromFinding(refused.Finding()))
			continue
		case err != nil && s.InPlace:
			reserved = fmt.Sprintf("the image %s could not be opened (%v)", s.Path, err)
			continue
		case err != nil:
			return changed, reserved, err
		}
		bad, err := c.verifyContainer(ctx, s.Number, events)
		if err != nil {
			return changed, reserved, err
		}
		changed += bad
		if _, err := c.ReadSums(s.Number, func(r io.Reader, _ io.ReaderAt, _ int64) error {
			v, err := imaging.Verify(ctx, medium, imaging.ReadSums(r))
			if err != nil {
				return err
			}
			for x := range v.Changed.All() {
				changed++
				f := wire.FromFinding(imageChanged.New(finding.At(x.Offset, x.Length), finding.Arg("place", x), finding.Arg("source", s.Number)))
				f.Source = s.Number
				events.Finding(f)
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
func (c *Case) verifyContainer(ctx context.Context, source int, events Events) (bad int64, err error) {
	list, _, err := c.VerifyContainer(ctx, source)
	for _, f := range list {
		w := wire.FromFinding(f)
		w.Source = source
		events.Finding(w)
		if f.Severity == finding.Error {
			bad++
		}
	}
	return bad, err
}

// countFiles returns a number of files in words.
func countFiles(n int64) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// readingAgain says how far the reading of saved files is.
func readingAgain(events Events) func(recovery.SaveProgress) {
	return func(p recovery.SaveProgress) {
		l := wire.NewProgress("verify", p.Bytes, p.TotalBytes, "bytes")
		l.Words = fmt.Sprintf("reading saved files again, %d of %d", p.Files, p.TotalFiles)
		events.Progress(l)
	}
}
