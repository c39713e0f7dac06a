package ext

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// Kind is the row of this package in the table of file systems.
func Kind() filesystem.Kind {
	return filesystem.Kind{
		Name: "ext",
		// The two bytes behind the magic, and the next but one, are the high bytes of small numbers.
		Probes: []probe.Probe{{ID: "ext.superblock", Bytes: []byte{0x53, 0xEF, 0, 0, 0, 0}, Mask: []byte{0xFF, 0xFF, 0, 0xFF, 0, 0xFF},
			At: superblockOffset + 0x38, Align: 512}},
		Locate: locate,
		Open:   Open,
		Mend:   Mend,
	}
}

// locate turns a copy of a superblock into the volume that it says it belongs to. The number of the group in
// which it stands leads to the start; a copy of the primary one in a journal or in an image that is a file on
// the volume names itself the first as well, and is refuted where no root directory follows.
func locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	at := hit.Offset + superblockOffset
	s, err := readSuperblock(src, at)
	if err != nil {
		if _, corrupt := cursor.IsCorrupt(err); corrupt || errors.Is(err, cursor.ErrNot) || isRead(err) {
			return nil, ctx.Err()
		}
		return nil, err
	}
	start := s.start(at)
	if s.revision == 0 {
		start = s.plainStart(src, at)
	}
	if start < 0 {
		return nil, ctx.Err()
	}
	c := filesystem.Candidate{Kind: "ext", Extent: block.Extent{Offset: start, Length: s.size()}, Label: s.label, UUID: s.uuidText()}
	count := func(holds bool) {
		if holds {
			c.Confirmed++
		} else {
			c.Refuted++
		}
	}
	vol := block.Section(src, c.Extent)
	here := *s
	here.offset = at - start
	primary, err := readSuperblock(vol, superblockOffset)
	c.FromBackup = err != nil || !primary.sameLayout(s)
	if s.groupNumber != 0 && err == nil {
		count(!c.FromBackup)
	}
	if s.metaCsum() {
		count(s.checksumOK)
	}
	v := newVolume(vol, &here)
	in, rootErr := v.lookAt(rootInode)
	switch {
	case rootErr == nil:
		count(in.isDir() && in.checksumOK)
		if in.isDir() {
			count(v.rootNames(in))
		}
	case !isRead(rootErr):
		// No descriptor in any copy that could be.
		c.Refuted += 2
	case c.Extent.End() > src.Size():
		c.Refuted++ // it reaches behind the end of all there is
	}
	if s.groupNumber == 0 {
		for _, g := range s.backups(2) {
			if b, err := readSuperblock(vol, s.copyOffset(g)); err == nil {
				count(b.sameLayout(s) && (uint64(b.groupNumber) == g || s.revision == 0))
			} else if !isRead(err) && s.copyOffset(g) < vol.Size() && start+s.copyOffset(g) < src.Size() {
				count(false)
			}
		}
	}
	if c.Confirmed == 0 {
		return nil, ctx.Err()
	}
	if src.Size() < c.Extent.End() {
		c.Findings = append(c.Findings, cutShort.New(finding.At(src.Size(), c.Extent.End()-src.Size()), finding.Expected(s.size(), src.Size()-start)))
	}
	return []filesystem.Candidate{c}, ctx.Err()
}

// plainStart returns where the volume of a copy of revision 0 begins, in which copies do not say where they
// stand: where a root directory follows. It is negative when there is none.
func (s *superblock) plainStart(src block.Source, at int64) int64 {
	const most = 128 // groups; such volumes are small
	for g := range min(s.groups(), most) {
		start := at - s.copyOffset(g)
		if start < 0 {
			break
		}
		v := newVolume(block.Section(src, block.Extent{Offset: start, Length: s.size()}), s)
		if in, err := v.lookAt(rootInode); err == nil && in.isDir() && v.rootNames(in) {
			return start
		}
	}
	return -1
}

// rootNames reports whether the root directory starts as one does: with itself, twice.
func (v *volume) rootNames(in *inode) bool {
	if in.inline() {
		return true
	}
	m := v.mapInode(in, v.newBudget())
	if len(m.runs) == 0 || !m.runs[0].Kind.Stands() {
		return false
	}
	b := make([]byte, 24)
	if v.cache.read("ext: root directory", b, m.runs[0].Physical) != nil {
		return false
	}
	return b[0] == rootInode && b[6] == 1 && b[8] == '.' && b[12] == rootInode && string(b[20:22]) == ".."
}
