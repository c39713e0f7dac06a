package rescue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"salvor/casefile"
	"salvor/filetype"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/recovery"
)

// Exit codes that the job gives; host has those of refusals.
const (
	ExitDone     = 0
	ExitStopped  = 3
	ExitReserved = 10
	ExitLocked   = 20
	ExitBad      = 50
)

// ExitOf returns the exit code for an error that ended a verb.
func ExitOf(err error) int {
	var refused *host.RefusedError
	_, exhausted := imaging.IsExhausted(err)
	switch {
	case err == nil:
		return ExitDone
	case exhausted:
		return ExitStopped
	case errors.As(err, &refused):
		return refused.ExitCode()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		recovery.IsFull(err), errors.Is(err, imaging.ErrGone):
		return ExitStopped
	}
	return host.ExitError
}

// failed is the result of a job that ended before there was a case to speak of.
func failed(err error, o Options) wire.Result {
	return Failure(err, "nothing was written to "+o.Source)
}

// Failure is the result of a verb that an error ended. safe says what is safe.
func Failure(err error, safe string) wire.Result {
	exit := ExitOf(err)
	var refused *host.RefusedError
	var full *recovery.TargetFullError
	var r wire.Result
	switch {
	case errors.As(err, &refused):
		r = wire.NewResult(exit, refused.Why, safe, refused.Next)
		r.Code = refused.Code
	case errors.As(err, &full):
		r = wire.NewResult(exit, "stopped: the disk that is saved to is full ("+full.Error()+")", safe,
			fmt.Sprintf("make %s free there and run the same command again, or save a part elsewhere with `salvor save`", host.Bytes(full.Needed)))
		r.Code = "target.full"
	case recovery.IsFull(err):
		r = wire.NewResult(exit, "stopped: the disk that is saved to is full ("+err.Error()+")", safe,
			"make room there and run the same command again: it goes on where it was")
		r.Code = "target.full"
	case errors.Is(err, imaging.ErrGone):
		r = wire.NewResult(exit, "stopped: the source disappeared while it was read", safe,
			"connect it again, by another cable or port if you can, and run the same command again: it goes on where it was")
		r.Code = "source.gone"
	case isExhausted(err):
		r = wire.NewResult(exit, "stopped, as asked: "+err.Error(), safe, "run the same command with a wider limit: it goes on where it was")
		r.Code = "limit"
	case exit == ExitStopped:
		r = wire.NewResult(exit, "stopped before the end", safe, "run the same command again: it goes on where it was")
		r.Code = "stopped"
	default:
		r = wire.NewResult(exit, "it failed: "+err.Error(), safe, "run the same command again; if it fails at the same place, report it with this message")
	}
	return r
}

func isExhausted(err error) bool {
	_, ok := imaging.IsExhausted(err)
	return ok
}

// outcome says in what state things are, what is safe and which step is next, and writes it into the reports.
func (j *job) outcome(ctx context.Context, err error) wire.Result {
	if j.cat == nil {
		return failed(err, j.o)
	}
	ctx = context.WithoutCancel(ctx)
	summary, sumErr := j.cat.Summary(ctx, recovery.Query{})
	if sumErr != nil {
		return failed(errors.Join(err, sumErr), j.o)
	}
	counts := map[string]wire.Count{}
	for _, g := range summary.Groups {
		if g.Dir || g.Save == recovery.Skipped {
			continue
		}
		c := counts[g.Verdict.String()]
		counts[g.Verdict.String()] = wire.Count{Files: c.Files + g.Files, Bytes: c.Bytes + g.Bytes}
	}
	were := "was"
	if len(j.o.More) > 0 {
		were = "were"
	}
	safe := fmt.Sprintf("%d files (%s) are saved in %s with their hashes; %s %s only read",
		j.safe.Files, host.Bytes(j.safe.Bytes), j.o.Case, j.sources(), were)
	var r wire.Result
	switch {
	case err != nil:
		r = Failure(err, safe)
	case j.o.TakeOnly:
		r = j.takenResult()
	default:
		r = j.finished(counts, safe)
	}
	r.Case, r.Counts = j.c.Dir(), counts
	if !j.o.TakeOnly {
		if e := j.report(ctx, r, err == nil); e != nil {
			j.log.Error("the report could not be written", "error", e)
			if r.Exit == ExitDone || r.Exit == ExitReserved {
				r.Exit = host.ExitError
				r.State += "; the report could not be written: " + e.Error()
			}
		}
	}
	_ = j.c.Append("result", map[string]any{"exit": r.Exit, "state": r.State})
	return r
}

// takenResult is the result of the verb copy.
func (j *job) takenResult() wire.Result {
	exit, size, inPlace := ExitDone, int64(0), false
	for _, d := range j.disks {
		size += d.opened.Size
		inPlace = inPlace || d.inPlace && d.packed == nil
	}
	state := fmt.Sprintf("%s was read to its end: %s", j.sources(), host.Bytes(size))
	if len(j.disks) > 1 {
		state = fmt.Sprintf("%s were read to their ends: %s", j.sources(), host.Bytes(size))
	}
	if bad := j.allBad(); bad > 0 {
		exit = ExitReserved
		state += fmt.Sprintf(", of which %s could not be read", host.Bytes(bad))
	}
	if left := j.allLeft(); left > 0 {
		exit = ExitReserved
		state = fmt.Sprintf("%s was read as far as it was asked for: %s of %s, and %s could not be read", j.sources(), host.Bytes(size-left-j.allBad()), host.Bytes(size), host.Bytes(j.allBad()))
	}
	safe := "the copy stands in the case with one hash for each MiB; the source was only read"
	if inPlace {
		safe = "the image is used where it lies, with one hash for each MiB in the case"
	}
	return wire.NewResult(exit, state, safe, fmt.Sprintf("run `salvor rescue %s --to %s`: it works on the copy, and looks at the source only to see that it is the same",
		strings.Join(append([]string{j.o.Source}, j.o.More...), " "), j.o.Case))
}

// allLeft returns how many bytes were not to be read.
func (j *job) allLeft() int64 {
	var n int64
	for _, d := range j.disks {
		n += d.left
	}
	return n
}

// finished is the result of a job that came to its end.
func (j *job) finished(counts map[string]wire.Count, safe string) wire.Result {
	var total int64
	var parts []string
	for v := filetype.Proven; ; v-- {
		if c := counts[v.String()]; c.Files > 0 {
			total += c.Files
			parts = append(parts, fmt.Sprintf("%d %s", c.Files, v.Words()))
		}
		if v == filetype.Unknown {
			break
		}
	}
	state := "no file was found"
	if total > 0 {
		state = fmt.Sprintf("%s found: %s", wereFiles(total), strings.Join(parts, ", "))
	}
	var locked, closed []string
	for _, v := range j.volumes() {
		switch {
		case v.State == layers.Locked:
			locked = append(locked, j.labels[v.Volume])
		case v.Set != "":
			// What it is a member of is spoken of, and what its lock protected is open.
		case v.FS == nil && len(v.Children) == 0 && v.Kind != "swap":
			closed = append(closed, fmt.Sprintf("%s (%s)", j.labels[v.Volume], v.Kind))
		}
	}
	if len(locked) > 0 {
		state += fmt.Sprintf("; locked: %s", strings.Join(locked, ", "))
	}
	if len(closed) > 0 {
		state += fmt.Sprintf("; without names, by content only: %s", strings.Join(closed, ", "))
	}
	lacking, lost := j.lacking()
	state += lacking
	bad := j.allBad()
	if bad > 0 {
		state += fmt.Sprintf("; %s of the source could not be read", host.Bytes(bad))
	}
	if j.saved.Failed > 0 {
		state += fmt.Sprintf("; %d files could not be written", j.saved.Failed)
	}
	broken := counts[filetype.Partial.String()].Files + counts[filetype.Damaged.String()].Files
	encrypted := counts[filetype.Encrypted.String()].Files
	html, _ := j.c.ReportPaths()
	next := fmt.Sprintf("open %s, look through the files, and keep the source as it is until you have seen that nothing is missing", filepath.Clean(html))
	if len(locked) > 0 {
		next = "run the same command again with what opens the locked volumes: with --ask it asks for it, --passphrase-file, --key-file and the like name files; " + next
	}
	if lost {
		next = "name the missing disks beside the others, if there are any left; " + next
	}
	exit := ExitDone
	switch {
	case total-encrypted == 0 && encrypted+int64(len(locked)) > 0:
		exit = ExitLocked
	case broken > 0, encrypted > 0, len(locked) > 0, len(closed) > 0, lacking != "", bad > 0, j.saved.Failed > 0, total == 0:
		exit = ExitReserved
	}
	return wire.NewResult(exit, state, safe, next)
}

// lacking says which sets lack members, and whether anything is lost by that.
func (j *job) lacking() (words string, lost bool) {
	for _, d := range j.disks {
		if d.tree == nil {
			continue
		}
		d.tree.Walk(func(l *layers.Layer, _ int) bool {
			missing := 0
			for _, c := range l.Children {
				if c.State == layers.Missing && c.Set == l.ID {
					missing++
				}
			}
			if missing == 0 {
				return true
			}
			what := "member"
			if missing > 1 {
				what = "members"
			}
			words += fmt.Sprintf("; the set %s lacks %d %s", cmp.Or(l.Label, l.UUID, l.ID), missing, what)
			if d.virtual != nil && d.virtual.Whole {
				words += ", which costs no file"
			} else {
				lost = true
			}
			return true
		})
	}
	return words, lost
}

// sources names what was read, for people.
func (j *job) sources() string {
	var paths []string
	for _, d := range j.disks {
		if d.virtual == nil {
			paths = append(paths, d.path)
		}
	}
	if n := len(paths); n > 1 {
		return strings.Join(paths[:n-1], ", ") + " and " + paths[n-1]
	}
	return strings.Join(paths, "")
}

// allBad returns how many bytes of all disks could not be read.
func (j *job) allBad() int64 {
	n := int64(0)
	for _, d := range j.disks {
		n += d.bad
	}
	return n
}

// volumes returns the accepted volumes of all disks.
func (j *job) volumes() []*layers.Layer {
	var list []*layers.Layer
	for _, d := range j.disks {
		if d.tree != nil {
			list = append(list, d.tree.Volumes()...)
		}
	}
	return list
}

// wereFiles counts files in words.
func wereFiles(n int64) string {
	if n == 1 {
		return "1 file was"
	}
	return fmt.Sprintf("%d files were", n)
}

// report writes report.html and report.json.
func (j *job) report(ctx context.Context, r wire.Result, finished bool) error {
	steps := []string{"Look at the files under files/ first: they have their own names and folders.",
		"Compare with what you remember; what is missing may stand under deleted/ or carved/.",
		"Copy what matters to a second disk, and check it there with `sha256sum -c SHA256SUMS`."}
	not := []string{"Do not format, repair, reset or update the source before you have seen that your files are here.",
		"Do not run fsck, chkdsk or a partition tool on the source; work on a copy."}
	if j.allBad() > 0 {
		steps = append(steps, "The source has places that cannot be read: copy it with a tool for failing media before anything else, and do not leave it switched on.")
	}
	var pictures []casefile.Thumbnail
	if finished { // whoever stopped the work does not wait for them
		pictures = j.thumbnails(ctx)
	}
	return casefile.WriteReports(ctx, j.c, casefile.ReportData{
		Result: r, Finished: finished, Catalogue: j.cat, Findings: j.findings, Floors: j.floors(), Steps: steps, Avoid: not,
		Thumbnails: pictures,
	})
}
