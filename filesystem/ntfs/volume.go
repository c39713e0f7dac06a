package ntfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// Kind is the row of this package in the table of file systems.
func Kind() filesystem.Kind {
	return filesystem.Kind{Name: "ntfs", Probes: probes(), Locate: locate, Open: Open, Decode: Decode, Mend: Mend}
}

// volume is an opened volume.
type volume struct {
	src   block.Source
	b     *boot
	table *table
	bad   block.Set // clusters that are noted as unreadable, in bytes
	// isFormer says that this is what is left of an older volume, of which another stands in the place.
	isFormer bool

	mu       sync.Mutex // of info and of what is read when it is first asked for
	info     filesystem.Info
	security map[uint32][]byte

	turn chan struct{} // holds a token while no one surveys
	done *survey       // set once, by the holder of the token
}

// Open opens the NTFS volume at the start of vol: by its boot sector, by the backup of that behind the last
// sector, or by the records of the master file table. It answers [cursor.ErrNot] when there is none of them.
func Open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	b, notes, err := findBoot(vol)
	if err == nil {
		v, openErr := open(ctx, vol, b, notes)
		if openErr == nil || !errors.Is(openErr, cursor.ErrNot) {
			return v, openErr
		}
		err = openErr
	} else if !errors.Is(err, cursor.ErrNot) {
		if _, unreadable := block.IsUnreadable(err); !unreadable {
			return nil, err
		}
	}
	v, rebuildErr := rebuild(ctx, vol, b, notes)
	if rebuildErr != nil {
		if errors.Is(rebuildErr, cursor.ErrNot) {
			return nil, fmt.Errorf("%w: %w", cursor.ErrNot, err)
		}
		return nil, rebuildErr
	}
	return v, nil
}

// readBoot reads and parses the boot sector at off.
func readBoot(src block.Source, off int64) (*boot, error) {
	p, err := cursor.Read(src, "ntfs: boot sector", off, bootSize, bootSize)
	if err != nil {
		if _, short := cursor.IsCorrupt(err); short {
			return nil, fmt.Errorf("%w: %w", cursor.ErrNot, err)
		}
		return nil, err
	}
	return parseBoot(p, off)
}

// findBoot returns the boot sector to use and what is to be said about it.
func findBoot(vol block.Source) (*boot, []finding.Finding, error) {
	first, err := readBoot(vol, 0)
	if err == nil && tableBegins(vol, first) {
		if at := first.size() - first.sectorSize; at <= vol.Size()-bootSize {
			backup, backupErr := readBoot(vol, at)
			switch {
			case backupErr != nil:
				return first, []finding.Finding{bootDiffers.New(finding.At(at, bootSize), finding.Expected(nil, backupErr))}, nil
			case !backup.sameLayout(first):
				return first, []finding.Finding{bootDiffers.New(finding.At(at, bootSize), finding.Expected(nil, "another layout"))}, nil
			}
		}
		return first, nil, nil
	}
	why := err
	if why == nil {
		why = errors.New("no master file table where it says")
	}
	for _, sector := range []int64{512, 1024, 2048, 4096, 256} {
		at := vol.Size()/sector*sector - sector
		b, backupErr := readBoot(vol, at)
		if backupErr != nil || b.sectorSize != sector || b.size()-sector > at || !tableBegins(vol, b) {
			continue
		}
		return b, []finding.Finding{bootBackup.New(finding.At(0, bootSize), finding.Expected(nil, why))}, nil
	}
	return first, nil, err
}

// tableBegins reports whether a record stands where b says that the master file table or its mirror begins.
func tableBegins(vol block.Source, b *boot) bool {
	for _, c := range []int64{b.mft, b.mirror} {
		if p := readAt(vol, c*b.clusterSize, 4); c > 0 && (string(p) == "FILE" || string(p) == "BAAD") {
			return true
		}
	}
	return false
}

// readAt returns n bytes at off, nil when they cannot be read.
func readAt(src block.Source, off, n int64) []byte {
	if off < 0 || off > src.Size()-n {
		return nil
	}
	p := make([]byte, n)
	if m, _ := src.ReadAt(p, off); int64(m) < n {
		return nil
	}
	return p
}

func newVolume(vol block.Source, b *boot, notes []finding.Finding) *volume {
	v := &volume{src: vol, b: b, turn: make(chan struct{}, 1)}
	v.turn <- struct{}{}
	v.info = filesystem.Info{Kind: "ntfs", BlockSize: b.clusterSize, Size: b.size(), Findings: notes}
	if b.serial != 0 {
		v.info.UUID = uuid(b.serial)
	}
	return v
}

// open opens the volume that b describes.
func open(ctx context.Context, vol block.Source, b *boot, notes []finding.Finding) (*volume, error) {
	v := newVolume(vol, b, notes)
	if err := v.loadTable(ctx); err != nil {
		return nil, err
	}
	return v, v.describe(ctx)
}

// describe reads what the volume says of itself.
func (v *volume) describe(ctx context.Context) error {
	if v.src.Size() < v.b.size()-v.b.sectorSize {
		v.note(volumeShort.New(finding.At(v.src.Size(), v.b.size()-v.src.Size()), finding.Expected(v.b.size(), v.src.Size())))
	}
	v.readVolume()
	v.readLogState()
	v.readBad()
	return ctx.Err()
}

func (v *volume) note(f finding.Finding) { v.info.Findings = append(v.info.Findings, f) }

// firstRecord reads record n of the table that begins at off, n being one of those that the mirror has too.
func (v *volume) firstRecord(off, n int64) (record, error) {
	at := off + n*v.b.recordSize
	b, err := cursor.Read(v.src, fmt.Sprintf("ntfs: record %d", n), at, v.b.recordSize, maxRecordSize)
	if err != nil {
		return record{}, err
	}
	r, err := parseRecord(b, n, at)
	r.number = n
	r.runs = []block.Run{{Physical: at, Length: v.b.recordSize}}
	if err == nil && (!r.inUse() || r.base != 0) {
		err = cursor.Corrupt(r.String(), at, "a base record in use", fmt.Sprintf("flags 0x%x", r.flags))
	}
	return r, err
}

// mirrored is how many records the mirror holds at least.
const mirrored = 4

// loadTable finds the pieces of the master file table by its own record or by the mirror of that.
func (v *volume) loadTable(ctx context.Context) error {
	table, mirror := v.b.mft*v.b.clusterSize, v.b.mirror*v.b.clusterSize
	r, err := v.firstRecord(table, recordMFT)
	if err != nil || r.torn > 0 {
		m, mirrorErr := v.firstRecord(mirror, recordMFT)
		if v.b.mirror > 0 && mirrorErr == nil && (m.torn == 0 || err != nil) {
			r, err = m, nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", cursor.ErrNot, err)
	}
	if err := v.tableFrom(ctx, &r); err != nil {
		return err
	}
	v.compareMirror(table, mirror)
	return ctx.Err()
}

// tableFrom makes the table of its own record. Its pieces may be listed in records of the table itself, each
// of which stands in the pieces that are listed before it.
func (v *volume) tableFrom(ctx context.Context, r *record) error {
	v.table = newTable(v.src, v.b.recordSize, nil, 0)
	o := &object{record: *r}
	var list []byte
	err := r.attributes(func(a *attribute) bool {
		if a.kind == typeList {
			list = v.attributeList(o, a)
		}
		v.add(o, r, a)
		return true
	})
	data := o.find(typeData, "")
	if data == nil || data.resident || len(data.spans) == 0 {
		return fmt.Errorf("%w: %w", cursor.ErrNot, cursor.Corrupt(r.String(), r.offset(0), "the runs of the table", err))
	}
	size := min(data.size, v.b.size(), v.src.Size()) // no table is larger than what is here
	grow := func() { v.table = newTable(v.src, v.b.recordSize, v.spanRuns(data.spans), size) }
	grow()
	if list != nil {
		err = errors.Join(err, parseList(list, func(e listed) {
			if e.kind != typeData || e.at.number() == recordMFT || ctx.Err() != nil {
				return
			}
			x, err := v.table.record(e.at.number())
			if err != nil || !extends(&x, r, e.at) {
				o.note(extensionGone.New(finding.At(max(r.offset(0), 0), 0), finding.Arg("record", e.at.number()), finding.Expected(nil, err)))
				return
			}
			if err := x.attributes(func(a *attribute) bool {
				if a.kind == typeData && a.name == "" && a.first >= e.first {
					v.add(o, &x, a)
				}
				return true
			}); err != nil {
				o.note(recordBroken.New(finding.Expected(nil, err)))
			}
			data = o.find(typeData, "")
			grow()
		}))
	}
	if err == nil && len(o.notes) > 0 {
		err = errors.New(o.notes[0].Text)
	}
	if err != nil {
		v.note(tableBroken.New(finding.At(max(r.offset(0), 0), v.b.recordSize), finding.Expected(nil, err)))
	}
	return nil
}

// compareMirror mends the first records by the mirror where they are broken, and tells where they differ.
func (v *volume) compareMirror(table, mirror int64) {
	if v.b.mirror == 0 {
		return
	}
	for n := range int64(mirrored) {
		r, err := v.firstRecord(table, n)
		m, mirrorErr := v.firstRecord(mirror, n)
		at := finding.At(table+n*v.b.recordSize, v.b.recordSize)
		switch {
		case mirrorErr != nil:
			v.note(tableMirrorDiffers.New(finding.At(mirror+n*v.b.recordSize, v.b.recordSize), finding.Arg("record", n)))
		case err != nil:
			if p := readAt(v.src, mirror+n*v.b.recordSize, v.b.recordSize); p != nil {
				v.table.mended[n], v.table.mendedAt[n] = p, mirror+n*v.b.recordSize
				v.note(tableMirror.New(at, finding.Arg("record", n)))
			}
		case n == recordMFT && !bytes.Equal(r.b[56:max(r.used, 56)], m.b[56:max(m.used, 56)]):
			v.note(tableMirrorDiffers.New(finding.At(mirror+n*v.b.recordSize, v.b.recordSize), finding.Arg("record", n)))
		}
	}
}

// system gathers one of the volume's own records; nil when it cannot be read.
func (v *volume) system(number int64) *object {
	r, err := v.table.record(number)
	if err != nil || !r.inUse() || r.base != 0 {
		return nil
	}
	return v.gather(&r)
}

// readVolume reads the label, the version and the flag of a volume in use.
func (v *volume) readVolume() {
	o := v.system(recordVolume)
	if o == nil {
		return
	}
	if e := o.find(typeLabel, ""); e != nil && e.resident {
		v.info.Label = labelText(e.bytes)
	}
	if e := o.find(typeVolume, ""); e != nil && e.resident && len(e.bytes) >= 12 {
		if le.Uint16(e.bytes[10:])&1 != 0 {
			v.note(volumeDirty.New(finding.At(max(o.offset(0), 0), v.b.recordSize)))
		}
		if e.bytes[8] > 3 {
			v.note(versionUnknown.New(finding.Expected("1.2 to 3.1", fmt.Sprintf("%d.%d", e.bytes[8], e.bytes[9]))))
		}
	}
}

// labelText decodes the label as systems show it: up to its first NUL, without spaces behind.
func labelText(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && len(units) < 128; b = b[2:] {
		u := le.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " ")
}

// readBad reads which clusters are noted as unreadable.
func (v *volume) readBad() {
	o := v.system(recordBad)
	if o == nil {
		return
	}
	if e := o.find(typeData, "$Bad"); e != nil && !e.resident {
		for _, r := range v.spanRuns(e.spans) {
			if r.Kind.Stands() {
				v.bad.Add(r.PhysicalExtent())
			}
		}
	}
	if n := v.bad.Bytes(); n > 0 {
		v.note(badClusters.New(finding.At(v.bad.Extents()[0].Offset, 0), finding.Expected(0, n)))
	}
}

// Info describes the volume.
func (v *volume) Info() filesystem.Info {
	v.mu.Lock()
	defer v.mu.Unlock()
	info := v.info
	info.Findings = append([]finding.Finding(nil), v.info.Findings...)
	for _, f := range info.Findings {
		switch {
		case f.Severity == finding.Error || f.Code == tableMirror.Code:
			info.State = filesystem.Damaged
		case (f.Code == volumeDirty.Code || f.Code == logOpen.Code) && info.State == filesystem.Clean:
			info.State = filesystem.Dirty
		}
	}
	return info
}

// Open returns the bytes of a stream of f.
func (v *volume) Open(f *filesystem.File, stream string) (block.Source, error) {
	for _, s := range f.Streams {
		if s.Name != stream {
			continue
		}
		if f.Locked {
			return nil, fmt.Errorf("ntfs: %s: %w", f.ID, filesystem.ErrLocked)
		}
		if s.Encoding == "" {
			return block.Join(v.src, s.Runs, s.Size), nil
		}
		n := int64(0)
		for _, r := range s.Runs {
			n = max(n, r.LogicalExtent().End())
		}
		return Decode(s.Encoding, block.Join(v.src, s.Runs, n), s.Size)
	}
	return nil, fmt.Errorf("ntfs: %s: stream %q: %w", f.ID, stream, fs.ErrNotExist)
}
