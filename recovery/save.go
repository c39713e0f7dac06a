package recovery

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
)

// The bounds of one batch: its files are synced together and noted in one transaction.
const (
	batchFiles = 1024
	batchBytes = 128 << 20
)

// maxHoles is how many bytes of holes and missing ranges of one file are written out. A metadata block with
// a wrong size can claim exabytes.
const maxHoles = 64 << 30

// perFile is the space that a file takes besides its content, in bytes.
const perFile = 4 << 10

// ballastSize is the space that is kept for noting what was saved when the target gets full, in bytes.
const ballastSize = 4 << 20

// maxFailures is how many files in a row may fail to be written before the target is given up.
const maxFailures = 16

// The program's own files below Root.
const (
	tempFolder  = reservedPrefix + "-tmp"
	ballastName = reservedPrefix + "-ballast"
)

// Save writes the content of entries into the trees of the case, notes in the catalogue what became of
// each, and brings SHA256SUMS up to date.
//
// A file gets its name only when its content is complete, and counts as saved only when it is safe on disk:
// whenever the work is stopped, by its context, by a full target or by the loss of power, nothing that is
// noted is missing, and saving again goes on with what is not. Bytes that turn out to be unreadable lower
// the verdict to Partial.
//
// Errors: that of ctx; [*TargetFullError]; those of the catalogue; and of the target when it takes no file
// at all. What concerns single files is in their findings.
func Save(ctx context.Context, o SaveOptions) (SaveResult, error) {
	s := &saver{SaveOptions: o, c: o.Catalog}
	s.namer = namer{layout: layout{target: &s.Target, labelOf: o.LabelOf}, c: o.Catalog}
	s.Query.Order = ByClass
	if s.batchFiles == 0 {
		s.batchFiles = batchFiles
	}
	if len(s.Query.Save) == 0 {
		s.Query.Save = []SaveState{Pending, Failed}
		if o.Elsewhere {
			s.Query.Save = []SaveState{Pending, Failed, Saved}
		}
	}
	err := s.run(ctx)
	return s.result, err
}

type saver struct {
	SaveOptions
	c        *Catalog
	namer    namer
	result   SaveResult
	progress SaveProgress
	made     map[string]bool   // folders that are known to stand
	touched  bool              // something new was saved
	failures int               // in a row
	inBatch  map[string]string // IDs of the whole files of this batch that stand, by hash
	here     map[string]string // folders that were found or made Elsewhere, by what they are for
	buf      []byte
	// noAttributes says that the target has no extended attributes.
	noAttributes bool
}

func (s *saver) run(ctx context.Context) (err error) {
	if !s.Elsewhere {
		if err := s.c.Optimize(ctx); err != nil {
			return err
		}
	}
	total, needed, err := Needed(ctx, s.c, s.Query, s.Target)
	if err != nil {
		return err
	}
	s.result.Needed = needed
	s.progress.TotalFiles, s.progress.TotalBytes = total.Files, total.Bytes
	if s.Free > 0 && needed > s.Free {
		return &TargetFullError{Needed: needed, Free: s.Free}
	}
	if err := s.begin(); err != nil {
		return s.targetError(err)
	}
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	var list []*Entry
	bytes := int64(0)
	for e, err := range s.c.Select(ctx, s.Query) {
		if err != nil {
			return err
		}
		list = append(list, e)
		bytes += e.Size
		if len(list) >= s.batchFiles || bytes >= batchBytes {
			if err := s.batch(ctx, list); err != nil {
				return err
			}
			list, bytes = nil, 0
		}
	}
	if err := s.batch(ctx, list); err != nil || s.Elsewhere {
		return err
	}
	return s.c.Optimize(ctx)
}

// begin clears what a killed run left, and keeps space for the end.
func (s *saver) begin() error {
	s.made = map[string]bool{}
	s.buf = make([]byte, 1<<20)
	if err := s.Root.RemoveAll(tempFolder); err != nil {
		return err
	}
	if err := s.Root.Mkdir(tempFolder, 0o755); err != nil {
		return err
	}
	if s.Elsewhere {
		return nil
	}
	f, err := s.Root.OpenFile(ballastName, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for n := 0; n < ballastSize && err == nil; n += len(s.buf) {
		rand.Read(s.buf) // what cannot be compressed away
		_, err = f.Write(s.buf)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		s.dropBallast()
		return errors.Join(err, s.Root.RemoveAll(tempFolder))
	}
	return nil
}

func (s *saver) dropBallast() {
	if !s.Elsewhere {
		s.Root.Remove(ballastName) // it may be gone already
	}
}

// end leaves the target tidy, whatever ended the work.
func (s *saver) end(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	s.dropBallast()
	errs := []error{s.Root.RemoveAll(tempFolder)}
	if s.Elsewhere && s.touched {
		errs = append(errs, s.foldersElsewhere(ctx))
	}
	if !s.Elsewhere {
		if s.touched {
			errs = append(errs, s.folderTimes(ctx))
		}
		errs = append(errs, WriteSums(ctx, s.c, s.Root))
		if s.SyncFS != nil {
			errs = append(errs, s.SyncFS())
		}
	}
	return errors.Join(errs...)
}

// job is an entry on its way to the disk.
type job struct {
	e       *Entry
	temp    string // where its content is until it has its name
	written bool   // the content at temp is complete
	path    string
	state   SaveState // what became of it; "" while nothing did
	already bool      // it stood there
	dirty   bool      // more than the saved state of e changed
	lowered bool      // new unreadable bytes were met
}

func (j *job) fail(state SaveState, f finding.Finding) {
	j.state, j.dirty = state, true
	j.e.Findings = replaceFinding(j.e.Findings, f)
}

// batch saves list and notes it.
func (s *saver) batch(ctx context.Context, list []*Entry) error {
	if len(list) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.inBatch = map[string]string{}
	jobs := make([]*job, len(list))
	for i, e := range list {
		jobs[i] = &job{e: e}
		s.refuse(jobs[i])
	}
	stop := s.point("begun")
	for i, j := range jobs {
		if stop != nil {
			break
		}
		if stop = ctx.Err(); stop != nil {
			break
		}
		if j.state == "" && (!s.Elsewhere || !s.stands(ctx, j)) {
			s.progress.Current = s.namer.natural(j.e)
			j.temp = fmt.Sprintf("%s/%d", tempFolder, i)
			stop = s.attempt(ctx, j, s.write)
		}
		s.progress.Files++
		s.tell()
	}
	if isTargetFull(stop) {
		s.dropBallast() // what was written before still needs names and rows
	}
	err := s.stand(ctx, jobs)
	if isTargetFull(err) {
		s.dropBallast()
		stop = errors.Join(stop, err)
		err = s.stand(ctx, jobs)
	}
	if stop == nil {
		stop = err
	}
	if err := s.sync(jobs); err != nil {
		return errors.Join(stop, s.targetError(err))
	}
	if err := s.point("synced"); err != nil {
		return err
	}
	if s.Elsewhere {
		if err := s.readBack(ctx, jobs); err != nil {
			return errors.Join(stop, err)
		}
	}
	if !s.Elsewhere {
		err := s.note(context.WithoutCancel(ctx), jobs)
		if sqliteCode(err) == sqliteFull {
			s.dropBallast()
			stop = errors.Join(stop, s.targetError(err))
			err = s.note(context.WithoutCancel(ctx), jobs)
		}
		if err != nil {
			return errors.Join(stop, s.targetError(err))
		}
	}
	s.count(jobs)
	if stop == nil {
		stop = s.point("noted")
	}
	if stop == nil && s.Elsewhere {
		stop = ctx.Err() // what was not read again is not done
	}
	return stop
}

func (s *saver) point(name string) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(name)
}

func (s *saver) tell() {
	if s.Progress != nil {
		s.Progress(s.progress)
	}
}

// refuse settles the jobs that need no attempt.
func (s *saver) refuse(j *job) {
	e := j.e
	drop := func(codes ...*finding.Def) {
		for _, d := range codes {
			for i := range e.Findings {
				if e.Findings[i].Code == d.Code {
					e.Findings = append(e.Findings[:i:i], e.Findings[i+1:]...)
					j.dirty = true
					break
				}
			}
		}
	}
	drop(notWritten, tooLarge, tooManyHoles) // of an earlier attempt
	switch holes := e.Size - e.stored(); {
	case e.IsDir(), e.Mode.Type() == fs.ModeSymlink:
	case e.Mode.Type() != 0:
		j.fail(Skipped, special.New(finding.Expected(nil, specialName(e.Mode))))
	case e.Size > 0 && e.Missing.Contains(block.Extent{Length: e.Size}):
		j.fail(Skipped, nothingLeft.New(finding.Arg("count", e.Size)))
	case s.Target.MaxFileSize > 0 && e.Size > s.Target.MaxFileSize:
		j.fail(Failed, tooLarge.New(finding.Expected(s.Target.MaxFileSize, e.Size)))
	case holes > maxHoles:
		j.fail(Failed, tooManyHoles.New(finding.Expected(int64(maxHoles), holes)))
	}
}

// plan gives every written job a path, which the catalogue keeps before anything stands under it: what is
// found there by the next run, after this one was killed, is then known to be this job's.
func (s *saver) plan(ctx context.Context, jobs []*job) error {
	var stale []string
	err := s.c.change(ctx, func(tx *sql.Tx) error {
		for _, j := range jobs {
			if !j.written || j.state != "" {
				continue
			}
			if err := s.name(ctx, tx, j, &stale); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.namer.made = nil
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	return s.removeStale(ctx, stale)
}

// name reserves the path of one job. A path that the entry had before is added to stale.
func (s *saver) name(ctx context.Context, tx *sql.Tx, j *job, stale *[]string) error {
	p, err := s.namer.place(ctx, tx, j.e)
	if errors.Is(err, errNoName) {
		j.fail(Failed, notWritten.New(finding.Expected(nil, err)))
		return nil
	}
	if err != nil {
		return err
	}
	if old := j.e.SavedAs; old != "" && old != p {
		*stale = append(*stale, old)
	}
	j.path, j.e.SavedAs = p, p
	return nil
}

// removeStale removes what an entry left under a path that it gave up, unless another has it by now.
func (s *saver) removeStale(ctx context.Context, stale []string) error {
	for _, p := range stale {
		for _, p := range []string{p, p + missingSuffix} {
			taken := false
			err := s.c.each(ctx, "SELECT 1 FROM entries WHERE saved_as = ?1 UNION ALL SELECT 1 FROM taken WHERE saved = ?1", []any{p},
				func(scanner) error { taken = true; return nil })
			if err != nil {
				return err
			}
			if taken {
				continue
			}
			if err := s.Root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// stand gives the written files their names. Its error stops the work.
func (s *saver) stand(ctx context.Context, jobs []*job) error {
	ctx = context.WithoutCancel(ctx) // the content is there: what is left is quick
	if !s.Elsewhere {
		if err := s.plan(ctx, jobs); err != nil {
			return s.targetError(err)
		}
		if err := s.point("planned"); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if j.written && j.state == "" {
			if err := s.attempt(ctx, j, s.standOne); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *saver) count(jobs []*job) {
	r := &s.result
	for _, j := range jobs {
		switch {
		case j.state == Saved:
			s.touched = true
			r.Saved.add(Count{Files: 1, Bytes: j.e.Size, Missing: j.e.Missing.Bytes()})
		case j.state == Failed:
			r.Failed++
		case j.state == Skipped && j.e.DuplicateOf != "":
			r.Duplicates++
		case j.state == Skipped:
			r.Skipped++
		}
		if j.already {
			r.Already++
		}
		if j.lowered {
			r.Lowered++
		}
		if s.Settled != nil && j.state != "" {
			e := *j.e
			e.Save, e.SavedAs = j.state, j.path
			s.Settled(&e)
		}
	}
}

func isTargetFull(err error) bool {
	var full *TargetFullError
	return errors.As(err, &full)
}

// targetError makes a [*TargetFullError] of an error that says that no space is left.
func (s *saver) targetError(err error) error {
	if err != nil && (isFull(err) || sqliteCode(err) == sqliteFull) {
		return &TargetFullError{Needed: max(0, s.result.Needed-s.result.Saved.Bytes), Free: -1, Err: err}
	}
	return err
}

// stored returns how many bytes of the content stand on the medium.
func (e *Entry) stored() int64 {
	if len(e.Runs) == 0 {
		return e.Size
	}
	n := int64(0)
	for _, r := range e.Runs {
		if r.Kind == block.Data || r.Kind == block.Guessed {
			n += r.Length
		}
	}
	return n
}

// lower says that bytes of e turned out to be unreadable.
func (e *Entry) lower(missing block.Set) {
	e.Missing = e.Missing.Union(missing)
	switch e.Verdict {
	case filetype.Unknown, filetype.Consistent, filetype.Proven:
		e.Verdict = filetype.Partial
	}
	first := missing.Extents()[0]
	e.GoodUntil = min(e.GoodUntil, first.Offset)
	e.Uncovered = block.Set{}
	e.Findings = replaceFinding(e.Findings, unreadWhileSaving.New(finding.At(first.Offset, first.Length),
		finding.Arg("count", missing.Bytes())))
}
