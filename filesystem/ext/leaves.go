package ext

import (
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// extentLeaves yields files of which nothing is left but leaves of their extent trees: those whose checksums
// start with one value are of one file.
func (w *walker) extentLeaves() {
	if w.found() == nil {
		return
	}
	known := map[uint32]bool{}
	if w.p != nil {
		for i := range w.p.versions {
			x := &w.p.versions[i]
			known[crc32cUint32(crc32cUint32(w.v.sb.seed, x.number), x.generation)] = true
		}
	}
	seeds := make([]uint32, 0, len(w.found().leaves))
	for seed := range w.found().leaves {
		if !known[seed] && !w.leavesTaken[seed] {
			seeds = append(seeds, seed)
		}
	}
	slices.SortFunc(seeds, func(a, b uint32) int {
		return int(int64(w.found().leaves[a][0]) - int64(w.found().leaves[b][0]))
	})
	for _, seed := range seeds {
		if w.over() {
			return
		}
		at := w.found().leaves[seed][0]
		if f := w.leafFile(seed); f != nil {
			f.ID = fmt.Sprintf("e%d", at)
			f.Path = fmt.Sprintf("%s/e%d", rebuiltFolder, at)
			w.emit(f)
		}
	}
}

// leafFile makes a file of the leaves whose checksums start with seed; nil when there are none.
func (w *walker) leafFile(seed uint32) *filesystem.File {
	if w.found() == nil || len(w.found().leaves[seed]) == 0 || w.leavesTaken[seed] {
		return nil
	}
	list := w.found().leaves[seed]
	s := w.v.sb
	le := binary.LittleEndian
	b := make([]byte, s.blockSize)
	var runs []block.Run
	size := int64(0)
	for _, at := range list {
		if w.use.nodes--; w.use.nodes < 0 || w.v.cache.read("ext: leaf of an extent tree", b, int64(at)*s.blockSize) != nil {
			continue
		}
		next := int64(-1)
		for i := range int(le.Uint16(b[2:])) {
			if 12+12*i+12 > len(b) || len(runs) >= maxRuns {
				break
			}
			e := b[12+12*i:]
			l, n := int64(le.Uint32(e)), int64(le.Uint16(e[4:]))
			place := int64(le.Uint32(e[8:])) | int64(le.Uint16(e[6:]))<<32
			kind := block.Guessed
			if n > maxInitialized {
				n, kind = n-maxInitialized, block.Zero
			}
			if n == 0 || place <= 0 || uint64(place+n) > s.blocksCount {
				continue
			}
			if next >= 0 && l > next { // between two entries of one leaf is a hole
				runs = append(runs, block.Run{Logical: next * s.blockSize, Length: (l - next) * s.blockSize, Kind: block.Zero})
			}
			next = l + n
			runs = append(runs, block.Run{Logical: l * s.blockSize, Physical: place * s.blockSize, Length: n * s.blockSize, Kind: kind})
			if kind == block.Guessed {
				size = max(size, (l+n)*s.blockSize)
			}
		}
	}
	if size == 0 {
		return nil
	}
	w.leavesTaken[seed] = true
	runs, foreign, _ := w.owned(block.Normalize(runs, size), size)
	at := finding.At(int64(list[0])*s.blockSize, s.blockSize)
	f := &filesystem.File{State: filesystem.Rebuilt, Streams: []filesystem.Stream{{Size: size, Runs: runs}},
		Findings: []finding.Finding{leafOnly.New(at, finding.Arg("count", len(list)))}}
	if foreign > 0 {
		f.Findings = append(f.Findings, blocksReused.New(at, finding.Expected(nil, foreign)))
	}
	return f
}
