package lvm

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
	"salvor/volume/internal/stacktest"
)

// areasOf returns where the metadata areas of a disk begin.
func areasOf(t testing.TB, disk []byte) []int64 {
	t.Helper()
	l, err := parseLabel(disk[sector:2*sector], sector)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, e := range l.metadata {
		out = append(out, e.Offset)
	}
	return out
}

// tear changes a byte of the newest text of an area.
func tear(t testing.TB, disk []byte, at int64) {
	t.Helper()
	a, err := parseArea(disk[at:at+sector], at)
	if err != nil {
		t.Fatal(err)
	}
	disk[at+a.place+a.length/2] ^= 1
}

// TestTorn tears the newest metadata: in some areas, so that others serve, and in all, so that an older version does.
func TestTorn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		disks []int // whose areas are torn
		areas int   // how many of each
		older bool
		torn  int // members that have none of their own
	}{
		{"one area", []int{0}, 1, false, 0}, {"one disk", []int{0}, 2, false, 1}, {"all first areas", []int{0, 1}, 1, false, 0}, {"all", []int{0, 1}, 2, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := disks(t, "history")
			if len(areasOf(t, list[0])) != 2 {
				t.Fatal("one area only")
			}
			for _, d := range tt.disks {
				for _, at := range areasOf(t, list[d])[:tt.areas] {
					tear(t, list[d], at)
				}
			}
			members, sets := put(t, stacktest.Sources(list)...)
			s := sets[0]
			if len(sets) != 1 || len(s.Members) != 2 || len(s.Missing) != 0 || len(s.Volumes) != 10 {
				t.Fatalf("%+v", sets)
			}
			if got := stacktest.Count(s, "lvm.metadata.torn") == 1; got != tt.older {
				t.Errorf("%v", s.Findings)
			}
			name := "renamed"
			if tt.older {
				name = "v3"
				if want := "version 11"; !bytes.Contains([]byte(s.Findings[0].Text), []byte(want)) {
					t.Errorf("%s, expected %s", s.Findings[0].Text, want)
				}
			}
			v := volumeOf(t, sets, name)
			if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != truths(t)["history renamed"].Sum {
				t.Errorf("%s", got)
			}
			if got := members[tt.disks[0]]; !got.Backup || len(got.Findings) != tt.areas || got.Findings[0].Code != "lvm.metadata.checksum" {
				t.Errorf("%+v", got)
			}
			if n := stacktest.Count(s, "lvm.metadata.versions") + stacktest.Count(s, "lvm.metadata.others"); n != tt.torn {
				t.Errorf("%v", s.Findings)
			}
		})
	}
}

// TestHeader tears the headers of areas.
func TestHeader(t *testing.T) {
	list := disks(t, "history")
	for _, d := range list {
		for _, at := range areasOf(t, d) {
			d[at+70]++ // behind the fields that are read
		}
	}
	_, sets := put(t, stacktest.Sources(list)...)
	if v := volumeOf(t, sets, "renamed"); v.Source == nil || stacktest.Count(sets[0], "lvm.metadata.torn") != 1 {
		t.Errorf("%+v", sets[0])
	}
}

// TestOthers has a disk whose metadata is zeros: that of the others serves.
func TestOthers(t *testing.T) {
	all := truths(t)
	list := disks(t, "linear")
	for _, at := range areasOf(t, list[0]) {
		clear(list[0][at : at+(1<<20)-8192])
	}
	_, sets := put(t, stacktest.Sources(list)...)
	for _, lv := range []string{"root", "data-1.x_y+z", "third"} {
		if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, lv).Source)); got != all["linear "+lv].Sum {
			t.Errorf("%s: %s", lv, got)
		}
	}
	if _, sets := put(t, block.Bytes(list[0])); len(sets) != 0 {
		t.Errorf("a group out of nothing: %+v", sets)
	}
}

// TestLabelLost has the first sectors of a disk gone.
func TestLabelLost(t *testing.T) {
	list := disks(t, "linear")
	clear(list[1][:4096])
	members, sets := put(t, stacktest.Sources(list)...)
	s := sets[0]
	if len(s.Missing) != 0 || stacktest.Count(s, "lvm.member.guessed") != 1 || !members[1].Valid || !members[1].Backup {
		t.Errorf("%+v, %+v", s, members[1])
	}
	if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, "root").Source)); got != truths(t)["linear root"].Sum {
		t.Error(got)
	}
	// Two of one size cannot be told apart, two of different sizes can.
	clear(list[0][:4096])
	_, sets = put(t, stacktest.Sources(list)...)
	if s := sets[0]; len(s.Missing) != 2 || stacktest.Count(s, "lvm.member.guessed") != 0 || len(s.Stale) != 2 {
		t.Errorf("%+v", s)
	}
}

// TestLabelsLost has two disks of different sizes without their labels.
func TestLabelsLost(t *testing.T) {
	list := disks(t, "linear")
	for i, d := range list {
		replaceText(t, d, `device = "/dev/vdd"`, `dev_size=18432#####`)
		list[i] = d
	}
	clear(list[0][:4096])
	clear(list[1][:4096])
	list[1] = append(list[1], make([]byte, 1<<20)...)
	_, sets := put(t, stacktest.Sources(list)...)
	if s := sets[0]; len(s.Missing) != 0 || stacktest.Count(s, "lvm.member.guessed") != 2 {
		t.Fatalf("%+v", s)
	}
	if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, "root").Source)); got != truths(t)["linear root"].Sum {
		t.Error(got)
	}
}

// TestLandmarks finds physical volumes in the middle of a medium whose table is gone.
func TestLandmarks(t *testing.T) {
	var medium []byte
	var starts []int64
	for _, d := range disks(t, "striped") {
		medium = append(medium, make([]byte, 1<<20+512)...)
		starts = append(starts, int64(len(medium)))
		medium = append(medium, d...)
	}
	members, err := Stack().Members(t.Context(), block.Bytes(medium), stacktest.Hits(Stack(), medium))
	if err != nil || len(members) != 3 {
		t.Fatalf("%d members, %v", len(members), err)
	}
	for i, m := range members {
		if m.Extent != (block.Extent{Offset: starts[i], Length: 8 << 20}) || m.Header != starts[i]+sector {
			t.Errorf("%v", m.Extent)
		}
	}
	sets, err := Stack().Assemble(t.Context(), members)
	if err != nil {
		t.Fatal(err)
	}
	if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, "wide").Source)); got != truths(t)["striped wide"].Sum {
		t.Error(got)
	}
}

func TestSpecimen(t *testing.T) {
	f, err := os.Open("testdata/lvm2.img.xz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	members, sets := put(t, block.Bytes(b))
	if len(members) != 1 || members[0].ID != "Vynv4k-APH8-xQER-HSBb-8VJ3-SvFF-PB5O1U" || members[0].Format != "LVM2" || !members[0].Valid || len(sets) != 0 {
		t.Errorf("%+v, %+v", members, sets)
	}
}

// poolMetadata returns where the metadata of the pool stands on the first disk of the fixture "thin".
const poolMetadata = 1<<20 + 32*64<<10

// TestThinBroken breaks nodes of the tree of a pool: what they stand for is lost, and nothing else.
func TestThinBroken(t *testing.T) {
	clean := disks(t, "thin")
	_, sets := put(t, stacktest.Sources(clean)...)
	want := map[string][]byte{}
	for _, v := range sets[0].Volumes {
		want[v.Name] = stacktest.Content(t, v.Source)
	}
	nodes := 0
	for number := int64(1); number < 512; number++ {
		at := poolMetadata + number*nodeSize
		if _, err := parseNode(clean[0][at:at+nodeSize], uint64(number)); err != nil {
			continue
		}
		for _, how := range []string{"torn", "unreadable"} {
			sources := stacktest.Sources(clean)
			if how == "torn" {
				b := bytes.Clone(clean[0])
				b[at+40] ^= 0x10
				sources[0] = block.Bytes(b)
			} else {
				sources[0] = blocktest.Faulty(sources[0], blocktest.Bad(block.Extent{Offset: at + 100, Length: 10}))
			}
			_, sets := put(t, sources...)
			lost := 0
			for _, v := range sets[0].Volumes {
				if v.Source == nil {
					lost++
					continue
				}
				bad := stacktest.Lost(v.Source)
				if !bad.Empty() {
					lost++
				}
				for e := range bad.Complement(block.Extent{Length: v.Size}).All() {
					b := make([]byte, e.Length)
					if _, err := v.Source.ReadAt(b, e.Offset); err != nil || !bytes.Equal(b, want[v.Name][e.Offset:e.End()]) {
						t.Fatalf("node %d, %s: %v of %s: %v", number, how, e, v.Name, err)
					}
				}
			}
			if lost > 0 {
				nodes++
			}
		}
	}
	if nodes < 6 {
		t.Errorf("only %d breaks of nodes lost something", nodes)
	}
}

// TestThinSuper breaks the superblock of a pool.
func TestThinSuper(t *testing.T) {
	for name, change := range map[string]func(b []byte){
		"checksum": func(b []byte) { b[100]++ },
		"magic":    func(b []byte) { b[32]++; resum(b, superSalt) },
		"version":  func(b []byte) { b[40] = 9; resum(b, superSalt) },
		"chunk":    func(b []byte) { binary.LittleEndian.PutUint32(b[336:], 3); resum(b, superSalt) },
		"other":    func(b []byte) { binary.LittleEndian.PutUint32(b[336:], 256); resum(b, superSalt) },
		"features": func(b []byte) { b[360] = 1; resum(b, superSalt) },
		"root":     func(b []byte) { binary.LittleEndian.PutUint64(b[320:], 1<<60); resum(b, superSalt) },
	} {
		list := disks(t, "thin")
		change(list[0][poolMetadata : poolMetadata+nodeSize])
		_, sets := put(t, stacktest.Sources(list)...)
		for _, v := range sets[0].Volumes {
			if v.Source != nil || v.Size == 0 || v.Findings[0].Code != "lvm.thin.metadata" {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
	list := disks(t, "thin")
	b := list[0][poolMetadata : poolMetadata+nodeSize]
	b[4], b[48] = 1, b[48]+1
	resum(b, superSalt)
	_, sets := put(t, stacktest.Sources(list)...)
	if v := volumeOf(t, sets, "thin1"); v.Source == nil || stacktest.Count(sets[0], "lvm.thin.check") != 1 || stacktest.Count(sets[0], "lvm.thin.transaction") != 1 {
		t.Errorf("%+v", v)
	}
}

// resum gives a block of a pool's metadata a right checksum.
func resum(b []byte, salt uint32) {
	binary.LittleEndian.PutUint32(b, blockSum(b[4:], salt))
}

// TestSnapshotBroken breaks the store of a snapshot: the origin is whole.
func TestSnapshotBroken(t *testing.T) {
	const store = 1 << 20
	le := binary.LittleEndian
	for name, tt := range map[string]struct {
		change func(b []byte)
		code   string
	}{
		"invalid":  {func(b []byte) { le.PutUint32(b[4:], 0) }, "lvm.snapshot.invalid"},
		"magic":    {func(b []byte) { b[0]++ }, "lvm.snapshot.store"},
		"version":  {func(b []byte) { b[8] = 7 }, "lvm.snapshot.store"},
		"chunk":    {func(b []byte) { le.PutUint32(b[12:], 0) }, "lvm.snapshot.store"},
		"chunk 3":  {func(b []byte) { le.PutUint32(b[12:], 3) }, "lvm.snapshot.store"},
		"a change": {func(b []byte) { le.PutUint64(b[8192+8:], 1<<50) }, "lvm.snapshot.store"},
	} {
		list := disks(t, "snapshot")
		tt.change(list[1][store:])
		_, sets := put(t, stacktest.Sources(list)...)
		v := volumeOf(t, sets, "cow")
		if v.Source != nil || v.Findings[0].Code != tt.code {
			t.Errorf("%s: %+v", name, v)
		}
		if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, "origin").Source)); got != truths(t)["snapshot origin"].Sum {
			t.Errorf("%s: origin %s", name, got)
		}
	}
}

// TestReturned has a member that the group calls missing, and one that it does not know.
func TestReturned(t *testing.T) {
	list := disks(t, "linear")
	for i, d := range list {
		replaceText(t, d, `device = "/dev/vdd"`, `flags=["MISSING"]##`)
		list[i] = d
	}
	_, sets := put(t, stacktest.Sources(list)...)
	if stacktest.Count(sets[0], "lvm.member.returned") != 1 {
		t.Errorf("%v", sets[0].Findings)
	}
}

// replaceText changes the newest text of the first area of a disk, both of one length, and mends the checksums.
func replaceText(t testing.TB, disk []byte, from, to string) {
	t.Helper()
	if len(from) != len(to) {
		t.Fatalf("%d and %d bytes", len(from), len(to))
	}
	at := areasOf(t, disk)[0]
	a, err := parseArea(disk[at:at+sector], at)
	if err != nil || a.place+a.length > a.size {
		t.Fatal(err)
	}
	text := disk[at+a.place:][:a.length]
	i := bytes.Index(text, []byte(from))
	if i < 0 {
		t.Fatalf("no %q", from)
	}
	copy(text[i:], to)
	binary.LittleEndian.PutUint32(disk[at+56:], sum(text))
	binary.LittleEndian.PutUint32(disk[at:], sum(disk[at+4:at+sector]))
}

var _ volume.Placer = broken{}
