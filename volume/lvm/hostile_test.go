package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/internal/need"
	"salvor/volume"
	"salvor/volume/internal/stacktest"
)

// disk makes a physical volume of 4 MiB with one metadata area that holds a text.
func disk(text string) []byte {
	le := binary.LittleEndian
	size := max(4<<20, (len(text)+1<<20+1<<20)&^511)
	d := make([]byte, size)
	b := d[sector : 2*sector]
	copy(b, labelMagic)
	le.PutUint64(b[8:], 1)
	le.PutUint32(b[20:], 32)
	copy(b[24:], labelType)
	copy(b[32:], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	le.PutUint64(b[64:], uint64(size))
	le.PutUint64(b[72:], uint64(size-1<<20))
	le.PutUint64(b[104:], 4096)
	le.PutUint64(b[112:], uint64(size-8192))
	le.PutUint32(b[16:], sum(b[20:]))
	a := d[4096 : 4096+sector]
	copy(a[4:], areaMagic)
	le.PutUint32(a[20:], 1)
	le.PutUint64(a[24:], 4096)
	le.PutUint64(a[32:], uint64(size-8192))
	le.PutUint64(a[40:], sector)
	le.PutUint64(a[48:], uint64(len(text)))
	le.PutUint32(a[56:], sum([]byte(text)))
	le.PutUint32(a, sum(a[4:]))
	copy(d[4096+sector:], text)
	return d
}

const groupID = `id = "BBBBBB-BBBB-BBBB-BBBB-BBBB-BBBB-BBBBBB"`

// groupText is a group over one disk, with volumes.
func groupText(volumes string) string {
	return `vg {
` + groupID + `
seqno = 1
status = ["READ"]
extent_size = 128
physical_volumes {
pv0 {
id = "AAAAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAAA"
dev_size = 8192
pe_start = 2048
pe_count = 40
}
pv1 {
id = "CCCCCC-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAAA"
dev_size = 8192
pe_start = 2048
pe_count = 40
}
}
logical_volumes {
` + volumes + `
}
}
`
}

// lv is the text of a visible volume of one segment.
func lv(name string, extents int, segment string) string {
	return fmt.Sprintf("%s {\nid = \"DDDDDD-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAAA\"\nstatus = [\"READ\", \"VISIBLE\"]\nsegment_count = 1\nsegment1 {\nstart_extent = 0\nextent_count = %d\n%s\n}\n}\n", name, extents, segment)
}

// use finds, puts together and reads what it can; what is tested is that it comes to an end.
func use(t testing.TB, sources ...block.Source) []volume.Set {
	t.Helper()
	start := time.Now()
	members, sets := put(t, sources...)
	for _, s := range sets {
		for _, i := range append(append([]int(nil), s.Members...), s.Stale...) {
			if i < 0 || i >= len(members) {
				t.Fatalf("member %d of %d", i, len(members))
			}
		}
		for _, v := range s.Volumes {
			for _, f := range v.Findings {
				if f.Severity > finding.Error || strings.Contains(f.Text, "{") && !strings.Contains(f.Found+f.Expected+v.Name, "{") {
					t.Errorf("%+v", f)
				}
			}
			if v.Source == nil {
				continue
			}
			b := make([]byte, 1<<16)
			for _, off := range []int64{0, v.Size / 2, v.Size - 4096} {
				if off >= 0 {
					_, _ = v.Source.ReadAt(b, off)
				}
			}
			block.UnreadableIn(v.Source, block.Extent{Length: v.Size})
			v.Source.(volume.Placer).Places(block.Extent{Length: min(v.Size, 1<<20)})
		}
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("took %v", d)
	}
	return sets
}

// TestHostile has texts whose checksums hold and whose numbers and references cannot be.
func TestHostile(t *testing.T) {
	linear := "type = \"striped\"\nstripe_count = 1\nstripes = [ \"pv0\", 0 ]"
	var tower, wide strings.Builder
	wide.WriteString(lv("w0", 1, linear))
	for i := 1; i < 40; i++ {
		tower.WriteString(lv(fmt.Sprintf("t%d", i), 1, fmt.Sprintf("type = \"striped\"\nstripe_count = 1\nstripes = [ \"t%d\", 0 ]", i+1)))
	}
	// Each volume is made of 500 of the one below.
	size := 1
	for i := 1; i < 8; i++ {
		size = min(size*500, 1<<39)
		fmt.Fprintf(&wide, "w%d {\nstatus = [\"VISIBLE\"]\nsegment_count = 500\n", i)
		for k := range 500 {
			fmt.Fprintf(&wide, "segment%d {\nstart_extent = %d\nextent_count = %d\ntype = \"striped\"\nstripe_count = 1\nstripes = [ \"w%d\", 0 ]\n}\n", k+1, k*size, size, i-1)
		}
		wide.WriteString("}\n")
	}
	for name, tt := range map[string]struct{ volumes, code string }{
		"itself":         {lv("a", 2, `type = "striped"`+"\nstripe_count = 1\n"+`stripes = [ "a", 0 ]`), "lvm.volume.loop"},
		"each other":     {lv("a", 2, "type = \"striped\"\nstripe_count = 1\nstripes = [ \"b\", 0 ]") + lv("b", 2, "type = \"mirror\"\nmirrors = [ \"a\", 0, \"a\", 0 ]"), "lvm.volume.loop"},
		"tower":          {tower.String(), "lvm.volume.loop"},
		"wide":           {wide.String(), ""},
		"no such":        {lv("a", 2, "type = \"striped\"\nstripe_count = 1\nstripes = [ \"zz\", 0 ]"), "lvm.segment.impossible"},
		"missing disk":   {lv("a", 2, "type = \"striped\"\nstripe_count = 1\nstripes = [ \"pv1\", 0 ]"), ""},
		"no stripes":     {lv("a", 2, "type = \"striped\"\nstripe_count = 0\nstripes = [ ]"), "lvm.segment.impossible"},
		"stripe size":    {lv("a", 2, "type = \"striped\"\nstripe_count = 2\nstripe_size = 0\nstripes = [ \"pv0\", 0, \"pv0\", 4 ]"), "lvm.segment.impossible"},
		"odd stripes":    {lv("a", 3, "type = \"striped\"\nstripe_count = 2\nstripe_size = 8\nstripes = [ \"pv0\", 0, \"pv0\", 4 ]"), "lvm.segment.impossible"},
		"negative":       {lv("a", -2, linear), "lvm.segment.impossible"},
		"huge":           {lv("a", 1<<62, linear), "lvm.segment.impossible"},
		"far":            {lv("a", 2, "type = \"striped\"\nstripe_count = 1\nstripes = [ \"pv0\", 4611686018427387904 ]"), ""},
		"raid of none":   {lv("a", 2, "type = \"raid5\"\ndevice_count = 0\nraids = [ ]"), "lvm.segment.impossible"},
		"raid of itself": {lv("a", 2, "type = \"raid1\"\nraids = [ \"a\", \"a\", \"a\", \"a\" ]"), "lvm.volume.loop"},
		"raid of one":    {lv("a", 2, "type = \"raid6\"\nstripe_size = 0\nraids = [ \"b\", \"b\" ]") + lv("b", 2, linear), "lvm.segment.impossible"},
		"raid 99":        {lv("a", 2, "type = \"raid99\"\nraids = [ \"b\", \"b\" ]") + lv("b", 2, linear), "lvm.segment.unknown"},
		"raid10 of 0":    {lv("a", 2, "type = \"raid10\"\nstripe_size = 8\ndata_copies = -7\nraids = [ \"b\", \"b\", \"b\", \"b\" ]") + lv("b", 2, linear), "lvm.segment.impossible"},
		"thin of itself": {lv("a", 2, "type = \"thin\"\nthin_pool = \"a\"\ndevice_id = 1"), "lvm.segment.unknown"},
		"no pool":        {lv("a", 2, "type = \"thin\"\nthin_pool = \"none\"\ndevice_id = 1"), "lvm.thin.metadata"},
		"pool of itself": {lv("a", 2, "type = \"thin\"\nthin_pool = \"p\"\ndevice_id = 1") + lv("p", 2, "type = \"thin-pool\"\nmetadata = \"a\"\npool = \"a\""), "lvm.volume.loop"},
		"snapshot loop":  {lv("a", 2, "type = \"snapshot\"\norigin = \"a\"\ncow_store = \"a\""), ""},
		"snapshots":      {lv("a", 2, "type = \"snapshot\"\norigin = \"b\"\ncow_store = \"c\"") + lv("b", 2, "type = \"snapshot\"\norigin = \"a\"\ncow_store = \"c\"") + lv("c", 2, linear), ""},
		"cache":          {lv("a", 2, "type = \"cache\"\norigin = \"b\"\ncache_pool = \"c\"") + lv("b", 2, linear), "lvm.cache.dirty"},
		"cache loop":     {lv("a", 2, "type = \"cache\"\norigin = \"a\"\ncache_pool = \"a\""), "lvm.volume.loop"},
		"tiers":          {lv("a", 2, "type = \"tier-thin-pool\"\nx = 1"), "lvm.segment.unknown"},
		"vdo":            {lv("a", 2, "type = \"vdo\"\nvdo_pool = \"p\"") + lv("p", 2, "type = \"vdo-pool\""), "lvm.vdo"},
		"thin in tiers":  {lv("a", 2, "type = \"thin\"\nthin_pool = \"p\"\ndevice_id = 1") + lv("p", 2, "type = \"tier-thin-pool\""), "lvm.segment.unknown"},
		"overlap":        {"a {\nstatus = [\"VISIBLE\"]\nsegment1 {\nstart_extent = 0\nextent_count = 4\n" + linear + "\n}\nsegment2 {\nstart_extent = 2\nextent_count = 4\n" + linear + "\n}\n}", "lvm.segment.impossible"},
		"a gap":          {"a {\nstatus = [\"VISIBLE\"]\nsegment2 {\nstart_extent = 5\nextent_count = 4\n" + linear + "\n}\n}", ""},
		"no segments":    {"a {\nstatus = [\"VISIBLE\"]\n}", ""},
		"zero and error": {lv("a", 2, `type = "zero"`) + lv("b", 2, `type = "error"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			sets := use(t, block.Bytes(disk(groupText(tt.volumes))))
			if len(sets) != 1 || len(sets[0].Volumes) == 0 {
				t.Fatalf("%+v", sets)
			}
			if tt.code != "" && stacktest.Count(sets[0], tt.code) == 0 {
				t.Errorf("no %s: %+v", tt.code, sets[0].Volumes)
			}
		})
	}
	if sets := use(t, block.Bytes(disk(groupText(lv("a", 2, `type = "zero"`))))); sets[0].Volumes[0].Size != 2*64<<10 {
		t.Errorf("%+v", sets[0].Volumes)
	}
}

// TestText reads texts that are no metadata, and some that are odd and are.
func TestText(t *testing.T) {
	for name, text := range map[string]string{
		"deep":         strings.Repeat("a {\n", 1<<16),
		"long string":  `vg { id = "` + strings.Repeat("x", 1<<20) + `"`,
		"many":         strings.Repeat("a = 1\n", 1<<20),
		"long list":    "a = [ " + strings.Repeat("1, ", 1<<20) + "]",
		"open list":    "a = [ 1, 2",
		"open section": "a { b = 1",
		"no value":     "a = \n}",
		"no name":      "= 5",
		"word":         "a b",
		"big number":   "a = 99999999999999999999999",
		"list in list": "a = [ [ 1 ] ]",
		"closed":       "}",
	} {
		if _, err := parseText([]byte(text), 100); err == nil {
			t.Errorf("%s is text", name)
		} else if c, ok := cursor.IsCorrupt(err); !ok || c.Offset < 100 {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := parseText([]byte("# a\nx {\n\ty = \"q\\\"\\\\\" # b\n\"z.1\" = [ 1, -2,\"3\" ]\nz { }\n}\nv=1.5\n\x00 }"), 0)
	if err != nil || s.section("x").text("y") != `q"\` || len(s.section("x").fields["z.1"]) != 3 || s.section("x").fields["z.1"][1].number != -2 || s.number("v", 0) != 1 || s.section("x").section("z") == nil || s.section("q") != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if s.section("x").number("y", 7) != 7 || s.text("v") != "" || !s.section("x").has("z.1", "3") {
		t.Error("types")
	}
	for _, text := range []string{"", "a { }", "vg {\n" + groupID + "\n}", "vg {\n" + groupID + "\nphysical_volumes { }\n}", "vg {\n" + groupID + "\nextent_size = -1\nphysical_volumes { }\n}"} {
		if g, err := parseGroup([]byte(text), 0); err == nil {
			t.Errorf("%q is a group: %+v", text, g)
		}
	}
}

// TestLargeText has a text of 100 MiB, which is not read.
func TestLargeText(t *testing.T) {
	text := groupText(lv("a", 2, `type = "zero"`))
	text = strings.Replace(text, "seqno", "x = \""+strings.Repeat("y", 100)+"\"\n"+strings.Repeat("# "+strings.Repeat("z", 1022)+"\n", 100<<10)+"seqno", 1)
	if sets := use(t, block.Bytes(disk(text))); len(sets) != 0 {
		t.Error("a text of 100 MiB is read")
	}
}

// TestRings has a ring that is full of beginnings of texts without an end.
func TestRings(t *testing.T) {
	text := groupText(lv("a", 2, `type = "zero"`))
	d := append(disk(text), make([]byte, 28<<20)...)
	binary.LittleEndian.PutUint64(d[4096+32:], uint64(len(d)-8192))
	d[4096]++ // the header's checksum: the ring is searched
	for at := 4096 + 4*sector; at < len(d); at += sector {
		copy(d[at:], "vg {\n"+groupID+"\n"+strings.Repeat("a", 460))
		for i := range sector {
			if d[at+i] == 0 {
				d[at+i] = ' '
			}
		}
	}
	start := time.Now()
	sets := use(t, block.Bytes(d))
	if len(sets) != 1 || stacktest.Count(sets[0], "lvm.metadata.torn") != 1 {
		t.Errorf("%+v", sets)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNothing(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 4096, 8192} {
		if sets := use(t, block.Bytes(make([]byte, n))); len(sets) != 0 {
			t.Errorf("%d bytes of zeros", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Stack().Members(ctx, block.Bytes(make([]byte, 1<<20)), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if sets, err := Stack().Assemble(t.Context(), []volume.Member{{}, {Stack: "md", Detail: 5}, {Stack: "lvm", Detail: (*detail)(nil)}}); err != nil || len(sets) != 0 {
		t.Errorf("%v, %v", sets, err)
	}
}

// TestDamage overwrites random places of real disks.
func TestDamage(t *testing.T) {
	runs := 25
	if need.CI() {
		runs = 600
	}
	for _, name := range []string{"linear", "raid", "thin", "snapshot", "history", "external"} {
		rnd := rand.New(rand.NewPCG(9, uint64(len(name))))
		clean := disks(t, name)
		for range runs {
			var sources []block.Source
			for _, d := range clean {
				d = bytes.Clone(d[:4<<20])
				for range 1 + rnd.IntN(8) {
					at := rnd.IntN(len(d))
					if rnd.IntN(3) > 0 {
						at = rnd.IntN(64 << 10)
					}
					for k := range min(1+rnd.IntN(16), len(d)-at) {
						d[at+k] = byte(rnd.Uint32())
					}
				}
				if rnd.IntN(2) == 0 {
					clear(d[rnd.IntN(8192):][:4096])
				}
				sources = append(sources, block.Bytes(d))
			}
			use(t, sources...)
		}
	}
	// A group beside a damaged one is whole.
	broken := disks(t, "striped")
	for _, d := range broken {
		for i := range d[:1<<20] {
			d[i] ^= byte(i * 7)
		}
	}
	_, sets := put(t, stacktest.Sources(append(broken, disks(t, "linear")...))...)
	if v := volumeOf(t, sets, "root"); stacktest.Sum(stacktest.Content(t, v.Source)) != truths(t)["linear root"].Sum {
		t.Error("other bytes")
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(groupText(lv("a", 2, `type = "zero"`))))
	for _, name := range []string{"linear", "raid", "thin", "snapshot", "history"} {
		d := disks(f, name)[0]
		at := areasOf(f, d)[0]
		if a, err := parseArea(d[at:at+sector], at); err == nil {
			text, err := a.current(block.Bytes(d))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<20 {
			use(t, block.Bytes(disk(string(text))))
		}
	})
}

func FuzzNode(f *testing.F) {
	d := disks(f, "thin")[0]
	for number := 0; number < 24; number++ {
		f.Add(d[poolMetadata+number*nodeSize:][:nodeSize], uint64(5))
	}
	f.Fuzz(func(t *testing.T, b []byte, key uint64) {
		if len(b) != nodeSize {
			return
		}
		b = bytes.Clone(b)
		resum(b, superSalt)
		_, _ = parsePool(b)
		binary.LittleEndian.PutUint64(b[8:], 1)
		resum(b, nodeSalt)
		tr := newTrees(block.Bytes(append(make([]byte, nodeSize), b...)))
		if s, err := tr.find(1, key); err == nil && s.value != nil && len(s.value) < 4 {
			t.Errorf("%+v", s)
		}
		_, _ = parseState(b)
		_, _, _ = changes(block.Bytes(b))
	})
}
