package ext

import (
	"bytes"
	"encoding/binary"
	"testing"

	"salvor/block"
)

func FuzzJournalSuper(f *testing.F) {
	for _, name := range []string{"journal-ext4", "journal-ext3", "journal-fast"} {
		p := readImage(f, name)
		f.Add(bytes.Clone(p[mustOpen(f, p).journal.place(0):][:superblockSize]))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		j, err := parseJournalSuper(p, 0, 1024)
		if err != nil {
			return
		}
		if j.first == 0 || j.end() <= j.first || j.end() > j.blocks || j.start >= j.end() || j.next(j.end()-1) != j.first {
			t.Errorf("%+v", j)
		}
	})
}

func FuzzJournalTags(f *testing.F) {
	for _, x := range layouts {
		f.Add(descriptor(super(x.incompat), 7, []tag{{block: 5, sum: 3}, {block: 9, sum: 4}}), uint8(x.incompat))
	}
	f.Fuzz(func(t *testing.T, p []byte, incompat uint8) {
		if len(p) < journalHeader || len(p) > 64<<10 {
			return
		}
		j := super(uint32(incompat))
		if tags, err := j.parseTags(p); err == nil && len(tags) > len(p)/8 {
			t.Errorf("%d tags in %d bytes", len(tags), len(p))
		}
		if list, err := j.parseRevokes(p); err == nil && len(list) > len(p)/4 {
			t.Errorf("%d revokes in %d bytes", len(list), len(p))
		}
		_, _ = j.parseCommit(p, nil)
	})
}

func FuzzFastCommit(f *testing.F) {
	p := readImage(f, "journal-fast")
	v := mustOpen(f, p)
	for n := v.journal.end() + 1; n < v.journal.end()+8; n++ {
		f.Add(bytes.Clone(p[v.journal.place(n):][:1024]), uint32(30))
	}
	f.Fuzz(func(t *testing.T, p []byte, sequence uint32) {
		sum := uint32(0)
		tags, ended, _ := parseFastTags(p, sequence, &sum)
		if ended > len(tags) || len(tags) > len(p)/4+1 {
			t.Errorf("%d of %d records in %d bytes", ended, len(tags), len(p))
		}
		c := &fastCommits{inodes: map[uint32]fastRecord{}, ranges: map[uint32][]fastRange{}, names: map[uint32][]fastName{}}
		for _, x := range tags {
			c.apply(x, 0)
		}
		for n := range c.inodes {
			if _, err := c.record(n, make([]byte, 256), v.sb); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzJournalVolume changes bytes of a volume inside its journal, which then is replayed and searched.
func FuzzJournalVolume(f *testing.F) {
	var images [][]byte
	for _, name := range []string{"journal-torn-ext3", "journal-fast", "journal-older"} {
		images = append(images, readImage(f, name))
	}
	f.Add([]byte{1, 2, 3, 4, 5, 6}, uint8(0))
	f.Add([]byte{0, 4, 0, 0, 0, 9, 0, 8, 0, 0xFF, 0xFF, 0xFF}, uint8(1))
	places := make([]int64, len(images))
	for i, p := range images {
		places[i] = mustOpen(f, p).journal.place(0)
	}
	f.Fuzz(func(t *testing.T, changes []byte, which uint8) {
		i := int(which) % len(images)
		p := bytes.Clone(images[i])
		for ; len(changes) >= 6; changes = changes[6:] {
			at := places[i] + int64(binary.LittleEndian.Uint32(append(bytes.Clone(changes[:3]), 0)))%(1<<20)
			copy(p[at:], changes[3:6])
		}
		v, err := open(t.Context(), block.Bytes(p))
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for x, err := range v.Files(t.Context()) {
			if err != nil {
				continue
			}
			if ids[x.ID] {
				t.Errorf("two files have the ID %s", x.ID)
			}
			ids[x.ID] = true
			for _, s := range x.Streams {
				if !equalRuns(s.Runs, block.Normalize(s.Runs, s.Size)) {
					t.Errorf("%s: runs %v", x.ID, s.Runs)
				}
			}
		}
	})
}
