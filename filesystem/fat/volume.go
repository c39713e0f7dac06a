package fat

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// maxCompareAtOpen is the largest FAT, in bytes, that opening a volume compares with its copy. Larger ones
// are compared by the first walk.
const maxCompareAtOpen = 16 << 20

// Kind is the row of this package in the table of file systems.
func Kind() filesystem.Kind {
	return filesystem.Kind{Name: "fat", Probes: probes(), Locate: locate, Open: Open, Mend: Mend}
}

// volume is an opened volume.
type volume struct {
	src block.Source
	b   *boot
	t   *table

	mu       sync.Mutex // of what follows
	info     filesystem.Info
	implied  bool // no boot sector was left
	rawLabel [11]byte
	compared bool
	differ   bool

	turn chan struct{} // holds a token while no one surveys
	done *survey       // set once, by the holder of the token
}

// Open opens the FAT volume at the start of vol: by its boot sector or, on FAT32, by the backup of that. It
// answers [cursor.ErrNot] when neither looks like one, and a [*cursor.CorruptError] when one does and
// cannot be.
func Open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	b, notes, err := findBoot(vol)
	if err != nil {
		return nil, err
	}
	return open(ctx, vol, b, notes)
}

// open opens the volume that b describes.
func open(ctx context.Context, vol block.Source, b *boot, notes []finding.Finding) (*volume, error) {
	v := &volume{src: vol, b: b, t: newTable(vol, b), turn: make(chan struct{}, 1)}
	v.turn <- struct{}{}
	v.implied = len(notes) > 0 && notes[0].Code == bootImplied.Code
	v.info = filesystem.Info{Kind: b.kind(), BlockSize: b.clusterSize(), Size: b.size(), Findings: notes}
	if b.hasSerial {
		v.info.UUID = uuid(b.serial)
	}
	v.checkBoot()
	if b.width == 32 && !b.valid(b.rootCluster) {
		v.note(bootRoot.New(finding.At(44, 4), finding.Expected(2, b.rootCluster)))
		b.rootCluster = 2
	}
	v.checkHeads()
	v.checkInfoSector()
	v.checkFlags()
	if len(v.t.copies) == 2 && b.fatBytes() > maxCompareAtOpen {
		v.note(tableNotCompared.New(finding.At(b.fatAt(0), b.fatBytes()), finding.Expected(nil, b.fatBytes())))
	} else if err := v.compare(ctx); err != nil {
		return nil, err
	}
	v.info.Label = v.label(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

// readBoot reads and parses the boot sector at off.
func readBoot(src block.Source, off int64) (*boot, error) {
	p, err := cursor.Read(src, "fat: boot sector", off, bootSize, bootSize)
	if err != nil {
		if _, short := cursor.IsCorrupt(err); short {
			return nil, fmt.Errorf("%w: %w", cursor.ErrNot, err)
		}
		return nil, err
	}
	return parseBoot(p, off)
}

// headFits reports whether a FAT begins with the media byte and ones behind it, as every formatter writes it.
func headFits(b *boot, v uint32) bool {
	return v != unknown && byte(v) == b.media && v|0xFF == 0x0FFFFFFF
}

// head returns entry 0 of a copy of the FAT of b on src.
func head(src block.Source, b *boot, copy int) uint32 {
	var p [4]byte
	if n, _ := src.ReadAt(p[:], b.fatAt(copy)); n < len(p) {
		return unknown
	}
	v := decodeEntry(b.width, 0, p[:])
	if b.width == 12 && v >= 0xF00 || b.width == 16 && v >= 0xFF00 {
		v |= 0x0FFFFFFF &^ 0xFF // the head may be below the reserved values, media 0xF0
	}
	return v
}

// heads counts the copies of the FAT that begin as they should.
func heads(src block.Source, b *boot) int {
	n := 0
	for i := range b.copies {
		if headFits(b, head(src, b, i)) {
			n++
		}
	}
	return n
}

// findBoot returns the boot sector to use and what is to be said about it.
func findBoot(vol block.Source) (*boot, []finding.Finding, error) {
	first, err := readBoot(vol, 0)
	good := err == nil && heads(vol, first) > 0
	if good {
		return first, nil, nil
	}
	for _, size := range []int64{512, 1024, 2048, 4096} {
		at := defaultBackup * size
		if first != nil && first.backupSector > 0 {
			at = first.backupSector * size
		}
		b, backupErr := readBoot(vol, at)
		if backupErr != nil || b.width != 32 || !b.signed || b.backupSector*b.sectorSize != at || heads(vol, b) == 0 {
			continue
		}
		if first != nil && first.sameLayout(b) {
			return first, nil, nil
		}
		found := "it names a place without a FAT"
		if err != nil {
			found = err.Error()
		}
		return b, []finding.Finding{bootBackupUsed.New(finding.At(at, bootSize), finding.Expected(nil, found))}, nil
	}
	if err != nil {
		if b := imply(vol); b != nil {
			return b, []finding.Finding{bootImplied.New(finding.At(0, bootSize), finding.Expected(nil, err))}, nil
		}
		return nil, nil, err
	}
	// The FATs are gone, or this is something else that happens to look so.
	if !first.signed || !first.isTyped() {
		return nil, nil, fmt.Errorf("fat: no FAT where the boot sector says: %w", cursor.ErrNot)
	}
	return first, nil, nil
}

func (v *volume) note(f finding.Finding) { v.info.Findings = append(v.info.Findings, f) }

// checkBoot looks at the boot sector, its backup, and the size.
func (v *volume) checkBoot() {
	b := v.b
	if !b.signed {
		v.note(bootUnsigned.New(finding.At(510, 2), finding.Expected("55 AA", "another value")))
	}
	if b.shortFAT {
		v.note(bootShortFAT.New(finding.At(22, 2), finding.Expected(nil, b.clusters)))
	}
	if t := b.typeText; b.isTyped() && t != "FAT" && !strings.EqualFold(t, b.kind()) {
		v.note(bootType.New(finding.At(54, 8), finding.Expected(strings.ToUpper(b.kind()), t)))
	}
	if v.src.Size() < b.size() {
		v.note(bootTruncated.New(finding.At(v.src.Size(), b.size()-v.src.Size()), finding.Expected(b.size(), v.src.Size())))
	}
	if b.width != 32 || b.backupSector == 0 {
		return
	}
	at := b.backupSector * b.sectorSize
	backup, err := readBoot(v.src, at)
	switch {
	case err != nil:
		v.note(bootBackupDiffers.New(finding.At(at, bootSize), finding.Expected(nil, err)))
	case !backup.sameLayout(b):
		v.note(bootBackupDiffers.New(finding.At(at, bootSize), finding.Expected(nil, "another layout")))
	}
}

// checkHeads looks at entry 0 of the FATs and prefers a copy that begins as it should.
func (v *volume) checkHeads() {
	b := v.b
	if !b.mirrored {
		v.note(fatUnmirrored.New(finding.At(b.fatAt(b.active), b.fatBytes()), finding.Expected(nil, b.active+1)))
	}
	var good []int
	for _, i := range v.t.copies {
		h := head(v.src, b, i)
		if headFits(b, h) {
			good = append(good, i)
		} else if h != unknown {
			v.note(fatHead.New(finding.At(b.fatAt(i), 4), finding.Arg("copy", i+1),
				finding.Expected(fmt.Sprintf("0x%02x", b.media), fmt.Sprintf("0x%x", h))))
		}
	}
	if len(good) == 1 {
		v.t.prefer(good[0])
	}
}

// checkInfoSector looks at the FSInfo sector of FAT32.
func (v *volume) checkInfoSector() {
	if v.b.width != 32 || v.b.infoSector == 0 {
		return
	}
	at := v.b.infoSector * v.b.sectorSize
	p, err := cursor.Read(v.src, "fat: FSInfo", at, bootSize, bootSize)
	if err == nil {
		err = parseInfo(p, at, v.b.clusters)
	}
	if c, ok := cursor.IsCorrupt(err); ok {
		v.note(infoBroken.New(finding.At(at, bootSize), finding.Expected(c.Expected, c.Found)))
	} else if err != nil {
		v.note(infoBroken.New(finding.At(at, bootSize), finding.Expected("a sector that can be read", err)))
	}
}

// parseInfo checks an FSInfo sector. Its counts are hints that no reader depends on.
func parseInfo(p []byte, off int64, clusters uint32) error {
	c := cursor.New("fat: FSInfo", off, p)
	lead := c.Uint32BE()
	c.Seek(484)
	structure, free := c.Uint32BE(), c.Uint32()
	c.Skip(16)
	trail := c.Uint32()
	switch {
	case c.Err() != nil:
		return c.Err()
	case lead != 0x52526141 || structure != 0x72724161 || trail != 0xAA550000:
		return cursor.Corrupt("fat: FSInfo", off, "the signatures RRaA, rrAa, 55 AA",
			fmt.Sprintf("%08x, %08x, %08x", lead, structure, trail))
	case free > clusters && free != 0xFFFFFFFF:
		return cursor.Corrupt("fat: FSInfo: free clusters", off+488, fmt.Sprintf("at most %d", clusters), free)
	}
	return nil
}

// checkFlags looks at the two places where drivers note that the volume is in use.
func (v *volume) checkFlags() {
	dirty, surface := v.b.flags&1 != 0, v.b.flags&2 != 0
	at := int64(0x25)
	if v.b.width == 32 {
		at = 0x41
	}
	for rank := range v.t.copies {
		e := v.t.entry(rank, 1)
		if v.b.width == 12 || e == unknown {
			continue
		}
		clean, noErrors := uint32(0x8000), uint32(0x4000)
		if v.b.width == 32 {
			clean, noErrors = 0x08000000, 0x04000000
		}
		// An entry that is no end mark at all is damage, not a flag.
		if e|clean|noErrors >= entryLast&(2*clean-1) {
			dirty, surface = dirty || e&clean == 0, surface || e&noErrors == 0
		}
		break
	}
	if dirty {
		v.note(volumeDirty.New(finding.At(at, 1)))
	}
	if surface {
		v.note(volumeSurface.New(finding.At(at, 1)))
	}
}

// compare compares the copies of the FAT, once.
func (v *volume) compare(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.compared {
		return nil
	}
	d, err := v.t.compare(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("fat: comparing the FATs: %w", err)
	}
	v.compared = true
	for i, n := range d.bad {
		if n > 0 {
			copy := v.t.copies[i]
			v.note(fatUnreadable.New(finding.At(v.b.fatAt(copy), v.b.fatBytes()), finding.Arg("copy", copy+1), finding.Expected(nil, n)))
		}
	}
	if d.entries > 0 {
		v.differ = true
		at := v.b.fatAt(v.t.copies[1])
		from, to := int64(d.first)*int64(v.b.width)/8, (int64(d.last)+1)*int64(v.b.width)/8
		v.note(fatDiffers.New(finding.At(at+from, to-from), finding.Expected("no difference", d.entries),
			finding.Arg("first", d.first), finding.Arg("last", d.last)))
		if d.odd[0] > 2*d.odd[1] {
			v.t.prefer(v.t.copies[1])
		}
	}
	return nil
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
	for _, s := range f.Streams {
		if s.Name == stream {
			return block.Join(v.src, s.Runs, s.Size), nil
		}
	}
	return nil, fmt.Errorf("fat: %s: stream %q: %w", f.ID, stream, fs.ErrNotExist)
}

// uuid prints a serial number as systems show it.
func uuid(serial uint32) string { return fmt.Sprintf("%04X-%04X", serial>>16, serial&0xFFFF) }

// label returns the volume's name: that of the entry in the root directory or, without one, that of the boot
// sector.
func (v *volume) label(ctx context.Context) string {
	name := ""
	root, _ := v.rootExtents(newBudget(v.b))
	v.readSlots(ctx, root, func(p []byte, off int64) bool {
		if p[0] == markEnd {
			return false
		}
		if p[0] == markDeleted || isLongEntry(p) {
			return true
		}
		e, err := parseShort(p, off, v.b.width)
		if err != nil || !e.isLabel() || e.start != 0 || e.attr&0xC0 != 0 {
			return true
		}
		v.rawLabel = e.name
		name = labelText(e.name, usualPage())
		return false
	}, nil)
	if name == "" && v.b.hasLabel && string(v.b.label[:]) != "NO NAME    " {
		v.rawLabel = v.b.label
		name = labelText(v.b.label, usualPage())
	}
	return name
}

func labelText(raw [11]byte, page codePage) string {
	if raw[0] == markKanji {
		raw[0] = 0xE5
	}
	text, _ := page.decode(raw[:])
	return strings.TrimRight(text, " \x00")
}

// Used returns the boot area, the FATs, the fixed root directory, and all clusters that the FAT or a live
// entry takes. Clusters marked bad are not used.
func (v *volume) Used(ctx context.Context) (block.Set, error) {
	s, err := v.survey(ctx)
	if err != nil {
		return block.Set{}, err
	}
	extents := []block.Extent{{Length: v.b.dataAt()}}
	var open span
	flush := func() {
		if open.count > 0 {
			extents = append(extents, block.Extent{Offset: v.b.at(open.first), Length: int64(open.count) * v.b.clusterSize()})
		}
		open = span{}
	}
	err = v.t.scan(ctx, func(c, e uint32) {
		taken := e != entryFree && e != entryBad && e != unknown || s.live.Has(c) || s.guessed.Has(c) ||
			v.differ && v.t.used(c)
		switch {
		case !taken:
		case open.count > 0 && open.end() == c:
			open.count++
		default:
			flush()
			open = span{c, 1}
		}
	})
	if err != nil {
		return block.Set{}, err
	}
	flush()
	return block.SetOf(extents...), nil
}

// scan calls visit with the entry of every cluster, in order: that of the preferred copy or, where that
// cannot be read, of the other.
func (t *table) scan(ctx context.Context, visit func(c, entry uint32)) error {
	const chunk = windowSize * 16
	size := min(t.b.fatBytes(), t.src.Size()-t.b.fatAt(t.copies[0])) // of what is here
	p := make([]byte, max(min(chunk, size), 0))
	c, end := uint32(2), t.b.clusters+2
	for at := int64(0); at < size && c < end; at += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		p = p[:min(chunk, size-at)]
		bad, err := cluster.ReadAround(t.src, p, t.b.fatAt(t.copies[0])+at)
		if err != nil {
			return fmt.Errorf("fat: reading FAT %d: %w", t.copies[0]+1, err)
		}
		n := int64(4)
		if t.b.width != 32 {
			n = 2
		}
		for ; c < end; c++ {
			off := int64(c)*int64(t.b.width)/8 - at
			if off+n > int64(len(p)) {
				break
			}
			var e uint32
			switch {
			case !bad.Empty() && bad.Overlaps(block.Extent{Offset: off, Length: n}):
				e = unknown
				if len(t.copies) > 1 {
					e = t.entry(1, c)
				}
			case t.b.width == 32:
				e = binary.LittleEndian.Uint32(p[off:]) & 0x0FFFFFFF
			default:
				e = decodeEntry(t.b.width, c, p[off:])
			}
			visit(c, e)
		}
	}
	return nil
}

// isContext reports whether err is the end of a context.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
