package rescue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/recovery"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{savedChanged, savedMissing, savedExtra, journalBroken, imageChanged, noteChanged, badBytes, packedBroken, packedWrong, packedTrailing, packedHalf, contained, containerBroken, containerSame, storedRight, storedWrong, storedOpen, mapBeside, mapBroken, noMedium, noContent, brokenEntry, moreBroken, carveFailed, textLeftOut, carveRead, setWithout, setLess, setAbsent, computedBytes, mendNote, compareNote, whyCase, whyKept, whyBounded, bundleSkipped, packageWarning, unknownKey, noKey, tellsNothing, noVersion, partMissing, partBroken, moreImages, noImages, saveTooLarge, saveMemory, saveRemovable, saveNoReport, notReadYet, notJudgedYet}

var badBytes = &finding.Def{Code: "rescue.unreadable", Severity: finding.Error,
	Text: "{bytes} of the source could not be read, in {ranges} places; the map names each"}

// checkedSums is how many chunks at the end of an earlier run are read again before going on with a copy, to
// see that the source is still the same.
const checkedSums = 8

// take reads every byte of the source once: it is copied (or used in place), hashed for each MiB, and swept
// for landmarks. It goes on from the map of an earlier run.
func (j *job) take(ctx context.Context) error {
	n, size := j.number, j.opened.Size
	m := imaging.NewMap(size)
	if _, err := j.c.ReadMap(n, func(r io.Reader) error {
		old, err := imaging.ReadMap(r)
		if err == nil {
			m = old.Fit(size)
		}
		return err
	}); err != nil {
		return fmt.Errorf("rescue: the map of the copy: %w", err)
	}
	have := m.Of(imaging.Finished)
	image, done, err := j.image(ctx)
	if err != nil {
		return err
	}
	defer done()
	if !have.Empty() {
		if err := j.checkUnchanged(ctx); err != nil {
			return err
		}
	}
	var hits []probe.Hit
	observer := j.tables.matcher.NewSweep(size, func(h probe.Hit) { hits = append(hits, h) })
	if err := observer.Resume(have, imaging.CopySource(image.source, m, 0)); err != nil {
		return fmt.Errorf("rescue: %w", err)
	}
	standby, err := j.standby(ctx)
	if err != nil {
		return err
	}
	diary := &diary{append: func(act string, fields map[string]any) error {
		fields["source"] = n
		return j.c.Append(act, fields)
	}}
	shown := j.showMap(m)
	work := &imaging.Job{
		Source: standby, Map: m, Sparse: true, Copy: image.source, Known: j.known(n),
		Observers: []imaging.Observer{observer}, Wait: j.await(standby),
		Checkpoint: func(ctx context.Context, s imaging.Snapshot) error {
			if err := j.cat.PutLandmarks(ctx, n, hits); err != nil {
				return err
			}
			hits = hits[:0]
			if err := diary.flush(func(fill func(io.Writer, bool) error) error { return j.c.AppendReads(n, fill) }); err != nil {
				return err
			}
			return j.keep(n, s)
		},
		Progress: func(p imaging.Progress) {
			j.progress("copy", p.Done, p.Total, "bytes", p.Rate, p.Left, readingWords(j.baseName(), p))
			shown()
		},
	}
	stored := j.storedSums()
	work.Observers = append(work.Observers, stored)
	j.o.Take.apply(work, j.opened)
	defer j.o.Take.guided(work, j.tables)()
	warnPower(ctx, work, j.opened, func(f finding.Finding) { j.tell(wireFinding(f)) })
	if err := noteHealth(ctx, j.opened, func(f finding.Finding) { j.tell(wireFinding(f)) }, j.c.Append, map[string]any{"source": j.number}); err != nil {
		return err
	}
	diary.log, work.LogRead = work.LogRead, diary.note
	meaning := watched(work)
	if image.target != nil {
		work.Target = image.target
	}
	result, err := imaging.Run(ctx, work)
	if e := diary.end(); err == nil {
		err = e
	}
	j.opened = standby.Opened()
	for _, f := range meaning() {
		if j.inside != nil {
			break // what an image lost is no sign of how a medium fails
		}
		w := wireFinding(f)
		w.Source = j.number
		j.tell(w)
	}
	if err != nil {
		return err
	}
	if err := j.opened.Changed(); err != nil {
		return fmt.Errorf("rescue: %w", err)
	}
	if j.fresh {
		for _, f := range stored.findings(size) {
			j.tell(j.ofSource(f))
		}
	}
	j.medium = imaging.CopySource(image.source, m, 0)
	return j.noteTaken(ctx, m, result)
}

// noteTaken records what the reading came to.
func (j *job) noteTaken(ctx context.Context, m *imaging.Map, result imaging.Result) error {
	j.bad, j.left = result.Bad, m.Of(imaging.NonTried).Bytes()
	if j.bad > 0 {
		ranges := block.Set{}.Union(m.Of(imaging.BadSector, imaging.NonTried, imaging.NonTrimmed, imaging.NonScraped)).Count()
		f := wireFinding(badBytes.New(finding.Arg("bytes", host.Bytes(j.bad)), finding.Arg("ranges", ranges)))
		f.Source = j.number
		j.tell(f)
	}
	already, err := j.cat.Done(ctx, j.step(stepTake))
	if err != nil || already {
		return err
	}
	var list string
	if _, err := j.c.ReadSums(j.number, func(_ io.Reader, at io.ReaderAt, size int64) error {
		sum, err := imaging.ListHash(at, size)
		list = hex.EncodeToString(sum[:])
		return err
	}); err != nil {
		return err
	}
	if err := j.c.Append("source.taken", map[string]any{"source": j.number, "bytes": result.Done, "unreadable": result.Bad, "list_sha256": list}); err != nil {
		return err
	}
	return j.cat.SetDone(ctx, j.step(stepTake))
}

// keep makes a snapshot durable: the hashes first, then the map that relies on them.
func (j *job) keep(n int, s imaging.Snapshot) error {
	if len(s.Sums) > 0 {
		if err := j.c.AppendSums(n, func(w io.Writer, first bool) error {
			return imaging.AppendSums(w, s.Sums, first)
		}); err != nil {
			return err
		}
	}
	if s.Map == nil {
		return nil
	}
	return j.c.WriteMap(n, func(w io.Writer) error {
		s.Map.Comments = append([]string{"Mapfile. Created by " + j.o.Program, phaseWords(s.Map.Current, s.Map.Pass, "")}, keptComments(s.Map.Comments)...)
		_, err := s.Map.WriteTo(w)
		return err
	})
}

// taken is where the bytes of the source can be read again.
type taken struct {
	target *casefile.Image // nil when the image is used in place
	source block.Source
}

// image opens the copy in the case, or the image file itself when it is used in place.
func (j *job) image(ctx context.Context) (taken, func(), error) {
	if j.inPlace {
		return taken{source: j.opened.Source}, func() {}, nil
	}
	target, err := j.c.OpenImage(j.number, j.opened.Size)
	if err != nil {
		return taken{}, nil, err
	}
	read, err := host.Open(ctx, j.c.ImagePath(j.number), host.OpenOptions{})
	if err != nil {
		return taken{}, nil, errors.Join(err, target.Close())
	}
	j.copies = append(j.copies, read)
	return taken{target, read.Source}, func() {
		if err := target.Close(); err != nil {
			j.log.Warn("closing the copy", "error", err)
		}
	}, nil
}

// checkUnchanged reads the last chunks of an earlier run again and refuses to go on with a source whose
// content is another one. An image that is used in place is read again as far as it was read: verdicts of the
// earlier run speak of its bytes, and no copy keeps them.
func (j *job) checkUnchanged(ctx context.Context) error {
	_, err := j.c.ReadSums(j.number, func(r io.Reader, _ io.ReaderAt, _ int64) error {
		sums := imaging.ReadSums(r)
		if !j.inPlace {
			last, err := imaging.LastSums(r, checkedSums)
			if err != nil {
				return err
			}
			sums = func(yield func(imaging.Sum, error) bool) {
				for _, s := range last {
					if !yield(s, nil) {
						return
					}
				}
			}
		}
		v, err := imaging.Verify(ctx, j.opened.Source, sums)
		if err != nil {
			return err
		}
		for _, f := range imaging.Grown(v) {
			j.tell(wireFinding(f))
		}
		if !v.Changed.Empty() {
			first := v.Changed.Extents()[0]
			return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.source.changed",
				Why:  fmt.Sprintf("%s is not what it was when this case read it: the hash of its bytes at %v is another one", j.path, first),
				Next: "if this is the right source, something wrote to it: begin a new case in another folder, and keep this one"}
		}
		return nil
	})
	return err
}

// landmarks yields the landmarks of the source by offset; the error that ended them stands in err after.
func (j *job) landmarks(ctx context.Context, keep func(probe.Hit) bool, err *error) func(func(probe.Hit) bool) {
	return func(yield func(probe.Hit) bool) {
		for h, e := range j.cat.Landmarks(ctx, j.number) {
			if e != nil {
				*err = e
				return
			}
			if keep(h) && !yield(h) {
				return
			}
		}
	}
}

func wireFinding(f finding.Finding) wire.Finding { return wire.FromFinding(f) }

// batch collects entries and puts them into the catalogue many at a time.
type batch struct {
	cat     *recovery.Catalog
	entries []*recovery.Entry
}

// batchSize is how many entries go into one transaction: enough that its sync costs little.
const batchSize = 4096

func (b *batch) add(ctx context.Context, entries ...*recovery.Entry) error {
	b.entries = append(b.entries, entries...)
	if len(b.entries) < batchSize {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.entries) == 0 {
		return nil
	}
	err := b.cat.Put(ctx, b.entries...)
	b.entries = slices.Delete(b.entries, 0, len(b.entries))
	return err
}
