package md

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/volume/internal/stacktest"
)

// TestStale has a member that was dropped, and left as it was, beside those that were written to since.
func TestStale(t *testing.T) {
	all := truths(t)
	for _, tt := range []struct {
		name  string
		role  string
		stale int
	}{{"stale1-now", "disk 2 of 2", 1}, {"stale5-now", "disk 3 of 4", 2}} {
		t.Run(tt.name, func(t *testing.T) {
			list := disks(t, tt.name)
			members, sets := put(t, stacktest.Sources(list)...)
			s, v := one(t, sets)
			if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != all[tt.name].Sum {
				t.Errorf("%s, expected %s", got, all[tt.name].Sum)
			}
			if len(s.Stale) != 1 || s.Stale[0] != tt.stale || members[tt.stale].Role != tt.role || !s.Degraded || fmt.Sprint(s.Missing) != "["+tt.role+"]" {
				t.Errorf("stale %v, missing %v, degraded %v", s.Stale, s.Missing, s.Degraded)
			}
			if stacktest.Count(s, "md.member.stale") != 1 {
				t.Errorf("%v", s.Findings)
			}
			// The dropped one alone still gives what it held, and lacks the others.
			if tt.name == "stale1-now" {
				_, sets := put(t, block.Bytes(list[1]))
				_, v := one(t, sets)
				if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != all["stale1"].Sum {
					t.Errorf("alone: %s, expected %s", got, all["stale1"].Sum)
				}
			}
		})
	}
}

// TestReplaced has two members with one role: the one that was dropped, and the one that took its place.
func TestReplaced(t *testing.T) {
	list := disks(t, "stale5-replaced")
	if len(list) != 5 {
		t.Fatalf("%d disks", len(list))
	}
	for _, without := range []int{-1, 0, 4} {
		var left []block.Source
		for i, d := range list {
			if i != without {
				left = append(left, block.Bytes(d))
			}
		}
		_, sets := put(t, left...)
		s, v := one(t, sets)
		if got, want := stacktest.Sum(stacktest.Content(t, v.Source)), truths(t)["stale5-replaced"].Sum; got != want {
			t.Errorf("without %d: %s, expected %s", without, got, want)
		}
		if len(s.Stale) != 1 || s.Degraded != (without >= 0) {
			t.Errorf("without %d: stale %v, degraded %v, %v", without, s.Stale, s.Degraded, s.Findings)
		}
	}
	// With two missing, the old one is not taken to fill up.
	_, sets := put(t, block.Bytes(list[0]), block.Bytes(list[1]), block.Bytes(list[2]))
	s, v := one(t, sets)
	if s.Degraded || len(s.Missing) != 2 || len(block.UnreadableIn(v.Source, block.Extent{Length: v.Size})) == 0 {
		t.Errorf("%+v", s)
	}
}

// TestBadBlocks obeys the log of a member.
func TestBadBlocks(t *testing.T) {
	want := truths(t)["badblocks"]
	list := disks(t, "badblocks")
	members, sets := put(t, stacktest.Sources(list)...)
	s, v := one(t, sets)
	b := stacktest.Content(t, v.Source)
	if got := stacktest.Sum(b); got != want.Sum {
		t.Errorf("%s, expected %s", got, want.Sum)
	}
	if len(s.Members) != 4 || s.Degraded {
		t.Errorf("%+v", s)
	}
	said, spares := 0, 0
	for _, m := range members {
		for _, f := range m.Findings {
			if f.Code == "md.badblocks" && f.Found == fmt.Sprint(40*512) {
				said++
			}
		}
		if m.Role == "spare" {
			spares++
		}
	}
	if said != 1 || spares != 1 {
		t.Errorf("%d lists of bad blocks, %d spares", said, spares)
	}
	if computed := checkPlaces(t, members, v.Source, b); computed == 0 || computed > 40*512 {
		t.Errorf("%d bytes are computed", computed)
	}
	// Without another member those bytes are nowhere.
	var left []block.Source
	for i, m := range members {
		if m.Role == "spare" || i == 0 {
			continue
		}
		left = append(left, block.Bytes(list[i]))
	}
	_, sets = put(t, left...)
	_, v = one(t, sets)
	var lost int64
	for _, u := range block.UnreadableIn(v.Source, block.Extent{Length: v.Size}) {
		lost += u.Length
		if _, err := v.Source.ReadAt(make([]byte, 1), u.Offset); err == nil {
			t.Errorf("%v is read", u)
		}
	}
	if lost == 0 || lost > 2*40*512 {
		t.Errorf("%d bytes are lost", lost)
	}
}

// TestRebuild reads a set whose member was filled up to a place.
func TestRebuild(t *testing.T) {
	want := truths(t)["rebuild"]
	list := disks(t, "rebuild")
	_, sets := put(t, stacktest.Sources(list)...)
	s, v := one(t, sets)
	if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != want.Sum {
		t.Errorf("%s, expected %s", got, want.Sum)
	}
	if stacktest.Count(s, "md.member.rebuilding") != 1 {
		t.Errorf("%v", s.Findings)
	}
	// Without another disk, only what was rebuilt is read.
	_, sets = put(t, block.Bytes(list[1]), block.Bytes(list[2]))
	_, v = one(t, sets)
	bad := block.UnreadableIn(v.Source, block.Extent{Length: v.Size})
	if len(bad) == 0 || bad[0].Offset < 512<<10 {
		t.Fatalf("unreadable: %v", bad)
	}
	whole := stacktest.Content(t, sets0(t, list))
	b := make([]byte, bad[0].Offset)
	if _, err := v.Source.ReadAt(b, 0); err != nil || stacktest.Sum(b) != stacktest.Sum(whole[:len(b)]) {
		t.Error(err)
	}
}

func sets0(t *testing.T, list [][]byte) block.Source {
	_, sets := put(t, stacktest.Sources(list)...)
	_, v := one(t, sets)
	return v.Source
}

// swapped turns a superblock of version 0.90 into that of a machine with the other order of bytes.
func swapped(d []byte) []byte {
	out := append([]byte(nil), d...)
	at := int64(len(d))&^(reservedSize-1) - reservedSize
	b := out[at : at+superSize]
	for i := 0; i < superSize; i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	// The counts of events are numbers of eight bytes.
	for _, i := range []int{wordEvents, wordEvents + 2} {
		for k := range 4 {
			b[4*i+k], b[4*i+4+k] = b[4*i+4+k], b[4*i+k]
		}
	}
	return out
}

// TestBigEndian reads sets whose superblocks a big-endian machine wrote, and asks mdadm what it makes of them.
func TestBigEndian(t *testing.T) {
	for _, name := range []string{"raid5-0.90", "raid1-0.90", "raid10-0.90"} {
		want := truths(t)[name]
		list := disks(t, name)
		_, sets := put(t, stacktest.Sources(list)...)
		id := sets[0].UUID
		for i := range list {
			list[i] = swapped(list[i])
		}
		members, sets := put(t, stacktest.Sources(list)...)
		s, v := one(t, sets)
		if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != want.Sum || s.UUID != id || s.Degraded || !members[0].Valid {
			t.Errorf("%s: %s, expected %s, %v", name, got, want.Sum, s)
		}
		t.Run("mdadm", func(t *testing.T) {
			if examined := mdadm(t, list[0], "--metadata=0.swap"); !strings.Contains(examined, id) {
				t.Errorf("mdadm reads %s", examined)
			}
		})
	}
}

// mdadm says what it reads of a disk.
func mdadm(t *testing.T, disk []byte, options ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(image, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := need.Command(t, "mdadm", append(append([]string{"--examine"}, options...), image)...).CombinedOutput()
	if err != nil {
		t.Fatalf("mdadm: %v: %s", err, out)
	}
	return string(out)
}

// TestExamine compares what superblocks say with what mdadm reads of them.
func TestExamine(t *testing.T) {
	for _, name := range []string{"raid5-1.2", "raid1-1.0", "raid6-ddf-N-continue", "raid10-o2-5", "linear", "reshape", "rebuild", "raid5-0.90"} {
		list := disks(t, name)
		members, sets := put(t, block.Bytes(list[0]))
		said := mdadm(t, list[0])
		s := members[0].Detail.(*detail).super
		wants := []string{sets[0].UUID, fmt.Sprintf("Events : %d", s.events), "Checksum : " + fmt.Sprintf("%x", s.sumWanted) + " - correct"}
		if s.device != "" {
			wants = append(wants, "Device UUID : "+s.device, "Name : "+s.name, fmt.Sprintf("Raid Devices : %d", s.raid))
		}
		for _, w := range wants {
			if !strings.Contains(said, w) {
				t.Errorf("%s: mdadm does not say %q:\n%s", name, w, said)
			}
		}
	}
}

// TestLandmarks finds members in the middle of a medium whose table is gone.
func TestLandmarks(t *testing.T) {
	for _, name := range []string{"raid1-0.90", "raid5-1.0", "raid5-1.1", "raid5-1.2", "linear"} {
		want := truths(t)[name]
		var medium []byte
		var starts []int64
		for _, d := range disks(t, name) {
			medium = append(medium, make([]byte, 1<<20)...)
			starts = append(starts, int64(len(medium)))
			medium = append(medium, d...)
		}
		medium = append(medium, make([]byte, 3<<20)...)
		src := block.Bytes(medium)
		members, err := Stack().Members(t.Context(), src, stacktest.Hits(Stack(), medium))
		if err != nil || len(members) != len(starts) {
			t.Fatalf("%s: %d members, %v", name, len(members), err)
		}
		for i, m := range members {
			if m.Extent.Offset != starts[i] {
				t.Errorf("%s: member at %#x, expected %#x", name, m.Extent.Offset, starts[i])
			}
		}
		sets, err := Stack().Assemble(t.Context(), members)
		if err != nil {
			t.Fatal(err)
		}
		_, v := one(t, sets)
		if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != want.Sum {
			t.Errorf("%s: %s, expected %s", name, got, want.Sum)
		}
	}
}

// TestLastPartition has the superblock of a disk's last partition found as the disk's own too.
func TestLastPartition(t *testing.T) {
	name := "raid1-0.90"
	var sources []block.Source
	for _, d := range disks(t, name) {
		medium := append(make([]byte, 1<<20), d...)
		sources = append(sources, block.Bytes(medium), block.Section(block.Bytes(medium), block.Extent{Offset: 1 << 20, Length: int64(len(d))}))
	}
	members, sets := put(t, sources...)
	s, v := one(t, sets)
	if got := stacktest.Sum(stacktest.Content(t, v.Source)); len(members) != 4 || got != truths(t)[name].Sum {
		t.Errorf("%d members, %s", len(members), got)
	}
	if fmt.Sprint(s.Members) != "[1 3]" || stacktest.Count(s, "md.member.duplicate") != 2 {
		t.Errorf("%+v", s)
	}
}

// TestChecksum has a superblock that was torn.
func TestChecksum(t *testing.T) {
	list := disks(t, "raid5-1.2")
	list[1][4096+70]++ // the time of its making
	members, sets := put(t, stacktest.Sources(list)...)
	s, v := one(t, sets)
	if members[1].Valid || len(members[1].Findings) != 1 || members[1].Findings[0].Code != "md.superblock.checksum" {
		t.Errorf("%+v", members[1])
	}
	if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != truths(t)["raid5-1.2"].Sum || s.Degraded {
		t.Errorf("%s, %+v", got, s)
	}
	for i := range list {
		list[i][4096+71]++
	}
	_, sets = put(t, stacktest.Sources(list)...)
	if s, v := one(t, sets); stacktest.Count(s, "md.superblock.all") != 1 || v.Source == nil {
		t.Errorf("%+v", s)
	}
}

// TestStripes0 makes a striped set of version 0.90, which mdadm 4.2 refuses to make, out of a mirror's superblocks.
func TestStripes0(t *testing.T) {
	le := binary.LittleEndian
	list := disks(t, "raid1-0.90")
	const chunk = 16 << 10
	var want []byte
	place := len(list[0])&^(reservedSize-1) - reservedSize
	copy(list[1], bytes.ToUpper(list[1][:place]))
	for at := 0; at < place; at += chunk {
		for _, d := range list {
			want = append(want, d[at:at+chunk]...)
		}
	}
	for _, d := range list {
		b := d[place : place+superSize]
		le.PutUint32(b[4*wordLevel:], 0)
		le.PutUint32(b[4*wordSize:], 0)
		le.PutUint32(b[4*wordChunk:], chunk)
		s, err := parse0(b, int64(place), false)
		if err != nil {
			t.Fatal(err)
		}
		le.PutUint32(b[4*wordSum:], s.sumFound)
	}
	_, sets := put(t, stacktest.Sources(list)...)
	s, v := one(t, sets)
	if b := stacktest.Content(t, v.Source); !bytes.Equal(b, want) || v.Kind != "raid0" || len(s.Findings) > 0 {
		t.Errorf("%d bytes, %+v", len(b), s)
	}
	if said := mdadm(t, list[0]); said != "" && (!strings.Contains(said, "raid0") || !strings.Contains(said, "correct")) {
		t.Error(said)
	}
}
