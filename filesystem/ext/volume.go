package ext

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// searchSize is how far from the start backups of the superblock are searched that do not stand where
// formatters put them.
const searchSize = 64 << 20

// volume is an opened volume.
type volume struct {
	src  block.Source
	view block.Source // src, with what a replay of the journal would change
	over *overlay     // nil when nothing was replayed
	sb   *superblock
	// journal is nil when there is none that can be read.
	journal *journal
	stale   bool         // the journal held newer metadata that cannot be read
	fast    *fastCommits // nil when there are none behind the last transaction
	// history and rebuilt are set while the volume is surveyed first: what the journal holds, and which
	// records of inodes are taken from it.
	history *past
	rebuilt map[uint32]rebuilt
	cache   *cache
	groups  []group
	info    filesystem.Info

	metadataOnce sync.Once
	metadata     block.Set

	turn chan struct{} // holds a token while no one surveys
	done *survey       // set once, by the holder of the token
}

// Open opens the volume at the start of vol: by its superblock or, when that is broken or gone, by a backup
// of it. It answers [cursor.ErrNot] when there is neither, and a [*cursor.CorruptError] when there is one
// that cannot be used.
func Open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	v, err := open(ctx, vol)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func open(ctx context.Context, vol block.Source) (*volume, error) {
	primary, primaryErr := readSuperblock(vol, superblockOffset)
	var best *volume
	if primaryErr == nil {
		best = newVolume(vol, primary)
		if number := primary.groupNumber; number != 0 {
			// A backup, to which no volume begins here, or a tool that wrote the number of another copy.
			if !best.fits() {
				primary, primaryErr = nil, fmt.Errorf("ext: superblock: a copy of group %d: %w", number, cursor.ErrNot)
			} else {
				primary.groupNumber = 0
			}
		}
	}
	var notes []finding.Finding
	if primaryErr != nil || !primary.checksumOK || !best.fits() {
		backup := findBackup(ctx, vol, primary)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found := "another layout"
		switch {
		case primaryErr != nil:
			found = primaryErr.Error()
		case !primary.checksumOK:
			found = "it does not match its checksum"
		}
		switch {
		case backup == nil && primaryErr != nil:
			return nil, primaryErr
		case backup != nil && (primaryErr != nil || !primary.sameLayout(backup.sb) && backup.fits() &&
			(!best.fits() || backup.sb.checksumOK && !primary.checksumOK)):
			best = backup
			notes = append(notes, superblockBroken.New(finding.At(superblockOffset, superblockSize), finding.Expected(nil, found)),
				superblockBackup.New(finding.At(backup.sb.offset, superblockSize), finding.Arg("group", backup.sb.groupNumber)))
			if !backup.sb.checksumOK {
				notes = append(notes, superblockChecksum.New(finding.At(backup.sb.offset, superblockSize)))
			}
		case !primary.checksumOK:
			notes = append(notes, superblockChecksum.New(finding.At(superblockOffset, superblockSize)))
		}
	}
	v := best
	more, err := v.recoverJournal(ctx)
	if err != nil {
		return nil, err
	}
	notes = append(notes, more...)
	v.describe(append(notes, v.readGroups(ctx)...))
	return v, ctx.Err()
}

func newVolume(src block.Source, s *superblock) *volume {
	v := &volume{src: src, view: src, sb: s, cache: newCache(src), turn: make(chan struct{}, 1)}
	v.turn <- struct{}{}
	return v
}

// readSuperblock reads the copy at off. Where the volume ends before it, that is [cursor.ErrNot].
func readSuperblock(src block.Source, off int64) (*superblock, error) {
	if off < 0 || off > src.Size()-superblockSize {
		return nil, fmt.Errorf("ext: superblock: the volume ends before it: %w", cursor.ErrNot)
	}
	b := make([]byte, superblockSize)
	if n, err := src.ReadAt(b, off); n < len(b) {
		return nil, &readError{"ext: superblock", err}
	}
	s, err := parseSuperblock(b, off)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// sameLayout reports whether two copies describe the same places.
func (s *superblock) sameLayout(o *superblock) bool {
	return s.blockSize == o.blockSize && s.blocksCount == o.blocksCount && s.blocksPerGroup == o.blocksPerGroup &&
		s.inodesPerGroup == o.inodesPerGroup && s.inodesCount == o.inodesCount && s.inodeSize == o.inodeSize && s.descSize == o.descSize &&
		s.firstDataBlock == o.firstDataBlock && s.clusterBlocks == o.clusterBlocks && s.firstMetaBG == o.firstMetaBG && s.uuid == o.uuid &&
		s.seed == o.seed && s.incompat&^uint32(incompatRecover) == o.incompat&^uint32(incompatRecover)
}

// fits reports whether the root directory stands where the superblock leads to.
func (v *volume) fits() bool {
	in, err := v.lookAt(rootInode)
	return err == nil && in.isDir() && in.checksumOK && in.links > 0
}

// lookAt reads an inode of the first groups before the descriptors of all groups are read.
func (v *volume) lookAt(number uint32) (*inode, error) {
	s := v.sb
	n := uint64(number-1) / uint64(s.inodesPerGroup)
	per := uint64(s.blockSize / s.descSize)
	if n >= s.groups() {
		return nil, cursor.ErrNot
	}
	b := make([]byte, s.blockSize)
	places := append([]uint64{s.descriptorBlock(n / per)}, s.descriptorBackups(n/per)...)
	var last error = cursor.ErrNot
	for _, at := range places {
		if err := v.cache.read("ext: group descriptors", b, int64(at)*s.blockSize); err != nil {
			last = err
			continue
		}
		g, ok := parseGroup(b[int64(n%per)*s.descSize:int64(n%per+1)*s.descSize], n, s)
		if !ok || !g.usable {
			last = cursor.ErrNot
			continue
		}
		raw := make([]byte, s.inodeSize)
		off := int64(g.inodeTable)*s.blockSize + int64(uint64(number-1)%uint64(s.inodesPerGroup))*s.inodeSize
		if err := v.cache.read("ext: inode", raw, off); err != nil {
			last = err
			continue
		}
		return parseInode(raw, number, off, s)
	}
	return nil, last
}

// findBackup looks for a copy of the superblock that says that its volume starts here. primary is what can
// be read of the primary copy, or nil.
func findBackup(ctx context.Context, src block.Source, primary *superblock) *volume {
	var spare *volume
	tried := map[int64]bool{}
	try := func(at int64) *volume {
		if tried[at] || at <= superblockOffset || ctx.Err() != nil {
			return nil
		}
		tried[at] = true
		s, err := readSuperblock(src, at)
		if err != nil {
			return nil
		}
		if s.revision == 0 { // which did not say in which group a copy stands
			s.groupNumber = uint32(max(at/s.blockSize-int64(s.firstDataBlock), 0) / int64(s.blocksPerGroup))
		}
		if s.groupNumber == 0 || s.start(at) != 0 {
			return nil
		}
		v := newVolume(src, s)
		if s.checksumOK && v.fits() {
			return v
		}
		if spare == nil && v.plausible() {
			spare = v
		}
		return nil
	}
	if primary != nil {
		for _, g := range primary.backups(12) {
			if v := try(primary.copyOffset(g)); v != nil {
				return v
			}
		}
	}
	// Formatters fill one block with the bitmap of a group. With clusters, groups are larger by a power of two.
	for _, size := range []int64{4096, 1024, 2048, 8192, 16384, 32768, 65536} {
		for scale := int64(1); scale <= 1<<10; scale *= 2 {
			for _, g := range []int64{1, 3, 5, 7, 9, 25, 27, 49} {
				at := g * 8 * size * scale * size
				if at > src.Size() {
					break
				}
				if v := try(at); v != nil {
					return v
				}
				if size == 1024 {
					if v := try(at + 1024); v != nil {
						return v
					}
				}
			}
		}
	}
	if spare != nil {
		return spare
	}
	// Groups of another size, as for small volumes.
	buf := make([]byte, scanSize)
	for base := int64(0); base < min(searchSize, src.Size()) && ctx.Err() == nil; base += scanSize {
		n, _ := src.ReadAt(buf[:min(scanSize, src.Size()-base)], base)
		for at := 0; at+superblockSize <= n; at += 1024 {
			if buf[at+0x38] == magic&0xFF && buf[at+0x39] == magic>>8 {
				if v := try(base + int64(at)); v != nil {
					return v
				}
			}
		}
	}
	return spare
}

// plausible reports whether some descriptor in the reach of the superblock can be.
func (v *volume) plausible() bool {
	s := v.sb
	b := make([]byte, s.blockSize)
	for _, at := range append([]uint64{s.descriptorBlock(0)}, s.descriptorBackups(0)...) {
		if v.cache.read("ext: group descriptors", b, int64(at)*s.blockSize) != nil {
			continue
		}
		if g, ok := parseGroup(b[:s.descSize], 0, s); ok && g.usable {
			return true
		}
	}
	return false
}

// describe makes Info of what the superblock says and of what was found while it was opened.
func (v *volume) describe(notes []finding.Finding) {
	s := v.sb
	v.dropOverlaps()
	at := finding.At(s.offset, superblockSize)
	damaged := slices.ContainsFunc(notes, func(f finding.Finding) bool {
		return f.Severity == finding.Error || f.Code == descriptorBackup.Code
	})
	dirty := false
	if s.incompat&incompatRecover != 0 || v.over != nil {
		dirty = true
	} else if s.state&stateClean == 0 && s.offset == superblockOffset {
		dirty = true
		notes = append(notes, notClean.New(at))
	}
	if s.state&stateErrors != 0 {
		damaged = true
		notes = append(notes, errorsNoted.New(at))
	}
	if x := s.incompat &^ uint32(incompatKnown); x != 0 {
		notes = append(notes, unknownFeature.New(at, finding.Expected(nil, fmt.Sprintf("incompatible 0x%x", x))))
	}
	if s.incompat&incompatCasefold != 0 {
		notes = append(notes, casefolded.New(at))
	}
	if v.src.Size() < s.size() {
		damaged = true
		notes = append(notes, cutShort.New(finding.At(v.src.Size(), s.size()-v.src.Size()), finding.Expected(s.size(), v.src.Size())))
	}
	v.info = filesystem.Info{Kind: s.kind(), Label: s.label, UUID: s.uuidText(), BlockSize: s.blockSize * int64(s.clusterBlocks),
		Size: s.size(), Findings: notes}
	switch {
	case damaged:
		v.info.State = filesystem.Damaged
	case dirty:
		v.info.State = filesystem.Dirty
	}
}

// dropOverlaps takes away groups whose inode tables overlap, the less trusted of two, so that no byte is read
// as an inode twice.
func (v *volume) dropOverlaps() {
	order := make([]int, 0, len(v.groups))
	for i := range v.groups {
		if v.groups[i].usable {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v.groups[a].inodeTable, v.groups[b].inodeTable) })
	last := -1
	for _, i := range order {
		if last >= 0 && v.groups[last].inodeTable+v.sb.tableBlocks() > v.groups[i].inodeTable {
			if v.groups[i].current && !v.groups[last].current {
				v.groups[last].usable = false
			} else {
				v.groups[i].usable = false
				continue
			}
		}
		last = i
	}
}

// Info describes the volume.
func (v *volume) Info() filesystem.Info {
	info := v.info
	info.Findings = slices.Clone(info.Findings)
	return info
}

// Open returns the bytes of a stream of f.
func (v *volume) Open(f *filesystem.File, stream string) (block.Source, error) {
	for _, s := range f.Streams {
		if s.Name != stream {
			continue
		}
		if f.Locked {
			return nil, fmt.Errorf("ext: %s: %w", f.ID, filesystem.ErrLocked)
		}
		return block.Join(v.src, s.Runs, s.Size), nil
	}
	return nil, fmt.Errorf("ext: %s: stream %q: %w", f.ID, stream, fs.ErrNotExist)
}

// isRead reports whether err says that bytes could not be read, rather than that they are wrong.
func isRead(err error) bool {
	var r *readError
	return errors.As(err, &r)
}
