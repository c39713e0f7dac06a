package layers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
)

// extKind is just enough of ext to find and open real volumes of mke2fs: the layers are held to the rules of
// backup superblocks without depending on what the real reader makes of a damaged volume.
func extKind() filesystem.Kind {
	return filesystem.Kind{
		Name:   "ext",
		Probes: []probe.Probe{{ID: "ext.superblock", Bytes: []byte{0x53, 0xef}, At: 1080, Align: 1024}},
		Locate: locateExt, Open: openExt,
	}
}

type extSuper struct {
	blocks, size, first, perGroup, group, inodes, desc, inode int64
	ext4                                                      bool
}

func parseExt(src block.Source, at int64) (extSuper, error) {
	b, err := cursor.Read(src, "ext superblock", at, 1024, 1024)
	if err != nil || binary.LittleEndian.Uint16(b[56:]) != 0xef53 {
		return extSuper{}, cursor.ErrNot
	}
	u32 := func(i int) int64 { return int64(binary.LittleEndian.Uint32(b[i:])) }
	s := extSuper{
		blocks: u32(4), size: 1024 << min(u32(24), 10), first: u32(20), perGroup: u32(32), inodes: u32(40), desc: 32,
		group: int64(binary.LittleEndian.Uint16(b[90:])), inode: int64(binary.LittleEndian.Uint16(b[88:])), ext4: u32(96)&0x40 != 0,
	}
	if u32(96)&0x80 != 0 {
		s.desc = int64(binary.LittleEndian.Uint16(b[254:]))
	}
	if s.blocks < 64 || s.size > 64<<10 || s.perGroup == 0 || s.perGroup > 8*s.size || s.inodes == 0 || s.inode < 128 || s.desc < 32 {
		return extSuper{}, cursor.ErrNot
	}
	return s, nil
}

// place is where the copy of s in its group stands in the volume.
func (s extSuper) place() int64 {
	if s.group == 0 {
		return 1024
	}
	return (s.first + s.group*s.perGroup) * s.size
}

// root reports whether the inode table that the descriptors behind the copy at place name has a directory as
// its second inode.
func (s extSuper) root(src block.Source, start, place int64) bool {
	d, err := cursor.Read(src, "ext descriptor", start+(place/s.size+1)*s.size, 32, 32)
	if err != nil {
		return false
	}
	table := int64(binary.LittleEndian.Uint32(d[8:]))
	if table == 0 || table >= s.blocks {
		return false
	}
	i, err := cursor.Read(src, "ext root", start+table*s.size+s.inode, 2, 2)
	return err == nil && binary.LittleEndian.Uint16(i)&0xf000 == 0x4000
}

func locateExt(_ context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	s, err := parseExt(src, hit.Offset+1024)
	if err != nil || hit.Offset+1024 < s.place() {
		return nil, nil
	}
	start := hit.Offset + 1024 - s.place()
	c := filesystem.Candidate{Kind: "ext", Extent: block.Extent{Offset: start, Length: s.blocks * s.size}, Confirmed: 1}
	_, err = parseExt(src, start+1024)
	c.FromBackup = err != nil
	if s.root(src, start, s.place()) {
		c.Confirmed++
	} else {
		c.Refuted++
	}
	return []filesystem.Candidate{c}, nil
}

type extFS struct{ info filesystem.Info }

func openExt(_ context.Context, vol block.Source) (filesystem.FileSystem, error) {
	s, err := parseExt(vol, 1024)
	state := filesystem.Clean
	for _, size := range []int64{1024, 2048, 4096} {
		if err == nil {
			break
		}
		state = filesystem.Damaged
		first := int64(0)
		if size == 1024 {
			first = 1
		}
		at := (first + 8*size) * size
		if s, err = parseExt(vol, at); err == nil && s.place() != at {
			err = cursor.ErrNot
		}
	}
	if err != nil || !s.root(vol, 0, s.place()) {
		return nil, errors.Join(cursor.ErrNot, err)
	}
	kind := "ext2"
	if s.ext4 {
		kind = "ext4"
	}
	return &extFS{filesystem.Info{Kind: kind, Size: s.blocks * s.size, State: state}}, nil
}

func (f *extFS) Info() filesystem.Info { return f.info }
func (f *extFS) Files(context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		yield(&filesystem.File{ID: "i2", Mode: fs.ModeDir}, nil)
	}
}
func (f *extFS) Open(*filesystem.File, string) (block.Source, error) {
	return nil, fmt.Errorf("ext: %w", fs.ErrNotExist)
}
func (f *extFS) Used(context.Context) (block.Set, error) { return block.Set{}, nil }
