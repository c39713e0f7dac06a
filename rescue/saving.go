package rescue

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
)

var (
	saveTooLarge = &finding.Def{Code: "save.large", Severity: finding.Warning,
		Text: "{count} of the chosen files are larger than {path} can hold, which takes at most {expected} in one file (the largest has {found}): they will not be saved there"}
	saveMemory = &finding.Def{Code: "save.memory", Severity: finding.Warning,
		Text: "{path} is kept in memory: what is saved there is gone when the computer is switched off"}
	saveRemovable = &finding.Def{Code: "save.removable", Severity: finding.Info,
		Text: "{path} is on a disk that can be pulled out ({fs}): eject it before that, or what was saved last may be lost"}
	saveNoReport = &finding.Def{Code: "save.no-report", Severity: finding.Warning, Text: "the report could not be written: {found}"}
)

// SavePlan is what is known of a saving before anything is written.
type SavePlan struct {
	Target    host.Target
	Need      recovery.Need
	Standing  int64 // bytes that stand in the folder already, from an earlier saving
	Removable bool  // the disk can be pulled out
	Warnings  []finding.Finding
}

// Apart returns how much of it is kept apart, in the folder "partial": files with missing or damaged bytes.
func (p *SavePlan) Apart() recovery.Count {
	a, b := p.Need.Verdicts[filetype.Partial], p.Need.Verdicts[filetype.Damaged]
	return recovery.Count{Files: a.Files + b.Files, Bytes: a.Bytes + b.Bytes}
}

// Check refuses a target with too little room.
func (p *SavePlan) Check() error { return p.Target.Check(p.Need.Space - p.Standing) }

// PlanElsewhere says what saving a selection in the folder to takes, and what speaks against that place. It writes
// nothing. Errors are the refusals of [Case.CheckElsewhere], with the plan as far as it goes; too little room is no
// error here: see [SavePlan.Check].
func (c *Case) PlanElsewhere(ctx context.Context, to string, q recovery.Query) (SavePlan, error) {
	return c.PlanNeed(ctx, to, func(t recovery.Target) (recovery.Need, error) { return c.NeedElsewhere(ctx, q, t) })
}

// NeedElsewhere returns what saving a selection to a target outside of the case takes, with what belongs together. Of very
// many files this takes seconds.
func (c *Case) NeedElsewhere(ctx context.Context, q recovery.Query, t recovery.Target) (recovery.Need, error) {
	if err := c.Elsewhere(ctx, &q); err != nil {
		return recovery.Need{}, err
	}
	return recovery.NeedOf(ctx, c.Catalog, q, t)
}

// PlanNeed is PlanElsewhere for a selection of which need says what it takes.
func (c *Case) PlanNeed(ctx context.Context, to string, need func(recovery.Target) (recovery.Need, error)) (p SavePlan, err error) {
	target, refused := c.CheckElsewhere(to)
	if p.Need, err = need(Limits(target)); err != nil {
		return p, err
	}
	p.Target = target
	if refused != nil {
		return p, refused
	}
	if target.Exists {
		if p.Standing, err = standing(ctx, to); err != nil {
			return p, err
		}
	}
	if target.Device != "" {
		if disk, ok := host.DiskOf(ctx, target.Device); ok {
			p.Removable = disk.Removable || disk.Transport == "usb"
		}
	}
	if n := p.Need.TooLarge; n.Files > 0 {
		p.Warnings = append(p.Warnings, saveTooLarge.New(finding.Arg("count", n.Files), finding.Arg("path", to),
			finding.Expected(host.Bytes(target.MaxFileSize), host.Bytes(p.Need.Largest))))
	}
	if target.Memory {
		p.Warnings = append(p.Warnings, saveMemory.New(finding.Arg("path", to)))
	}
	if p.Removable {
		p.Warnings = append(p.Warnings, saveRemovable.New(finding.Arg("path", to), finding.Arg("fs", target.FS)))
	}
	return p, nil
}

// standing returns how many bytes the trees of an earlier saving have in the folder to.
func standing(ctx context.Context, to string) (n int64, err error) {
	for _, tree := range []string{"files", "deleted", "older", "carved", "partial"} {
		size, err := host.TreeSize(ctx, filepath.Join(to, tree))
		if err != nil {
			return 0, err
		}
		n += size
	}
	return n, nil
}

// Saving is what a saving came to.
type Saving struct {
	wire.Result
	To    string
	Need  recovery.Need
	Saved recovery.SaveResult
}

// SaveElsewhere saves a selection of the case's files in the folder to. What was written is read again from the disk and
// compared, and a report of it is put beside the files; the case itself is not changed. Going on with a saving that was
// stopped writes nothing twice. The result says what holds, also when files could not be saved; the error is what kept the
// saving from its beginning.
func (c *Case) SaveElsewhere(ctx context.Context, to string, q recovery.Query, events Events) (out Saving, err error) {
	begun := time.Now()
	out.To = to
	if err := c.Elsewhere(ctx, &q); err != nil {
		return out, err
	}
	plan, err := c.PlanNeed(ctx, to, func(t recovery.Target) (recovery.Need, error) { return recovery.NeedOf(ctx, c.Catalog, q, t) })
	if err != nil {
		return out, err
	}
	root, err := host.MakeRoot(to)
	if err != nil {
		return out, err
	}
	defer root.Close()
	target, err := host.InspectTarget(to)
	if err == nil {
		err = target.Probe()
	}
	if err != nil {
		return out, err
	}
	if out.Need, err = recovery.NeedOf(ctx, c.Catalog, q, Limits(target)); err != nil {
		return out, err
	}
	if err := target.Check(out.Need.Space - plan.Standing); err != nil {
		return out, err
	}
	labels, err := c.Labels(ctx)
	if err != nil {
		return out, err
	}
	tables, err := NewTables()
	if err != nil {
		return out, err
	}
	report := &casefile.Saving{Program: c.Record().Program, Case: c.Dir(), To: to, Sources: c.Record().Sources, Begun: begun}
	tell := func(list []finding.Finding) {
		for _, f := range list {
			events.Finding(wire.FromFinding(f))
			report.Findings = append(report.Findings, wire.FromFinding(f))
		}
	}
	tell(plan.Warnings)
	saved, err := recovery.Save(ctx, recovery.SaveOptions{
		Catalog: c.Catalog, Root: root, Elsewhere: true, Query: q, Target: Limits(target), Free: max(target.Free+plan.Standing, 0),
		LabelOf: func(v int) string { return labels[v] }, Decode: tables.Decode,
		SyncFS:   func() error { return host.SyncFS(to) },
		Medium:   func(source int) (block.Source, error) { return c.Medium(ctx, source) },
		Settled:  report.Add,
		Progress: func(p recovery.SaveProgress) { events.Progress(savingProgress(p, begun)) },
	})
	out.Saved = saved
	tell(c.Absent) // which disks cannot be read is known once they were asked for
	out.Result = c.savingResult(&out, err)
	if ctx.Err() != nil || out.Need.Files+out.Need.TooLarge.Files == 0 {
		return out, nil // it goes on, and reports then; or there is nothing to report
	}
	report.Result, report.Checked, report.Ended = out.Result, out.Checked, time.Now()
	name, err := report.WriteInto(root)
	if err != nil {
		events.Finding(wire.FromFinding(saveNoReport.New(finding.Expected(nil, err))))
		return out, nil
	}
	out.Report = filepath.Join(to, name)
	return out, nil
}

// savingProgress counts as safe what was read again.
func savingProgress(p recovery.SaveProgress, begun time.Time) wire.Progress {
	l := wire.NewProgress("save", p.Bytes, p.TotalBytes, "bytes")
	l.SafeFiles, l.SafeBytes = p.Checked.Files, p.Checked.Bytes
	l.Rate = float64(p.Bytes) / max(time.Since(begun).Seconds(), 0.001)
	if left := timeLeft(p.TotalBytes-p.Bytes, l.Rate); left >= 0 {
		seconds := left.Seconds()
		l.Left = &seconds
	}
	l.Words = fmt.Sprintf("saving files, %d of %d; read again and compared: %d", p.Files, p.TotalFiles, p.Checked.Files)
	return l
}

// savingResult says what a saving came to, which err ended.
func (c *Case) savingResult(s *Saving, err error) wire.Result {
	n := s.Saved
	safe := fmt.Sprintf("%s (%s) saved in %s", countFiles(n.Saved.Files), host.Bytes(n.Saved.Bytes), s.To)
	checked := checkedWords(n)
	if err != nil {
		r := Failure(err, safe)
		r.Checked = checked
		return r
	}
	state := fmt.Sprintf("%s selected, and all of it is saved", countFiles(s.Need.Files))
	next := fmt.Sprintf("look through %s, and keep the case until you have seen that nothing is missing", s.To)
	exit := ExitDone
	if n.Already > 0 {
		state += fmt.Sprintf(", %d of them stood there already", n.Already)
	}
	if n.Failed+n.Lowered > 0 {
		exit = ExitReserved
		state = fmt.Sprintf("%d of %s selected could not be saved whole", n.Failed+n.Lowered, countFiles(s.Need.Files+s.Need.TooLarge.Files))
	}
	if n.Differ > 0 {
		next = fmt.Sprintf("do not rely on the disk that holds %s: save once more to another one", s.To)
	}
	if len(c.Absent) > 0 {
		exit = ExitReserved
	}
	if s.Need.Files+s.Need.TooLarge.Files == 0 {
		state = "no file fits the selection"
		exit = ExitReserved
		next = fmt.Sprintf("leave an option out; `salvor files %s` with the same options shows what they select", c.Dir())
	}
	r := wire.NewResult(exit, state, safe, next)
	r.Checked = checked
	return r
}

// checkedWords says what reading it again came to.
func checkedWords(n recovery.SaveResult) string {
	switch {
	case n.Differ > 0:
		return fmt.Sprintf("%s read again from the disk, and %d are not what was written: this disk cannot be relied on", countFiles(n.Checked.Files+n.Differ), n.Differ)
	case n.Checked.Files == 0:
		return "nothing was written that could be read again"
	}
	return fmt.Sprintf("%s (%s) read again from the disk, and each is exactly what was written", countFiles(n.Checked.Files), host.Bytes(n.Checked.Bytes))
}
