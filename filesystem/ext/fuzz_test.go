package ext

import (
	"bytes"
	"context"
	"testing"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem/filesystemtest"
)

func FuzzSuperblock(f *testing.F) {
	for _, name := range []string{"ext2-plain", "ext2", "ext3", "ext4", "ext4-64k", "meta_bg", "bigalloc", "gdt_csum", "sparse2", "casefold"} {
		f.Add(readImage(f, name)[superblockOffset:][:superblockSize])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := parseSuperblock(p, superblockOffset)
		if err != nil {
			return
		}
		if s.size() <= 0 || s.groups() == 0 || s.groups() > maxGroups || s.tableBlocks() == 0 {
			t.Errorf("%+v", s)
		}
		last := s.groups() - 1
		if s.groupStart(last) >= s.blocksCount {
			t.Errorf("group %d starts at %d of %d blocks", last, s.groupStart(last), s.blocksCount)
		}
		for _, g := range s.backups(20) {
			if g == 0 || g > last || s.copyOffset(g) >= s.size() {
				t.Errorf("a backup in group %d of %d", g, last)
			}
		}
		_, _ = s.uuidText(), s.kind()
	})
}

func FuzzInode(f *testing.F) {
	for _, name := range []string{"ext2", "ext4", "ext4-inline", "removed-ext4"} {
		p := readImage(f, name)
		v := mustOpen(f, p)
		for n := uint32(rootInode); n < 60; n++ {
			if in, err := v.inode(n); err == nil {
				f.Add(in.raw)
			}
		}
	}
	volumes := map[int]*volume{128: mustOpen(f, readImage(f, "ext2")), 256: mustOpen(f, readImage(f, "ext4-inline"))}
	f.Fuzz(func(t *testing.T, p []byte) {
		v := volumes[len(p)]
		if v == nil {
			return
		}
		in, err := parseInode(p, 12, 4096, v.sb)
		if err != nil {
			t.Fatal(err)
		}
		_ = in.fileMode()
		use := v.newBudget()
		runs, size, _ := v.content(in, use)
		if size < 0 || !equalRuns(runs, block.Normalize(runs, size)) {
			t.Errorf("size %d, runs %v", size, runs)
		}
		for _, r := range runs {
			if r.Kind.Stands() && !(block.Extent{Length: v.src.Size()}).Contains(r.PhysicalExtent()) {
				t.Errorf("%v lies outside of the volume", r)
			}
		}
		attributes, _ := v.readAttributes(in, use)
		for name, value := range attributes {
			if !utf8.ValidString(name) || len(value) > maxAttribute {
				t.Errorf("attribute %q with %d bytes", name, len(value))
			}
		}
		_, _ = v.target(in, use)
	})
}

func equalRuns(a, b []block.Run) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func FuzzDirectory(f *testing.F) {
	for _, name := range []string{"ext2", "ext4", "removed-ext4", "kernel-deleted"} {
		p := readImage(f, name)
		v := mustOpen(f, p)
		for _, path := range []string{"", "hostile", "stay", "gone"} {
			got, _ := files(f, v)
			if got["live "+path] == nil {
				continue
			}
			in := mustInode(f, p, path)
			for _, r := range v.mapInode(in, v.newBudget()).runs {
				f.Add(bytes.Clone(p[r.Physical:][:v.sb.blockSize]), true, false, r.Logical == 0)
			}
		}
	}
	f.Fuzz(func(t *testing.T, p []byte, filetype, indexed, first bool) {
		if len(p) < 64 || len(p) > 64<<10 {
			return
		}
		p = p[:len(p)&^3]
		d := &directory{inodes: 5000, filetype: filetype, indexed: indexed, blockSize: len(p)}
		n := 0
		err := d.parse(p, 1<<20, first, func(e entry) {
			n++
			if e.offset < 1<<20 || e.offset+entryHeader+int64(len(e.name)) > 1<<20+int64(len(p)) || e.inode > d.inodes {
				t.Errorf("%+v", e)
			}
			if e.name == "" && !e.stale {
				t.Errorf("an entry without a name: %+v", e)
			}
		})
		_ = err
		if n > len(p)/entryHeader {
			t.Errorf("%d entries in %d bytes", n, len(p))
		}
	})
}

func FuzzVolume(f *testing.F) {
	f.Add(readImage(f, "ext2-plain"), uint32(0), uint32(0))
	f.Add(readImage(f, "reused"), uint32(1024+0x18), uint32(1))
	base := map[bool][]byte{false: readImage(f, "ext2-plain"), true: readImage(f, "reused")}
	f.Add([]byte{1, 0, 4, 0x18, 0, 2, 9}, uint32(7), uint32(3))
	f.Fuzz(func(t *testing.T, p []byte, at, value uint32) {
		// Small inputs are changes to a real volume: six bytes each.
		if len(p) < 4096 {
			q := bytes.Clone(base[value%2 == 0])
			for ; len(p) >= 6; p = p[6:] {
				i := (int(p[0]) | int(p[1])<<8 | int(p[2])<<16) % len(q)
				copy(q[i:], p[3:6])
			}
			copy(q[int(at)%len(q):], []byte{byte(value), byte(value >> 8), byte(value >> 16), byte(value >> 24)})
			p = q
		}
		if len(p) > 2<<20 {
			return
		}
		src := block.Bytes(p)
		ctx := context.Background()
		if _, err := Kind().Locate(ctx, src, probe.Hit{ID: "ext.superblock"}); err != nil {
			t.Error(err)
		}
		fsys, err := Open(ctx, src)
		if err != nil {
			return
		}
		filesystemtest.Laws(t, fsys)
	})
}
