package rescue

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/layers"
	"salvor/recovery"
	"salvor/sweep"
)

var (
	setWithout = &finding.Def{Code: "rescue.set.source", Severity: finding.Warning,
		Text: "{path} is part of volumes of this case, but cannot be read now ({found}); they are read without it"}
	setLess = &finding.Def{Code: "rescue.set.less", Severity: finding.Warning,
		Text: "{volume} was read earlier with more of its disks than are there now; what was found then stands, and it is not searched again"}
	computedBytes = &finding.Def{Code: "rescue.computed", Severity: finding.Info,
		Text: "{count} bytes of this file stand on no disk that can be read; they were computed from the others of its set"}
)

// stepSweep names the search of a volume for landmarks in the catalogue.
const stepSweep = "sweep"

// virtual is what a disk that is no disk has besides.
type virtual struct {
	*layers.Volume
	// version tells volumes apart that were put together of other members: what was done with one is not done for
	// another.
	version string
	// less says that it was read earlier with more of its members.
	less bool
}

// isLess reports whether the current disk is a volume of which more was there earlier.
func (j *job) isLess() bool { return j.virtual != nil && j.virtual.less }

// openVolume makes a volume that came out of the disks a disk of this run: it gets its number, is swept as a disk is
// while it is read, and its layers are found.
func (j *job) openVolume(ctx context.Context, v *layers.Volume) (*layers.Layer, error) {
	if v.Source.Size() <= 0 {
		return nil, nil
	}
	rec := j.virtualRecord(v)
	d := &disk{path: v.String(), medium: v.Source, virtual: &virtual{Volume: v, version: j.version(rec)}}
	known, had := j.c.Record().Volume(rec.Number)
	for _, m := range v.Members {
		below := j.diskOf(m.Source)
		d.virtual.less = d.virtual.less || below != nil && below.virtual != nil && below.virtual.less
	}
	if was := j.version(known); had && (d.virtual.less || fewer(rec, known)) {
		done, err := j.cat.Done(ctx, fmt.Sprintf("%s %d %s", stepSweep, rec.Number, was))
		if err != nil {
			return nil, err
		}
		if d.virtual.less = done; done {
			d.virtual.version = was
			j.tell(wireFinding(setLess.New(finding.Arg("volume", v))))
		}
	}
	if j.browsing {
		j.recipes = append(j.recipes, rec)
	} else if !d.virtual.less {
		var err error
		if rec, err = j.c.PutVirtual(rec); err != nil {
			return nil, err
		}
	}
	d.number = rec.Number
	j.disks = append(j.disks, d)
	j.disk = d
	if err := j.sweepVolume(ctx); err != nil {
		return nil, err
	}
	var failed error
	hits := slices.Collect(j.landmarks(ctx, j.tables.isLandmark(), &failed))
	if failed != nil {
		return nil, failed
	}
	var err error
	if d.tree, err = j.resolve(ctx, hits); err != nil {
		return nil, err
	}
	return d.tree, j.putLayers(ctx, d)
}

// virtualRecord returns what a case keeps of a volume, with the number that it has or will have.
func (j *job) virtualRecord(v *layers.Volume) casefile.Virtual {
	rec := casefile.Virtual{Key: v.Key, Reader: v.Reader, Kind: v.Kind, Label: v.Label, Detail: v.Detail, Set: v.Set, UUID: v.UUID,
		Name: v.Name, Size: v.Source.Size(), Encrypted: v.Encrypted}
	for _, m := range v.Members {
		rec.Members = append(rec.Members, casefile.VirtualMember{Source: m.Source, Offset: m.Extent.Offset, Size: m.Extent.Length,
			Header: m.Header, ID: m.ID, Role: m.Role})
	}
	last := 0
	for _, d := range j.disks {
		last = max(last, d.number)
	}
	record := j.c.Record()
	for _, s := range record.Sources {
		last = max(last, s.Number)
	}
	for _, o := range record.Virtual {
		last = max(last, o.Number)
		if o.Key == v.Key {
			rec.Number = o.Number
		}
	}
	rec.Number = cmp.Or(rec.Number, last+1)
	return rec
}

// version names the members that a volume was put together of, and those below them.
func (j *job) version(v casefile.Virtual) string {
	h := sha256.New()
	for _, m := range v.Members {
		fmt.Fprintf(h, "%d %d %d %d %q\n", m.Source, m.Offset, m.Size, m.Header, m.ID)
		if below := j.diskOf(m.Source); below != nil && below.virtual != nil {
			fmt.Fprintf(h, "%s\n", below.virtual.version)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// fewer reports whether v has some of the members of known, and not all.
func fewer(v, known casefile.Virtual) bool {
	for _, m := range v.Members {
		if !slices.Contains(known.Members, m) {
			return false
		}
	}
	return len(v.Members) < len(known.Members)
}

// diskOf returns the disk of this run with that number, or nil.
func (j *job) diskOf(number int) *disk {
	for _, d := range slices.Concat(j.disks, j.others) {
		if d.number == number {
			return d
		}
	}
	return nil
}

// volumeOf returns the volume of that number, nil for a disk.
func (j *job) volumeOf(number int) *layers.Volume {
	if d := j.diskOf(number); d != nil && d.virtual != nil {
		return d.virtual.Volume
	}
	return nil
}

// places returns where bytes of a source stand on the disks.
func (j *job) places(source int, within block.Extent) []layers.Place {
	return layers.Down(j.volumeOf, source, within)
}

// floors is how reports lead down to the disks.
func (j *job) floors() recovery.Floors {
	if slices.ContainsFunc(j.disks, func(d *disk) bool { return d.virtual != nil }) {
		return j.places
	}
	return nil
}

// besides returns the trees of the sources of the case that this run does not name: volumes may stand on them too.
func (j *job) besides(ctx context.Context) ([]*layers.Layer, error) {
	record := j.c.Record()
	var trees []*layers.Layer
	for _, s := range record.Sources {
		if j.diskOf(s.Number) != nil {
			continue
		}
		taken, err := j.cat.Done(ctx, stepOf(stepTake, s.Number))
		if err != nil || !taken {
			if err != nil {
				return nil, err
			}
			continue
		}
		if j.aside == nil {
			j.aside = &Case{Case: j.c, Catalog: j.cat}
		}
		medium, err := j.aside.Medium(ctx, s.Number)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			if slices.ContainsFunc(record.Virtual, func(v casefile.Virtual) bool {
				return slices.ContainsFunc(v.Members, func(m casefile.VirtualMember) bool { return m.Source == s.Number })
			}) {
				j.tell(wireFinding(setWithout.New(finding.Arg("path", s.Path), finding.Expected(nil, err))))
			}
			continue
		}
		j.disk = &disk{number: s.Number, path: s.Path, opened: &host.Opened{Name: sourceName(j.c, s.Number)}, medium: medium}
		var failed error
		hits := slices.Collect(j.landmarks(ctx, j.tables.isLandmark(), &failed))
		if failed != nil {
			return nil, failed
		}
		if j.disk.tree, err = j.resolve(ctx, hits); err != nil {
			return nil, err
		}
		j.others = append(j.others, j.disk)
		trees = append(trees, j.disk.tree)
	}
	return trees, nil
}

// sweepVolume looks for landmarks on a volume, which no reading of a medium has seen: its bytes are read once more, out
// of the copies or the image files.
func (j *job) sweepVolume(ctx context.Context) error {
	step := j.step(stepSweep)
	if done, err := j.cat.Done(ctx, step); err != nil || done {
		return err
	}
	begun, size := time.Now(), j.medium.Size()
	err := sweepSource(ctx, j.tables.matcher, j.medium, func(hits []probe.Hit) error { return j.cat.PutLandmarks(ctx, j.number, hits) },
		func(done int64) {
			rate := float64(done) / max(time.Since(begun).Seconds(), 0.001)
			j.progress("search", done, size, "bytes", rate, timeLeft(size-done, rate), "searching "+j.path)
		})
	if err != nil {
		return err
	}
	return j.cat.SetDone(ctx, step)
}

// sweepSource finds landmarks on all of src that can be read. put is given some at a time.
func sweepSource(ctx context.Context, m *sweep.Matcher, src block.Source, put func([]probe.Hit) error, told func(done int64)) error {
	var hits []probe.Hit
	size := src.Size()
	s := m.NewSweep(size, func(h probe.Hit) { hits = append(hits, h) })
	buf := make([]byte, mebi)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.ReadAt(buf[:min(size-at, mebi)], at)
		if n > 0 {
			s.Observe(block.Extent{Offset: at, Length: int64(n)}, buf[:n])
		}
		at += int64(n)
		if u, ok := block.IsUnreadable(err); ok {
			end := at + 1
			for _, r := range u.Ranges {
				if r.Has(at) {
					end = max(end, r.End())
				}
			}
			at = end
		} else if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("rescue: %w", err)
		}
		if told != nil {
			told(min(at, size))
		}
		if len(hits) >= batchSize || at >= size {
			if err := put(hits); err != nil {
				return err
			}
			hits = hits[:0]
		}
	}
	return nil
}

// noteComputed tells of each file which of its bytes no disk holds as such.
func (j *job) noteComputed(entries []*recovery.Entry) {
	if j.virtual == nil || j.virtual.Encrypted && j.volumeOf(j.virtual.Members[0].Source) == nil {
		return
	}
	for _, e := range entries {
		count := int64(0)
		for _, list := range [][]block.Run{e.Runs, e.Stored} {
			for _, r := range list {
				if !r.Kind.Stands() {
					continue
				}
				for _, p := range j.places(j.number, r.PhysicalExtent()) {
					if p.Computed {
						count += p.Length
					}
				}
			}
		}
		if count > 0 {
			e.Findings = append(e.Findings, computedBytes.New(finding.Arg("count", count)))
		}
	}
}
