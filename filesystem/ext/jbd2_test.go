package ext

import (
	"encoding/binary"
	"slices"
	"testing"
)

// layouts are all forms of a journal's tags.
var layouts = []struct {
	name     string
	incompat uint32
	size     int
}{
	{"plain", 0, 8}, {"64 bits", journal64Bit, 12}, {"version 2", journalCsumV2, 10}, {"version 2, 64 bits", journalCsumV2 | journal64Bit, 14},
	{"version 3", journalCsumV3, 16}, {"version 3, 64 bits", journalCsumV3 | journal64Bit, 16},
}

func super(incompat uint32) *journalSuper {
	return &journalSuper{blockSize: 1024, blocks: 100, first: 1, sequence: 7, incompat: incompat, seed: 0x1234}
}

// descriptor makes a descriptor block of tags by the specification; old kernels wrote version 2.
func descriptor(j *journalSuper, sequence uint32, tags []tag) []byte {
	be := binary.BigEndian
	b := make([]byte, j.blockSize)
	be.PutUint32(b, journalMagic)
	be.PutUint32(b[4:], journalDescriptor)
	be.PutUint32(b[8:], sequence)
	at := journalHeader
	for i, t := range tags {
		flags := t.flags
		if i > 0 {
			flags |= tagSameUUID
		}
		if i == len(tags)-1 {
			flags |= tagLast
		}
		be.PutUint32(b[at:], uint32(t.block))
		if j.incompat&journalCsumV3 != 0 {
			be.PutUint32(b[at+4:], flags)
			be.PutUint32(b[at+8:], uint32(t.block>>32))
			be.PutUint32(b[at+12:], t.sum)
		} else {
			be.PutUint16(b[at+4:], uint16(t.sum))
			be.PutUint16(b[at+6:], uint16(flags))
			if j.incompat&journal64Bit != 0 {
				be.PutUint32(b[at+8:], uint32(t.block>>32))
			}
		}
		at += j.tagSize()
		if i == 0 {
			at += 16
		}
	}
	if j.summed() {
		be.PutUint32(b[len(b)-4:], crc32c(crc32c(j.seed, b[:len(b)-4]), zeros[:4]))
	}
	return b
}

func TestTags(t *testing.T) {
	for _, x := range layouts {
		j := super(x.incompat)
		if got := j.tagSize(); got != x.size {
			t.Errorf("%s: tags of %d bytes, expected %d", x.name, got, x.size)
		}
		want := []tag{{block: 5, flags: tagEscaped, sum: 0xBEEF}, {block: 0x1_0000_0007, sum: 0x1234}, {block: 9, sum: 7}}
		if x.incompat&journal64Bit == 0 {
			want[1].block = 7
		}
		b := descriptor(j, 7, want)
		got, err := j.parseTags(b)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %v, %v", x.name, got, err)
		}
		for i := range want {
			if got[i].block != want[i].block || got[i].sum != want[i].sum || got[i].flags&tagEscaped != want[i].flags&tagEscaped {
				t.Errorf("%s: tag %d is %+v, expected %+v", x.name, i, got[i], want[i])
			}
		}
		b[20] ^= 1
		if _, err := j.parseTags(b); (err != nil) != j.summed() {
			t.Errorf("%s: a flipped bit gives %v", x.name, err)
		}
	}
}

func TestCopySums(t *testing.T) {
	b := []byte("the content of a block in the log")
	for _, x := range layouts {
		j := super(x.incompat)
		sum := crc32c(crc32c(j.seed, []byte{0, 0, 0, 9}), b)
		if x.incompat&journalCsumV2 != 0 {
			sum &= 0xFFFF
		}
		if !j.copyOK(tag{sum: sum}, 9, b) {
			t.Errorf("%s: a copy does not match", x.name)
		}
		if j.copyOK(tag{sum: sum}, 10, b) == j.summed() || j.copyOK(tag{sum: sum ^ 1}, 9, b) == j.summed() {
			t.Errorf("%s: another copy matches", x.name)
		}
	}
}

func TestRevokes(t *testing.T) {
	be := binary.BigEndian
	for _, x := range layouts {
		j := super(x.incompat)
		b := make([]byte, 1024)
		be.PutUint32(b, journalMagic)
		be.PutUint32(b[4:], journalRevoke)
		want := []uint64{3, 77, 1 << 20}
		at := 16
		for _, n := range want {
			if x.incompat&journal64Bit != 0 {
				be.PutUint64(b[at:], n)
				at += 8
			} else {
				be.PutUint32(b[at:], uint32(n))
				at += 4
			}
		}
		be.PutUint32(b[12:], uint32(at))
		be.PutUint32(b[1020:], crc32c(crc32c(j.seed, b[:1020]), zeros[:4]))
		got, err := j.parseRevokes(b)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", x.name, got, err)
		}
		be.PutUint32(b[12:], 5000)
		be.PutUint32(b[1020:], crc32c(crc32c(j.seed, b[:1020]), zeros[:4]))
		if _, err := j.parseRevokes(b); err == nil {
			t.Errorf("%s: a list that is longer than its block is read", x.name)
		}
	}
}

func TestSequenceWraps(t *testing.T) {
	j := super(0)
	j.sequence = 3
	for sequence, want := range map[uint32]int64{3: 0, 5: 2, 1: -2, 0xFFFFFFFE: -5} {
		if got := j.when(sequence); got != want {
			t.Errorf("transaction %d is %d, expected %d", sequence, got, want)
		}
	}
}

func TestJournalSuper(t *testing.T) {
	for _, x := range journals {
		v := mustOpen(t, readImage(t, x.name))
		if v.journal == nil || !v.journal.checksumOK || v.journal.end() != 1024 {
			t.Errorf("%s: %+v", x.name, v.journal)
		}
	}
	be := binary.BigEndian
	good := make([]byte, 1024)
	for at, n := range map[int]uint32{0: journalMagic, 4: journalSuperV1, 0xC: 1024, 0x10: 100, 0x14: 1, 0x18: 5, 0x1C: 0} {
		be.PutUint32(good[at:], n)
	}
	if j, err := parseJournalSuper(good, 0, 1024); err != nil || j.end() != 100 || j.next(99) != 1 {
		t.Errorf("version 1: %+v, %v", j, err)
	}
	for at, n := range map[int]uint32{0: 1, 4: 9, 0xC: 4096, 0x10: 1, 0x14: 0, 0x1C: 100} {
		b := slices.Clone(good)
		be.PutUint32(b[at:], n)
		if _, err := parseJournalSuper(b, 0, 1024); err == nil {
			t.Errorf("%d at 0x%x is read", n, at)
		}
	}
}

// TestUnseed finds the start of checksums.
func TestUnseed(t *testing.T) {
	b := text("seed", 1012)
	u := newUnseeder(len(b))
	for _, seed := range []uint32{0, 1, 0xFFFFFFFF, 0xDEADBEEF} {
		if got := u.seed(b, crc32c(seed, b)); got != seed {
			t.Errorf("0x%x, expected 0x%x", got, seed)
		}
	}
}

func TestRises(t *testing.T) {
	a, b := []byte{0b0001, 0, 0xF0, 0}, []byte{0b1111, 0xFF, 0xFF, 0x80}
	var got [][2]uint64
	rises(a, b, func(from, to uint64) { got = append(got, [2]uint64{from, to}) })
	if want := [][2]uint64{{1, 4}, {8, 20}, {31, 32}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestFastCommitCut breaks the first fast commit: none is taken, which is told, and nothing is called sound.
func TestFastCommitCut(t *testing.T) {
	p := slices.Clone(readImage(t, "journal-fast"))
	v := mustOpen(t, p)
	p[v.journal.place(v.journal.end()+1)+40] ^= 1
	w := mustOpen(t, p)
	if w.fast != nil || volumeCodes(w) != "journal.newer journal.replayed" {
		t.Errorf("%v, %q", w.fast, volumeCodes(w))
	}
	got, _ := files(t, w)
	for key, f := range got {
		if f.Sound && f.Mode.IsRegular() {
			t.Errorf("%s is sound", key)
		}
	}
}
