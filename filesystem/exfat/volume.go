package exfat

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"sync"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// Kind is the row of this package in the table of file systems.
func Kind() filesystem.Kind {
	return filesystem.Kind{Name: "exfat", Probes: probes(), Locate: locate, Open: Open, Mend: Mend}
}

// volume is an opened volume.
type volume struct {
	src     block.Source
	b       *boot
	checked bool // a checksum covers the boot sector
	t       *table
	up      *upcase
	bitmap  bitmaps
	trusted bool // the bitmap agrees with the root directory and the structures

	system    []span  // clusters of the bitmaps and the up-case table
	bitmapAt  special // the entry of the bitmap in use
	rootSpans []span
	rootNotes []finding.Finding

	mu   sync.Mutex // of info
	info filesystem.Info

	turn chan struct{} // holds a token while no one surveys
	done *survey       // set once, by the holder of the token
}

// Open opens the exFAT volume at the start of vol: by its main boot region, by the backup, or by what the
// structures behind them imply. It answers [cursor.ErrNot] when nothing looks like one, and a
// [*cursor.CorruptError] when something does and cannot be.
func Open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	f, err := findBoot(vol)
	if err != nil {
		return nil, err
	}
	v := &volume{src: vol, b: f.b, checked: f.checked, t: newTable(vol, f.b), up: usual(), turn: make(chan struct{}, 1)}
	v.turn <- struct{}{}
	b := v.b
	v.info = filesystem.Info{Kind: "exfat", BlockSize: b.clusterSize, Size: b.size(), Findings: f.notes}
	if b.serial != 0 || f.checked {
		v.info.UUID = uuid(b.serial)
	}
	v.checkBoot()
	v.openRoot(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

func uuid(serial uint32) string { return fmt.Sprintf("%04X-%04X", serial>>16, serial&0xFFFF) }

func (v *volume) note(d *finding.Def, options ...finding.Option) {
	v.info.Findings = append(v.info.Findings, d.New(options...))
}

// checkBoot looks at the flags, the size and the FATs.
func (v *volume) checkBoot() {
	b := v.b
	if b.flags&flagDirty != 0 {
		v.note(volumeDirty, finding.At(106, 2))
	}
	if b.flags&flagMediaFailure != 0 {
		v.note(volumeFailure, finding.At(106, 2))
	}
	if b.shortFAT {
		v.note(bootShortFAT, finding.At(84, 4), finding.Expected(b.clusters, b.fatLength*b.sectorSize/4-2))
	}
	if v.src.Size() < b.size() {
		v.note(bootTruncated, finding.At(v.src.Size(), b.size()-v.src.Size()), finding.Expected(b.size(), v.src.Size()))
	}
	for i := range b.fats {
		if !headFits(v.src, b, i) {
			v.note(fatHead, finding.At(b.fatAt(i), 8), finding.Arg("copy", i+1))
		}
	}
}

// special is an entry of the root directory that leads to a structure.
type special struct {
	at     int64
	kind   byte
	flags  byte
	sum    uint32
	first  uint32
	length uint64
	label  string
	guid   string
}

// maxSpecial bounds how far into the root directory its special entries are looked for, in bytes.
const maxSpecial = 4 << 20

// specials reads the entries of a root directory that lead to structures.
func (v *volume) specials(spans []span) []special {
	var out []special
	buf := make([]byte, chunk)
	read := int64(0)
	for _, e := range v.b.extents(spans) {
		for at := e.Offset; at < e.End() && read < maxSpecial; at += chunk {
			p := buf[:min(chunk, e.End()-at)]
			read += int64(len(p))
			bad, err := cluster.ReadAround(v.src, p, at)
			if err != nil {
				return out
			}
			for i := 0; i+entrySize <= len(p); i += entrySize {
				q := p[i : i+entrySize]
				if q[0] == typeEnd && bad.Empty() {
					return out
				}
				if s, ok := parseSpecial(q, at+int64(i)); ok {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

func parseSpecial(p []byte, off int64) (special, bool) {
	le := binary.LittleEndian
	s := special{at: off, kind: p[0], first: le.Uint32(p[20:]), length: le.Uint64(p[24:])}
	switch p[0] {
	case typeBitmap:
		s.flags = p[1]
	case typeUpcase:
		s.sum = le.Uint32(p[4:])
	case typeLabel:
		var units []uint16
		for i := range min(int(p[1]), 11) {
			units = append(units, le.Uint16(p[2+2*i:]))
		}
		s.label = filesystem.EscapeName(cluster.Name(units))
		if len(units) == 0 {
			s.label = ""
		}
	case typeGUID:
		s.guid = guid(p[6:22])
	default:
		return s, false
	}
	return s, true
}

// openRoot finds the root directory and opens what its entries lead to.
func (v *volume) openRoot(ctx context.Context) {
	b := v.b
	steps := newBudget(b)
	var list []special
	v.rootSpans, list = v.rootAt(b.root, steps)
	if !hasBitmap(list) {
		if c, spans, found := v.findRoot(ctx, steps); c != 0 {
			v.rootNotes = append(v.rootNotes, rootMoved.New(v.clusterAt(c), finding.Expected(c, b.root)))
			v.rootSpans, list = spans, found
		} else {
			v.note(rootBroken, v.clusterAt(b.root), finding.Expected(nil, b.root))
		}
	}
	v.info.Findings = append(v.info.Findings, v.rootNotes...)
	upcased := false
	var used, other special // the entries of the bitmaps
	for _, s := range list {
		switch s.kind {
		case typeLabel:
			if v.info.Label == "" {
				v.info.Label = s.label
			}
		case typeGUID:
			v.note(volumeGUID, finding.At(s.at, entrySize), finding.Expected(nil, s.guid))
		case typeBitmap:
			switch isUsed := int(s.flags&1) == b.active() || b.fats == 1; {
			case isUsed && used.kind == 0:
				used = s
			case !isUsed && other.kind == 0:
				other = s
			}
		case typeUpcase:
			if upcased {
				continue
			}
			upcased = true
			up, err := readUpcase(v.structure(s, steps), s.length, s.sum)
			if err != nil {
				v.note(upcaseBroken, finding.At(s.at, entrySize), finding.Expected(nil, err))
				continue
			}
			v.up = up
		}
	}
	v.openBitmaps(used, other, steps)
	if !upcased {
		v.note(upcaseBroken, finding.Expected(nil, "there is none"))
	}
}

func hasBitmap(list []special) bool {
	for _, s := range list {
		if s.kind == typeBitmap {
			return true
		}
	}
	return false
}

// rootAt follows the chain of a root directory and returns its special entries.
func (v *volume) rootAt(c uint32, steps *cluster.Budget) ([]span, []special) {
	if !v.b.valid(c) {
		return nil, nil
	}
	ch := v.t.chainOf(c, 0, max(v.b.needed(maxDirectory), 1), steps)
	if ch.end != endMark && len(v.rootNotes) == 0 {
		v.rootNotes = append(v.rootNotes, chainBroken.New(finding.Arg("cluster", ch.last),
			finding.Expected("the next cluster", ch.end), v.clusterAt(ch.last)))
	}
	return ch.spans, v.specials(ch.spans)
}

// maxRootSearch bounds the clusters among which a root directory is looked for.
const maxRootSearch = 1 << 14

// findRoot looks for a root directory by its entries.
func (v *volume) findRoot(ctx context.Context, steps *cluster.Budget) (uint32, []span, []special) {
	var p [entrySize * 3]byte
	for c := uint32(2); v.b.valid(c) && c < maxRootSearch && ctx.Err() == nil; c++ {
		if n, _ := v.src.ReadAt(p[:], v.b.at(c)); n < len(p) {
			continue
		}
		if p[0] != typeLabel && p[0] != typeLabel&^inUse && p[0] != typeBitmap {
			continue
		}
		v.rootNotes = nil
		spans, list := v.rootAt(c, steps)
		for _, s := range list {
			if s.kind == typeBitmap && s.length == v.bitmapBytes() && v.b.valid(s.first) {
				return c, spans, list
			}
		}
	}
	v.rootNotes = nil
	return 0, nil, nil
}

func (v *volume) bitmapBytes() uint64 { return (uint64(v.b.clusters) + 7) / 8 }

// structure returns the bytes of the bitmap or the up-case table: a chain or, where the FAT has none, one piece.
func (v *volume) structure(s special, steps *cluster.Budget) block.Source {
	n := v.b.needed(int64(min(s.length, maxVolume)))
	if n == 0 || !v.b.valid(s.first) {
		return block.Bytes(nil)
	}
	ch := v.t.chainOf(s.first, n, 0, steps)
	if !ch.fits(n) {
		ch.spans = []span{{s.first, min(n, v.b.room(s.first))}}
	}
	v.system = append(v.system, ch.spans...)
	return v.b.stream(v.src, ch.spans, int64(min(s.length, maxVolume)))
}

// Info describes the volume.
func (v *volume) Info() filesystem.Info {
	v.mu.Lock()
	defer v.mu.Unlock()
	info := v.info
	info.Findings = append([]finding.Finding(nil), v.info.Findings...)
	for _, f := range info.Findings {
		switch {
		case f.Severity == finding.Error:
			info.State = filesystem.Damaged
		case f.Code == volumeDirty.Code && info.State == filesystem.Clean:
			info.State = filesystem.Dirty
		}
	}
	return info
}

// Open returns the bytes of a stream of f.
func (v *volume) Open(f *filesystem.File, stream string) (block.Source, error) {
	if f.Locked && stream == "" {
		return nil, fmt.Errorf("exfat: %s: %w", f.ID, filesystem.ErrLocked)
	}
	for _, s := range f.Streams {
		if s.Name == stream {
			return block.Join(v.src, s.Runs, s.Size), nil
		}
	}
	return nil, fmt.Errorf("exfat: %s: stream %q: %w", f.ID, stream, fs.ErrNotExist)
}

// Used returns the boot regions, the FATs, and all clusters that the bitmap or a live entry takes.
func (v *volume) Used(ctx context.Context) (block.Set, error) {
	s, err := v.survey(ctx)
	if err != nil {
		return block.Set{}, err
	}
	extents := []block.Extent{{Length: v.b.heapAt()}}
	open := span{}
	flush := func() {
		if open.count > 0 {
			extents = append(extents, v.b.extents([]span{open})...)
		}
		open = span{}
	}
	take := func(c, n uint32) {
		if open.count == 0 || open.last()+1 != c {
			flush()
			open = span{c, 0}
		}
		open.count += n
	}
	end := uint64(v.b.clusters) + 2
	for at := uint64(2); at < end; {
		if at%(1<<16) < 8 && ctx.Err() != nil {
			return block.Set{}, ctx.Err()
		}
		c, n := uint32(at), uint32(1)
		if at%8 == 2 && end-at >= 8 {
			live, _ := s.live.Count(c, 8)
			taken, free, _ := v.bitmap.count(c, 8)
			if live == 8 || taken == 8 {
				take(c, 8)
				at += 8
				continue
			}
			if live == 0 && free == 8 {
				at += 8
				continue
			}
		}
		if taken, known := v.bitmap.allocated(c); taken || s.live.Has(c) || !known && v.bitmap.w == nil && s.taken(v, c) {
			take(c, n)
		}
		at++
	}
	flush()
	return block.SetOf(extents...), nil
}
