package ntfs

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// Bounds of the search for what an older volume left.
const (
	formerSamples = 1 << 14  // places that are looked at: a few bytes each
	formerAround  = 16 << 20 // bytes that are searched before and behind a record
	maxFormer     = 1 << 30  // bytes that are searched in all
	maxFormerRows = 1 << 16
)

// formerFolder is where the files of an older volume are listed, by the paths that they had there.
const formerFolder = "lost+found-older"

// former is what an older volume left in clusters that are free by now.
type former struct {
	v *volume // with a table of its own
	// placed says that index blocks stand where the records say, so that clusters are counted from the same start.
	placed bool
}

// findFormer looks for records of an older volume: a quick format writes the first few only, and leaves the others
// where they were. It returns nil when there are none, or the clusters in use are not known.
func (v *volume) findFormer(ctx context.Context, s *survey) (*former, error) {
	if !s.allocation {
		return nil, nil
	}
	f := newFacts()
	var groups []group
	buf := make([]byte, chunkSize+maxRecordSize)
	for e := range v.formerPlaces(s).All() {
		for at := e.Offset; at < e.End(); at += chunkSize {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p := buf[:min(int64(len(buf)), e.End()-at)]
			n, err := v.src.ReadAt(p, at)
			if _, unreadable := block.IsUnreadable(err); err != nil && !unreadable && n == 0 {
				return nil, fmt.Errorf("ntfs: searching for older records: %w", err)
			}
			groups = v.formerRecords(f, groups, p[:n], at)
		}
	}
	if len(groups) == 0 {
		return nil, nil
	}
	b := *v.b
	if n := f.clusterSize(); n > 0 {
		b.clusterSize = n
	}
	b.sectors = v.src.Size() / b.sectorSize
	old := newVolume(v.src, &b, nil)
	runs, end := tableOf(groups, b.recordSize, v.src.Size())
	old.table = newTable(v.src, b.recordSize, runs, end)
	old.isFormer = true
	out := &former{v: old}
	for _, d := range f.folders {
		out.placed = out.placed || isIndexOf(readAt(v.src, d.cluster*b.clusterSize, 128), d.number)
	}
	return out, nil
}

// formerPlaces returns the free places in which records stand: at the start of each, and at steps through it.
func (v *volume) formerPlaces(s *survey) block.Set {
	var out block.Set
	size := v.b.recordSize
	step := max(sampleStep, v.src.Size()/formerSamples&^(sampleStep-1))
	p := make([]byte, 4)
	samples := 0
	for e := range s.allocated.Union(s.claims).Complement(block.Extent{Length: min(v.src.Size(), v.b.size())}).All() {
		for at := e.Offset; at+size <= e.End() && samples < formerSamples && out.Bytes() < maxFormer; {
			samples++
			if n, _ := v.src.ReadAt(p, at); n == 4 && string(p) == "FILE" {
				x := block.Extent{Offset: max(at-formerAround, e.Offset), Length: 2 * formerAround}.Intersect(e)
				out.Add(x)
				at = x.End()
				continue
			}
			at = (at/step + 1) * step
		}
	}
	return out
}

// formerRecords adds the records in p, which stands at off, to the rows and facts.
func (v *volume) formerRecords(f *facts, groups []group, p []byte, off int64) []group {
	size := v.b.recordSize
	for at := int64(0); at+size <= int64(len(p)) && at < chunkSize; at += stride {
		if string(p[at:at+4]) != "FILE" || sizeOf(p[at:at+size]) != size {
			continue
		}
		r, err := parseRecord(slices.Clone(p[at:at+size]), -1, off+at)
		if err != nil || !r.counted || r.number < firstFree || v.isCopy(&r) {
			continue
		}
		if len(f.folders) < maxTeachers {
			f.learn(&r)
		}
		if k := len(groups) - 1; k >= 0 && groups[k].number+groups[k].count == r.number && groups[k].at+groups[k].count*size == off+at {
			groups[k].count++
		} else if len(groups) < maxFormerRows {
			groups = append(groups, group{r.number, off + at, 1})
		}
		at += size - stride
	}
	return groups
}

// isCopy reports whether a record is one that the table has too, as when the table was moved.
func (v *volume) isCopy(r *record) bool {
	now, err := v.table.record(r.number)
	if err != nil || now.sequence != r.sequence {
		return false
	}
	a, b := firstName(&now), firstName(r)
	return a != nil && bytes.Equal(a, b)
}

// firstName returns what the first name in a record says beside the times and sizes that change: the parent, when it
// was made, and the name.
func firstName(r *record) (out []byte) {
	_ = r.attributes(func(a *attribute) bool { // a broken record has no name
		if a.kind == typeName && a.resident && len(a.value) >= nameHeader {
			out = append(append(out, a.value[:16]...), a.value[nameHeader-2:]...)
			return false
		}
		return true
	})
	return out
}

// former yields what an older volume left, below a folder of its own.
func (w *walker) former() {
	if w.s.former == nil || w.over() {
		return
	}
	old := w.s.former.v
	s, err := old.survey(w.ctx)
	if err != nil {
		if w.ctx.Err() == nil {
			w.fail(err)
		}
		return
	}
	x := &walker{ctx: w.ctx, v: old, s: s, paths: map[reference]place{}, times: map[reference]int{}, done: map[reference]bool{}}
	x.yield = func(f *filesystem.File, err error) bool {
		if err == nil { // what is broken of a volume that is gone is no error of this one
			w.emit(w.ofFormer(f))
		}
		return !w.over()
	}
	x.folders(true)
	x.records(true)
	x.lost()
	x.folders(false)
	x.records(false)
	x.leads()
	x.unlinked()
}

// ofFormer makes of a file of the older volume one of this: what files of this volume have or had is theirs.
func (w *walker) ofFormer(f *filesystem.File) *filesystem.File {
	f.ID = "o" + f.ID
	f.Path = formerFolder + "/" + f.Path
	f.State, f.Sound = filesystem.Deleted, false
	f.Findings = append(f.Findings, formerVolume.New())
	foreign, unsure := int64(0), int64(0)
	for i := range f.Streams {
		st := &f.Streams[i]
		var runs []block.Run
		for _, r := range st.Runs {
			e := r.PhysicalExtent()
			if e.Length == 0 || r.Kind != block.Data && r.Kind != block.Guessed {
				runs = append(runs, r)
				continue
			}
			taken := w.s.claims.Within(e).Union(w.s.allocated.Within(e)).Union(w.s.gone.Within(e))
			foreign += taken.Bytes()
			var doubtful block.Set
			if !w.s.former.placed {
				doubtful = taken.Complement(e)
				unsure += doubtful.Bytes()
			}
			runs = append(runs, split(r, taken, doubtful)...)
		}
		st.Runs = runs
	}
	if foreign > 0 {
		f.Findings = append(f.Findings, deletedForeign.New(finding.Expected(0, foreign)))
	}
	if unsure > 0 {
		f.Findings = append(f.Findings, formerPlaces.New(finding.Expected(0, unsure)))
	}
	return f
}
