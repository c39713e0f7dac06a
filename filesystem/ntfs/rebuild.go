package ntfs

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

const (
	maxSamples  = 1 << 16  // of a volume that is known to be NTFS
	fewSamples  = 1 << 12  // of one that may be anything: on a slow disk each costs a seek
	sampleStep  = 64 << 10 // a piece of a table is seldom smaller
	maxTeachers = 256
	maxScan     = 16 << 30 // bytes that are searched for records
	scanAround  = 64 << 20
	headSearch  = 4 << 20 // at the start of a volume, byte for byte
)

// rebuild opens a volume whose boot sectors are gone (b is nil) or whose table names itself nowhere any more.
func rebuild(ctx context.Context, vol block.Source, b *boot, notes []finding.Finding) (*volume, error) {
	hint := int64(-1)
	if b == nil {
		first, ok := firstRecordOf(ctx, vol)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !ok {
			return nil, cursor.ErrNot
		}
		hint = first
		if v := openByTable(ctx, vol, first); v != nil {
			return v, v.describe(ctx)
		}
	} else if !anyRecord(vol, b) {
		return nil, fmt.Errorf("ntfs: no record where the boot sector says: %w", cursor.ErrNot)
	}
	size := int64(usualRecord)
	if b != nil {
		size = b.recordSize
	} else if r, ok := readRecord(vol, hint); ok {
		size = int64(len(r.b))
	}
	places, err := scanPlaces(ctx, vol, b, hint)
	if err != nil {
		return nil, err
	}
	groups, f, err := scanRecords(ctx, vol, size, places)
	if err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		return nil, cursor.ErrNot
	}
	if b == nil {
		made, ok := f.boot(vol.Size())
		if !ok {
			return nil, cursor.Corrupt("ntfs: volume", 0, "the size of clusters", fmt.Sprintf("%d records that do not tell it", groups[0].count))
		}
		b = made
		notes = append(notes, bootGone.New(finding.At(0, bootSize), finding.Expected(nil, b.clusterSize)))
	}
	if !f.beginsHere(ctx, vol, groups, b.clusterSize) {
		return nil, fmt.Errorf("ntfs: the records belong to a volume that begins elsewhere: %w", cursor.ErrNot)
	}
	v := newVolume(vol, b, notes)
	runs, end := tableOf(groups, b.recordSize, vol.Size())
	if len(runs) == 0 {
		return nil, cursor.ErrNot
	}
	v.table = newTable(vol, b.recordSize, runs, end)
	v.note(tableScanned.New(finding.At(runs[0].Physical, runs[0].Length), finding.Expected(nil, len(runs))))
	if b.mirror > 0 {
		v.compareMirror(b.mft*b.clusterSize, b.mirror*b.clusterSize)
	}
	return v, v.describe(ctx)
}

// openByTable opens a volume by the first record of the table, or of its mirror, at off.
func openByTable(ctx context.Context, vol block.Source, off int64) *volume {
	start, b, ok := solve(ctx, vol, off)
	if !ok || start != 0 {
		return nil
	}
	v, err := open(ctx, vol, b, []finding.Finding{bootGone.New(finding.At(0, bootSize), finding.Expected(nil, b.clusterSize))})
	if err != nil {
		return nil
	}
	return v
}

// anyRecord reports whether a record stands where b says that some of the first do.
func anyRecord(vol block.Source, b *boot) bool { return records(vol, b, 0) > 0 }

// firstRecordOf looks for a record of the table: where formatters put the table and its mirror, and then at
// steps over the volume. Record 0 is preferred.
func firstRecordOf(ctx context.Context, vol block.Source) (int64, bool) {
	found := int64(-1)
	look := func(e block.Extent) bool {
		e = e.Intersect(block.Extent{Length: vol.Size()})
		if e.Length < 512 {
			return false
		}
		p := make([]byte, e.Length)
		n, _ := vol.ReadAt(p, e.Offset)
		for i := 0; i+48 <= n; i += stride {
			if string(p[i:i+4]) != "FILE" {
				continue
			}
			r, ok := readRecord(vol, e.Offset+int64(i))
			if !ok || !r.inUse() {
				continue
			}
			if r.number == recordMFT {
				found = e.Offset + int64(i)
				return true
			}
			if found < 0 {
				found = e.Offset + int64(i)
			}
		}
		return false
	}
	middle := vol.Size() / 2 &^ (1<<16 - 1)
	const usual = 786432 * usualCluster // where Windows puts the table of larger volumes
	for _, e := range []block.Extent{{Length: headSearch}, {Offset: max(middle-1<<20, 0), Length: 2 << 20}, {Offset: usual, Length: 1 << 20},
		{Offset: vol.Size() / 3 &^ (1<<16 - 1), Length: 1 << 20}} {
		if look(e) {
			return found, true
		}
	}
	if found >= 0 {
		return found, true
	}
	step := max(sampleStep, vol.Size()/fewSamples&^(stride-1))
	p := make([]byte, 4)
	for at := int64(0); at < vol.Size(); at += step {
		if ctx.Err() != nil {
			return 0, false
		}
		if n, _ := vol.ReadAt(p, at); n == 4 && string(p) == "FILE" {
			if r, ok := readRecord(vol, at); ok && r.inUse() {
				return at, true
			}
		}
	}
	return 0, false
}

// group is a row of records that follow each other.
type group struct {
	number, at, count int64
}

// scanPlaces returns where to search for records: all of a volume that can be read in one go, of a larger one the
// surroundings of places where records stand.
func scanPlaces(ctx context.Context, vol block.Source, b *boot, hint int64) (block.Set, error) {
	whole := block.Extent{Length: vol.Size()}
	if whole.Length <= maxScan {
		return block.SetOf(whole), nil
	}
	var out block.Set
	around := func(at int64) {
		out.Add(block.Extent{Offset: max(at-scanAround, 0) &^ (stride - 1), Length: 2 * scanAround}.Intersect(whole))
	}
	if hint >= 0 {
		around(hint)
	}
	if b != nil {
		around(b.mft * b.clusterSize)
		around(b.mirror * b.clusterSize)
	}
	step := max(sampleStep, vol.Size()/maxSamples&^(stride-1))
	p := make([]byte, 4)
	for at := int64(0); at < vol.Size(); at += step {
		if at%(1024*step) == 0 && ctx.Err() != nil {
			return out, ctx.Err()
		}
		if out.Has(at) {
			continue
		}
		if n, _ := vol.ReadAt(p, at); n == 4 && string(p) == "FILE" && out.Bytes() < maxScan {
			around(at)
		}
	}
	return out, nil
}

// scanRecords searches places of the volume for records of size bytes.
func scanRecords(ctx context.Context, vol block.Source, size int64, places block.Set) ([]group, *facts, error) {
	f := newFacts()
	var groups []group
	buf := make([]byte, chunkSize+maxRecordSize)
	for at := int64(0); at < vol.Size(); at += chunkSize {
		if !places.Overlaps(block.Extent{Offset: at, Length: chunkSize}) {
			next := places.Within(block.Between(at, vol.Size())).Extents()
			if len(next) == 0 {
				break
			}
			at = next[0].Offset/chunkSize*chunkSize - chunkSize
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		n, err := vol.ReadAt(buf[:min(int64(len(buf)), vol.Size()-at)], at)
		if _, unreadable := block.IsUnreadable(err); err != nil && !unreadable && n == 0 {
			return nil, nil, fmt.Errorf("ntfs: searching for records: %w", err)
		}
		for p := int64(0); p+size <= int64(n) && p < chunkSize; p += stride {
			if string(buf[p:p+4]) != "FILE" || sizeOf(buf[p:p+size]) != size {
				continue
			}
			r, err := parseRecord(slices.Clone(buf[p:p+size]), -1, at+p)
			if err != nil || !r.counted {
				continue
			}
			if len(f.folders) < maxTeachers || r.number < firstFree {
				f.learn(&r)
			}
			if k := len(groups) - 1; k >= 0 && groups[k].number+groups[k].count == r.number && groups[k].at+groups[k].count*size == at+p {
				groups[k].count++
			} else {
				groups = append(groups, group{r.number, at + p, 1})
			}
			p += size - stride
		}
	}
	f.recordSize = size
	return groups, f, nil
}

// beginsHere reports whether the volume that the records belong to begins at the start of vol: their clusters
// would be other ones else.
func (f *facts) beginsHere(ctx context.Context, vol block.Source, groups []group, cluster int64) bool {
	for _, g := range groups {
		if at := g.at - g.number*f.recordSize; g.number < firstFree && at >= 0 && (f.mft >= 0 && at == f.mft*cluster || f.mirror >= 0 && at == f.mirror*cluster) {
			return true
		}
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.number, b.number) })
	start, ok := startByPlaces(ctx, vol, f, groups[0].at-groups[0].number*f.recordSize, cluster)
	return ok && start == 0
}

// tableOf puts rows of records together. Of two for the same numbers the longer is taken: the shorter is the
// mirror, or what an older table left.
func tableOf(groups []group, recordSize, limit int64) (runs []block.Run, size int64) {
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(b.count, a.count) })
	var taken block.Set
	for _, g := range groups {
		if g.number+g.count > limit/recordSize {
			continue // no table is larger than its volume
		}
		whole := block.Extent{Offset: g.number * recordSize, Length: g.count * recordSize}
		for e := range taken.Complement(whole).All() {
			runs = append(runs, block.Run{Logical: e.Offset, Physical: g.at + e.Offset - whole.Offset, Length: e.Length})
			size = max(size, e.End())
		}
		taken.Add(whole)
	}
	slices.SortFunc(runs, func(a, b block.Run) int { return cmp.Compare(a.Logical, b.Logical) })
	return runs, size
}
