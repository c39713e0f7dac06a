package layers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// disk returns an image with fake volumes, before any table is written.
func disk(size int, volumes ...span) []byte {
	img := make([]byte, size*mib)
	noise(img, 99)
	for _, v := range volumes {
		copy(img[v.at*mib:], fakeVolume(v.size*mib))
	}
	return img
}

var three = []span{{1, 4}, {5, 8}, {20, 6}}

const threeVolumes = "v1 fake 1+4M; v2 fake 5+8M; v3 fake 20+6M"

func TestTables(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		for _, c := range []struct {
			name   string
			write  func([]byte)
			sweep  bool
			want   string
			wants  []string
			damage bool
		}{
			{name: "gpt", write: func(b []byte) { writeGPT(b, sector, three...) }, want: threeVolumes},
			{name: "gpt, primary gone", write: func(b []byte) { writeGPT(b, sector, three...); dropPrimary(b, sector) },
				want: threeVolumes, wants: []string{"layers.table.backup"}},
			{name: "gpt, backup gone", write: func(b []byte) { writeGPT(b, sector, three...); dropBackup(b, sector) }, want: threeVolumes},
			{name: "gpt, both gone", write: func(b []byte) { writeGPT(b, sector, three...); dropPrimary(b, sector); dropBackup(b, sector) },
				sweep: true, want: threeVolumes, wants: []string{"layers.table.lost", "layers.volume.lost"}},
			{name: "gpt, first MiB gone", write: func(b []byte) { writeGPT(b, sector, three...); clear(b[:mib]) },
				want: threeVolumes, wants: []string{"layers.table.backup"}},
			{name: "gpt, primary's array half gone", write: func(b []byte) { writeGPT(b, sector, three...); clear(b[2*sector+128 : 2*sector+16<<10]) },
				want: threeVolumes, wants: []string{"gpt.array.checksum", "layers.table.backup"}},
			{name: "mbr", write: func(b []byte) { writeMBR(b, sector, three...) }, want: threeVolumes},
			{name: "mbr gone", write: func(b []byte) { clear(b[:mib]); clear(b[len(b)-mib:]) }, sweep: true, want: threeVolumes},
		} {
			t.Run(fmt.Sprintf("%s/%d", c.name, sector), func(t *testing.T) {
				img := disk(32, three...)
				c.write(img)
				l := resolve(t, img, fakeTables(), c.sweep)
				if got := volumes(l); got != c.want {
					t.Errorf("got  %s\nwant %s\n%s", got, c.want, show(l))
				}
				for _, v := range l.Volumes() {
					if v.FS == nil || !v.Readable || v.Source.Size() != v.Extent.Length || v.Label != "label" {
						t.Errorf("volume %+v", v)
					}
				}
				has(t, l, c.wants...)
			})
		}
	}
}

func TestTree(t *testing.T) {
	img := disk(32, three...)
	writeGPT(img, 512, three...)
	got := show(resolve(t, img, fakeTables(), true))
	want := `d1.mbr mbr 0x0+0x200
d1.gpt gpt 0x200+0x200
 d1.p1 partition 1+4M
  v1 fake 1+4M
 d1.p2 partition 5+8M
  v2 fake 5+8M
 d1.free@0xd00000 free 13+7M
 d1.p3 partition 20+6M
  v3 fake 20+6M
 d1.free@0x1a00000 free 26+6M
d1.gpt.backup gpt 0x1fffe00+0x200
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestWholeMedium(t *testing.T) {
	l := resolve(t, fakeVolume(3*mib), fakeTables(), false)
	if got := show(l); got != "v1 fake 0+3M\n" {
		t.Errorf("got %s", got)
	}
}

func TestOnlyBackups(t *testing.T) {
	for _, c := range []struct {
		name  string
		table bool
	}{{"with a table", true}, {"without", false}} {
		t.Run(c.name, func(t *testing.T) {
			img := disk(32, three...)
			clear(img[:mib])
			clear(img[31*mib:])
			if c.table {
				writeMBR(img, 512, three...)
			}
			for _, v := range three {
				clear(img[v.at*mib:][:512])
			}
			l := resolve(t, img, fakeTables(), true)
			want := "v1 fake 1+4M damaged; v2 fake 5+8M damaged; v3 fake 20+6M damaged"
			if got := volumes(l); got != want {
				t.Errorf("got  %s\nwant %s\n%s", got, want, show(l))
			}
			has(t, l, "layers.volume.backup")
		})
	}
}

func TestContradictingTables(t *testing.T) {
	img := disk(32, three...)
	writeGPT(img, 512, span{2, 7}, span{14, 4}) // an older layout, its backup at the end
	dropPrimary(img, 512)
	writeMBR(img, 512, three...)
	l := resolve(t, img, fakeTables(), true)
	if got := volumes(l); got != threeVolumes {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.table.rival")
	rivals := 0
	l.Walk(func(l *Layer, _ int) bool {
		if l.Rival && l.Kind == "partition" {
			rivals++
		}
		return true
	})
	if rivals != 2 {
		t.Errorf("%d rival partitions, expected 2\n%s", rivals, show(l))
	}
}

func TestCopiesThatDiffer(t *testing.T) {
	img := disk(32, three...)
	writeGPT(img, 512, three...)
	old := make([]byte, len(img))
	writeGPT(old, 512, span{3, 9})
	copy(img[31*mib+512:], old[31*mib+512:])
	l := resolve(t, img, fakeTables(), false)
	if got := volumes(l); got != threeVolumes {
		t.Errorf("got %s\n%s", got, show(l))
	}
	if !strings.Contains(show(l), "d1.gpt.backup.p1 partition 3+9M rival") {
		t.Errorf("the other layout is not shown:\n%s", show(l))
	}
}

func TestHybrid(t *testing.T) {
	img := disk(32, three...)
	writeGPT(img, 512, three...)
	e := img[0x1be+16:]
	e[4] = 0x83
	binary.LittleEndian.PutUint32(e[8:], 2048)
	binary.LittleEndian.PutUint32(e[12:], 4*2048)
	l := resolve(t, img, fakeTables(), false)
	if got := volumes(l); got != threeVolumes {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "mbr.hybrid")
}

func TestCopiesInsideOfAVolume(t *testing.T) {
	img := disk(32, three...)
	clear(img[:mib])
	copy(img[7*mib:], fakeVolume(2*mib))          // an image in a file
	copy(img[10*mib+4096:], img[5*mib:5*mib+512]) // a superblock in a journal
	l := resolve(t, img, fakeTables(), true)
	if got := volumes(l); got != threeVolumes {
		t.Errorf("got %s\n%s", got, show(l))
	}
	if !strings.Contains(show(l), "fake 7+2M rival") {
		t.Errorf("the image in a file is not shown:\n%s", show(l))
	}
	has(t, l, "layers.volume.rival")
}

func TestCutImage(t *testing.T) {
	img := disk(32, three...)
	writeGPT(img, 512, append(slices.Clone(three), span{28, 3})...)
	l := resolve(t, img[:22*mib], fakeTables(), true)
	if got := volumes(l); got != "v1 fake 1+4M; v2 fake 5+8M; v3 fake 20+6M damaged" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.volume.missing", "layers.partition.cut", "layers.partition.missing")
	l.Walk(func(l *Layer, _ int) bool {
		if l.ID == "v3" {
			i := slices.IndexFunc(l.Findings, func(f finding.Finding) bool { return f.Code == "layers.volume.missing" })
			if i < 0 || l.Findings[i].Found != fmt.Sprint(4*mib) {
				t.Errorf("missing bytes: %v", l.Findings)
			}
		}
		if l.ID == "d1.p4" && l.State != Missing {
			t.Errorf("partition 4 is %s", l.State)
		}
		return true
	})
}

func TestHalfWrittenSlot(t *testing.T) {
	for _, table := range []bool{true, false} {
		img := disk(32, three...)
		clear(img[:mib])
		img[5*mib+24] = 0 // the root of the primary's volume does not read
		if table {
			writeMBR(img, 512, three...)
		}
		l := resolve(t, img, fakeTables(), true)
		if got := volumes(l); got != "v1 fake 1+4M; v2 fake 5+8M damaged; v3 fake 20+6M" {
			t.Errorf("got %s\n%s", got, show(l))
		}
		has(t, l, "layers.volume.root")
	}
}

func TestUnknownAndShifted(t *testing.T) {
	img := disk(32, span{1, 4}, span{21, 4})
	clear(img[14*mib : 18*mib])
	writeMBR(img, 512, span{1, 4}, span{6, 4}, span{14, 4}, span{20, 6})
	l := resolve(t, img, fakeTables(), true)
	if got := volumes(l); got != "v1 fake 1+4M; v2 fake 21+4M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.partition.unknown", "layers.partition.blank", "layers.volume.lost")
	for id, state := range map[string]State{"d1.p2": Damaged, "d1.p3": Good, "d1.p4": Good} {
		l.Walk(func(l *Layer, _ int) bool {
			if l.ID == id && l.State != state {
				t.Errorf("%s is %s, expected %s", id, l.State, state)
			}
			return true
		})
	}
}

func TestLargerThanItsPartition(t *testing.T) {
	img := disk(32, span{1, 8}, span{5, 4})
	writeMBR(img, 512, span{1, 4}, span{5, 4})
	l := resolve(t, img, fakeTables(), true)
	if got := volumes(l); got != "v1 fake 1+4M damaged; v2 fake 5+4M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.volume.larger")
}

func TestNested(t *testing.T) {
	img := disk(64)
	inner := disk(32, three...)
	writeGPT(inner, 512, three...)
	copy(img[8*mib:], inner)
	writeMBR(img, 512, span{8, 32})
	l := resolve(t, img, fakeTables(), false)
	if got := volumes(l); got != "v1 fake 9+4M; v2 fake 13+8M; v3 fake 28+6M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	if !strings.Contains(show(l), "   d1.p1.p2 partition 13+8M\n    v2 fake") {
		t.Errorf("got\n%s", show(l))
	}
	// A partition that holds the same disk again and again.
	deep := fakeVolume(mib)
	for range maxDepth + 3 {
		outer := make([]byte, len(deep)+2*mib)
		copy(outer[mib:], deep)
		writeMBR(outer, 512, span{1, len(deep) / mib})
		deep = outer
	}
	l = resolve(t, deep, fakeTables(), true)
	if got := len(l.Volumes()); got != 1 {
		t.Errorf("%d volumes\n%s", got, show(l))
	}
}

func TestErasedAndNothing(t *testing.T) {
	for _, c := range []byte{0, 0xff} {
		l := resolve(t, bytes.Repeat([]byte{c}, 4*mib), fakeTables(), true)
		has(t, l, "layers.erased")
		if l.State != Damaged || len(l.Children) != 0 {
			t.Errorf("got %+v", l)
		}
	}
	has(t, resolve(t, disk(4), fakeTables(), true), "layers.nothing")
	resolve(t, nil, fakeTables(), true)
	resolve(t, []byte{1}, fakeTables(), true)
}

func TestReadersThatFail(t *testing.T) {
	img := disk(32, three...)
	writeMBR(img, 512, three...)
	l := resolve(t, img, fakeTables(fake{name: "bad", panics: true}), true)
	has(t, l, "guard.panic", "layers.volume.open")
	if got := volumes(l); got != "v1 bad 1+4M damaged; v2 bad 5+8M damaged; v3 bad 20+6M damaged" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	l = resolve(t, img, fakeTables(fake{name: "named", notOpen: true}), true)
	if got := volumes(l); got != "v1 named 1+4M; v2 named 5+8M; v3 named 20+6M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Resolve(ctx, Disk{Number: 1, Source: block.Bytes(img)}, nil, fakeTables()); err == nil {
		t.Error("no error of the context")
	}
}

func TestManyLandmarks(t *testing.T) {
	img := disk(32, three...)
	tables := fakeTables()
	hits := sweepAll(img, tables)
	for i := range 100_000 {
		hits = append(hits, probe.Hit{ID: "fake.super", Offset: int64(i) * 300 * 512 / 512}, probe.Hit{ID: "other.probe", Offset: int64(i)})
	}
	hits = append(hits, probe.Hit{ID: "fake.super", Offset: -512}, probe.Hit{ID: "fake.super", Offset: 1 << 62})
	l, err := Resolve(t.Context(), Disk{Number: 1, Source: block.Bytes(img)}, hits, tables)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	if got := volumes(l); got != threeVolumes {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.landmarks.skipped")
}

// TestRandomLayouts places volumes at random, writes a table of a random kind, destroys a random part of
// what leads to them, and expects every volume whose landmarks are left, exactly.
func TestRandomLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	tables := fakeTables()
	runs := 60
	if testing.Short() {
		runs = 8
	}
	for run := range runs {
		var spans []span
		at := 1 + r.IntN(3)
		for at < 28 && len(spans) < 4 {
			s := span{at, 1 + r.IntN(6)}
			if s.at+s.size > 31 {
				break
			}
			spans = append(spans, s)
			at = s.at + s.size + r.IntN(4)
		}
		img := disk(32, spans...)
		sector := []int{512, 4096}[r.IntN(2)]
		table := r.IntN(3)
		switch table {
		case 0:
			writeGPT(img, sector, spans...)
		case 1:
			writeMBR(img, sector, spans...)
		}
		damage := r.IntN(4)
		switch damage {
		case 1:
			clear(img[:mib])
		case 2:
			clear(img[:mib])
			clear(img[31*mib:])
		case 3:
			noise(img[:64<<10], uint32(run))
		}
		var want []string
		for i, s := range spans {
			w := fmt.Sprintf("v%d fake %d+%dM", i+1, s.at, s.size)
			if r.IntN(4) == 0 {
				clear(img[s.at*mib:][:4096])
				w += " damaged"
			}
			want = append(want, w)
		}
		l := resolve(t, img, tables, true)
		if got := volumes(l); got != strings.Join(want, "; ") {
			t.Errorf("run %d, table %d, sector %d, damage %d:\ngot  %s\nwant %s\n%s", run, table, sector, damage, got, strings.Join(want, "; "), show(l))
		}
	}
}

// TestDamage overwrites structures at random: no panic, no hang, and the tree keeps its promises.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	whole := disk(16, span{1, 4}, span{6, 4}, span{11, 4})
	writeGPT(whole, 512, span{1, 4}, span{6, 4}, span{11, 4})
	img := make([]byte, len(whole))
	tables := fakeTables()
	for range 200 {
		copy(img, whole)
		for range 1 + r.IntN(40) {
			at := []int{0, 512, 1024, mib, 6 * mib, len(img) - 512}[r.IntN(6)] + r.IntN(128)
			img[at] = byte(r.Uint32())
		}
		l, err := Resolve(t.Context(), Disk{Number: 1, Source: block.Bytes(img)}, nil, tables)
		if err != nil {
			t.Fatal(err)
		}
		check(t, l)
		if !strings.Contains(volumes(l), "fake 11+4M") {
			t.Fatalf("the undamaged volume is not found\n%s", show(l))
		}
	}
}
