package ntfs

import (
	"context"

	"salvor/block"
)

const (
	solveAhead  = 256      // records that are read behind a landmark to learn from
	solveBefore = 32 << 20 // bytes around a table that are searched for index blocks and the log
	solveBehind = 96 << 20
	maxStarts   = 1 << 16 // starts at whole MiB that are tried
)

// facts are what records say of their volume, whichever volume that is.
type facts struct {
	recordSize int64
	sizes      map[int64]int // how many attributes fit a size of clusters
	mft        int64         // first cluster of the table, -1 when not known; likewise
	mirror     int64
	log        int64
	clusters   int64 // of the volume, 0 when not known
	table      int64 // bytes of the table
	folders    []folderAt
}

// folderAt says in which cluster the index of a folder begins.
type folderAt struct {
	number  int64
	cluster int64
}

func newFacts() *facts { return &facts{sizes: map[int64]int{}, mft: -1, mirror: -1, log: -1} }

// sizeOf returns the bytes of a record by its update sequence; 0 when it has none.
func sizeOf(head []byte) int64 {
	if len(head) < 48 || string(head[:4]) != "FILE" {
		return 0
	}
	n := (int64(le.Uint16(head[6:])) - 1) * stride
	if !powerOfTwo(n, 512, maxRecordSize) {
		return 0
	}
	return n
}

// learn takes from a record what it says of the volume.
func (f *facts) learn(r *record) {
	if !r.inUse() || r.torn > 0 {
		return
	}
	f.recordSize = int64(len(r.b))
	_ = r.attributes(func(a *attribute) bool { // a record that is broken teaches less
		if a.resident || a.first != 0 {
			return true
		}
		spans, err := appendPairs(nil, a.pairs, 0, maxVolume)
		if err != nil || len(spans) == 0 {
			return true
		}
		if n := a.last + 1; n > 0 && a.allocated > 0 && a.allocated%n == 0 && powerOfTwo(a.allocated/n, minSector, maxCluster) {
			f.sizes[a.allocated/n]++
		}
		first := spans[0].at
		switch {
		case r.number == recordMFT && a.kind == typeData && a.name == "":
			f.mft, f.table = first, a.size
		case r.number == recordMirror && a.kind == typeData && a.name == "":
			f.mirror = first
		case r.number == recordLog && a.kind == typeData && a.name == "":
			f.log = first
		case r.number == recordBitmap && a.kind == typeData && a.name == "" && f.clusters == 0:
			f.clusters = a.size * 8 // rounded up, which record 8 is not
		case r.number == recordBad && a.kind == typeData && a.name == "$Bad":
			f.clusters = a.last + 1
		case a.kind == typeAllocation && a.name == directoryName && first >= 0:
			f.folders = append(f.folders, folderAt{r.number, first})
		}
		return true
	})
}

// clusterSize returns the size that most attributes fit, 0 when there is none.
func (f *facts) clusterSize() int64 {
	best, most := int64(0), 0
	for size, n := range f.sizes {
		if n > most || n == most && size < best {
			best, most = size, n
		}
	}
	return best
}

// boot makes of the facts what a boot sector would say, for a volume of at most limit bytes.
func (f *facts) boot(limit int64) (*boot, bool) {
	b := &boot{sectorSize: 512, clusterSize: f.clusterSize(), recordSize: f.recordSize, indexSize: usualIndex, mft: max(f.mft, 0), mirror: max(f.mirror, 0)}
	if b.clusterSize < b.sectorSize || b.recordSize == 0 {
		return nil, false
	}
	clusters := f.clusters
	if clusters <= 0 || clusters > maxVolume/b.clusterSize {
		clusters = max(limit/b.clusterSize, 1)
	}
	b.sectors = clusters * b.clusterSize / b.sectorSize
	return b, true
}

// readRecord reads the record at off, of whatever size it is.
func readRecord(src block.Source, off int64) (record, bool) {
	n := sizeOf(readAt(src, off, 48))
	if n == 0 {
		return record{}, false
	}
	p := readAt(src, off, n)
	if p == nil {
		return record{}, false
	}
	r, err := parseRecord(p, -1, off)
	if err != nil || !r.counted {
		return record{}, false
	}
	r.runs = []block.Run{{Physical: off, Length: n}}
	return r, true
}

// numbered reports whether the record number stands at off.
func numbered(src block.Source, off, number int64) bool {
	r, ok := readRecord(src, off)
	return ok && r.number == number
}

// solve finds the volume of the record at off, without its boot sector.
func solve(ctx context.Context, src block.Source, off int64) (start int64, b *boot, ok bool) {
	r, ok := readRecord(src, off)
	if !ok {
		return 0, nil, false
	}
	size := int64(len(r.b))
	base := off - r.number*size
	if r.number != recordMFT {
		// Each table is solved once: by its first record, or else by the first that is left of a piece.
		if base >= 0 && numbered(src, base, recordMFT) {
			return 0, nil, false
		}
		step := int64(1)
		if r.number >= firstFree {
			step = 256
		}
		if numbered(src, off-step*size, r.number-step) || r.number >= firstFree && base >= 0 && numbered(src, base+recordRoot*size, recordRoot) {
			return 0, nil, false
		}
	}
	f := newFacts()
	for i := range int64(solveAhead) {
		if x, ok := readRecord(src, off+i*size); ok && x.number == r.number+i {
			f.learn(&x)
		}
	}
	cluster := f.clusterSize()
	if cluster == 0 {
		return 0, nil, false
	}
	switch {
	case f.mft >= 0 && f.mft <= off/cluster+maxVolume/cluster:
		start, ok = startByTable(src, f, off, cluster)
	default:
		start, ok = startByPlaces(ctx, src, f, base, cluster)
		if ok && base >= start {
			f.mft = (base - start) / cluster
		}
	}
	if !ok || start < 0 {
		return 0, nil, false
	}
	if f.mft >= 0 { // the mirror has no more than four records, the table has them all
		for i := range int64(firstFree) {
			if x, ok := readRecord(src, start+f.mft*cluster+i*size); ok && x.number == i {
				f.learn(&x)
			}
		}
	}
	if primary, err := readBoot(src, start); err == nil && primary.clusterSize == cluster && records(src, primary, start) > 0 {
		return start, primary, true
	}
	if b, ok = f.boot(src.Size() - start); !ok {
		return 0, nil, false
	}
	// The backup of the boot sector stands between the last whole cluster and one cluster further on.
	end := b.sectors * b.sectorSize
	for at := end; at <= end+cluster; at += 512 {
		if backup, err := readBoot(src, start+at); err == nil && backup.clusterSize == cluster && backup.sectors*backup.sectorSize == at {
			return start, backup, true
		}
	}
	return start, b, true
}

// startByTable decides whether the record of the table at off is that of the table or of its mirror.
func startByTable(src block.Source, f *facts, off, cluster int64) (int64, bool) {
	table := off - f.mft*cluster
	mirror := int64(-1)
	if f.mirror >= 0 {
		mirror = off - f.mirror*cluster
	}
	score := func(start int64) int {
		if start < 0 {
			return -1
		}
		b := &boot{clusterSize: cluster, recordSize: f.recordSize, mft: f.mft, mirror: max(f.mirror, 0)}
		return records(src, b, start)
	}
	if a, b := score(table), score(mirror); b > a {
		return mirror, b > 0
	} else if a > 0 {
		return table, true
	}
	return 0, false
}

// startByPlaces finds the start of a volume of whose table only later records are left, which begins at base
// or lies in pieces: by index blocks, the log and the mirror, whose clusters the records name.
func startByPlaces(ctx context.Context, src block.Source, f *facts, base, cluster int64) (int64, bool) {
	fits := func(start int64) int {
		n := 0
		for _, d := range f.folders[:min(len(f.folders), 8)] {
			if isIndexOf(readAt(src, start+d.cluster*cluster, 128), d.number) {
				n++
			}
		}
		if f.log >= 0 && string(readAt(src, start+f.log*cluster, 4)) == "RSTR" {
			n++
		}
		if f.mirror >= 0 && numbered(src, start+f.mirror*cluster, recordMFT) {
			n++
		}
		return n
	}
	need := min(2, max(1, len(f.folders)))
	if fits(0) >= need {
		return 0, true
	}
	if start := int64(63 * 512); fits(start) >= need {
		return start, true
	}
	for i := range int64(maxStarts) {
		if i<<20 > src.Size() || i%1024 == 0 && ctx.Err() != nil {
			break
		}
		if start := i << 20; fits(start) >= need {
			return start, true
		}
	}
	// Any other start follows from where index blocks stand.
	byNumber := map[int64]int64{}
	for _, d := range f.folders {
		byNumber[d.number] = d.cluster
	}
	votes := map[int64]int{}
	buf := make([]byte, chunkSize)
	from := max(base-solveBefore, 0) &^ (stride - 1)
	for at := from; at < min(base+solveBehind, src.Size()); at += chunkSize {
		if ctx.Err() != nil {
			return 0, false
		}
		n, _ := src.ReadAt(buf, at)
		for p := 0; p+128 <= n; p += stride {
			b := buf[p:n]
			switch string(b[:4]) {
			case "INDX":
				for number, c := range byNumber {
					if isIndexOf(b[:128], number) {
						votes[at+int64(p)-c*cluster]++
					}
				}
			case "RSTR":
				if f.log >= 0 {
					votes[at+int64(p)-f.log*cluster]++
				}
			}
		}
	}
	best, most := int64(-1), 0
	for start, n := range votes {
		if start >= 0 && (n > most || n == most && start < best) {
			best, most = start, n
		}
	}
	return best, best >= 0 && fits(best) >= need
}

// isIndexOf reports whether b begins the first block of the index of a folder.
func isIndexOf(b []byte, number int64) bool {
	if len(b) < 128 || string(b[:4]) != "INDX" || le.Uint64(b[16:]) != 0 {
		return false
	}
	first := 24 + int64(le.Uint32(b[24:]))
	if first < 40 || first > 128-entryHeader-8 {
		return false
	}
	// The key of each entry begins with the folder that it is in.
	return reference(le.Uint64(b[first+entryHeader:])).number() == number
}
