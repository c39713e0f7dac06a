package gpt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/block/probe"
	"salvor/internal/need"
	"salvor/volume"
)

type part struct {
	first, last uint64
	name        string
}

var linuxType = guid{0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4}

// disk builds an image with both copies of a table.
func disk(sector, sectors int, parts ...part) []byte {
	img := make([]byte, sector*sectors)
	array := make([]byte, usualEntries*entrySize)
	for i, p := range parts {
		e := array[i*entrySize:]
		copy(e, linuxType[:])
		e[16] = byte(i + 1)
		binary.LittleEndian.PutUint64(e[32:], p.first)
		binary.LittleEndian.PutUint64(e[40:], p.last)
		for j, u := range utf16.Encode([]rune(p.name)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], u)
		}
	}
	arraySectors := len(array) / sector
	last := uint64(sectors - 1)
	writeHeader(img[sector:], 1, last, 2, uint64(2+arraySectors), last-uint64(arraySectors)-1, array)
	copy(img[2*sector:], array)
	copy(img[(sectors-1-arraySectors)*sector:], array)
	writeHeader(img[(sectors-1)*sector:], last, 1, last-uint64(arraySectors), uint64(2+arraySectors), last-uint64(arraySectors)-1, array)
	return img
}

func writeHeader(h []byte, own, other, arrayAt, first, last uint64, array []byte) {
	copy(h, magic)
	put32, put64 := binary.LittleEndian.PutUint32, binary.LittleEndian.PutUint64
	put32(h[8:], 0x10000)
	put32(h[12:], headerSize)
	put64(h[24:], own)
	put64(h[32:], other)
	put64(h[40:], first)
	put64(h[48:], last)
	h[56] = 0xd1
	put64(h[72:], arrayAt)
	put32(h[80:], usualEntries)
	put32(h[84:], entrySize)
	put32(h[88:], crc32.ChecksumIEEE(array))
	put32(h[16:], headerCRC(h[:headerSize]))
}

func mustRead(t *testing.T, img []byte, hits ...int64) []volume.Table {
	t.Helper()
	var landmarks []probe.Hit
	for _, h := range hits {
		landmarks = append(landmarks, probe.Hit{ID: "gpt.header", Offset: h})
	}
	tables, err := Scheme().Read(t.Context(), block.Bytes(img), landmarks)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func describe(tables []volume.Table) string {
	var out []string
	for _, tab := range tables {
		s := fmt.Sprintf("%s@%d/%d", tab.Copy, tab.Offset, tab.SectorSize)
		if tab.Valid {
			s += " valid"
		}
		for _, e := range tab.Entries {
			s += fmt.Sprintf(" %d:%d+%d", e.Number, e.Extent.Offset/tab.SectorSize, e.Extent.Length/tab.SectorSize)
		}
		for _, f := range tab.Findings {
			s += " " + f.Code
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestCopies(t *testing.T) {
	parts := []part{{40, 99, "boot"}, {100, 199, "Grüße 漢字 😀"}}
	for _, c := range []struct {
		name   string
		sector int
		damage func([]byte) []byte
		hits   []int64
		want   string
	}{
		{name: "whole", sector: 512, want: "primary@512/512 valid 1:40+60 2:100+100; backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "whole 4096", sector: 4096, want: "primary@4096/4096 valid 1:40+60 2:100+100; backup@4091904/4096 valid 1:40+60 2:100+100"},
		{name: "primary gone", sector: 512, damage: func(b []byte) []byte { clear(b[512:17408]); return b },
			want: "backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "primary header gone", sector: 512, damage: func(b []byte) []byte { clear(b[512:1024]); return b },
			want: "primary@512/512 1:40+60 2:100+100 gpt.header.missing; backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "both headers gone", sector: 4096, damage: func(b []byte) []byte { clear(b[4096:8192]); clear(b[999*4096:]); return b },
			want: "primary@4096/4096 1:40+60 2:100+100 gpt.header.missing"},
		{name: "only the backup's array", sector: 512, damage: func(b []byte) []byte { clear(b[512:17408]); clear(b[999*512:]); return b },
			want: "backup@511488/512 1:40+60 2:100+100 gpt.header.missing"},
		{name: "header checksum", sector: 512, damage: func(b []byte) []byte { b[512+56]++; return b },
			want: "primary@512/512 1:40+60 2:100+100 gpt.header.checksum; backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "array checksum", sector: 512, damage: func(b []byte) []byte { b[1024+56]++; return b },
			want: "primary@512/512 1:40+60 2:100+100 gpt.array.checksum; backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "half an array", sector: 512, damage: func(b []byte) []byte { clear(b[1024+128 : 17408]); return b },
			want: "primary@512/512 1:40+60 gpt.array.checksum; backup@511488/512 valid 1:40+60 2:100+100"},
		{name: "cut", sector: 512, damage: func(b []byte) []byte { return b[:400*512] },
			want: "primary@512/512 valid 1:40+60 2:100+100 gpt.medium.smaller"},
		{name: "enlarged", sector: 512, damage: func(b []byte) []byte { return append(b, make([]byte, 51200)...) },
			want: "primary@512/512 valid 1:40+60 2:100+100 gpt.medium.larger; backup@511488/512 valid 1:40+60 2:100+100 gpt.medium.larger"},
		{name: "enlarged, primary gone", sector: 512, hits: []int64{511488},
			damage: func(b []byte) []byte { clear(b[:17408]); return append(b, make([]byte, 51200)...) },
			want:   "backup@511488/512 valid 1:40+60 2:100+100 gpt.medium.larger"},
		{name: "behind something", sector: 512, hits: []int64{512 + 10240},
			damage: func(b []byte) []byte { return append(make([]byte, 10240), b...) },
			want:   "primary@10752/512 1:60+60 2:120+100 gpt.shifted; backup@521728/512 1:60+60 2:120+100 gpt.shifted"},
		{name: "copied to another place", sector: 512, damage: func(b []byte) []byte { copy(b[512:1024], b[999*512:]); return b },
			want: "backup@512/512 1:40+60 2:100+100 gpt.shifted; backup@511488/512 valid 1:40+60 2:100+100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := disk(c.sector, 1000, parts...)
			if c.damage != nil {
				img = c.damage(img)
			}
			got := describe(mustRead(t, img, c.hits...))
			if c.name == "copied to another place" {
				// Its own sector says that the disk begins before this medium; the entries that would
				// lie before it are impossible. What counts is that it is not valid and the backup is.
				if !strings.HasSuffix(got, "valid 1:40+60 2:100+100") || strings.Count(got, "valid") != 1 {
					t.Errorf("got %s", got)
				}
				return
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNamesAndTypes(t *testing.T) {
	tab := mustRead(t, disk(512, 1000, part{40, 99, "Grüße 漢字 😀"}))[0]
	e := tab.Entries[0]
	if e.Name != "Grüße 漢字 😀" || e.TypeName != "Linux filesystem" || e.Type != "0FC63DAF-8483-4772-8E79-3D69D8477DE4" {
		t.Errorf("got %+v", e)
	}
	for _, want := range []string{"EFI system", "Linux swap", "Linux LUKS", "Linux LVM", "Linux RAID", "Microsoft basic data",
		"ChromeOS kernel", "Linux root (x86-64)", "Linux root (ARM-64)", "U-Boot environment"} {
		found := false
		for _, name := range typeNames {
			found = found || name == want
		}
		if !found {
			t.Errorf("no type is named %q", want)
		}
	}
	for g := range typeNames {
		if g != strings.ToUpper(g) || len(g) != 36 {
			t.Errorf("GUID %q", g)
		}
	}
}

func TestImpossibleNumbers(t *testing.T) {
	img := disk(512, 1000, part{40, 99, "a"}, part{300, 200, "backwards"}, part{1 << 62, 1 << 63, "far"}, part{500, 599, "b"})
	tab := mustRead(t, img)[0]
	if len(tab.Entries) != 4 || tab.Valid {
		t.Fatalf("got %s", describe([]volume.Table{tab}))
	}
	if tab.Entries[1].Extent.Length != 0 || tab.Entries[2].Extent.Length != 0 || tab.Entries[3].Extent.Offset != 500*512 {
		t.Errorf("got %+v", tab.Entries)
	}
	// Numbers of the array that would need gigabytes.
	img = disk(512, 1000, part{40, 99, "a"})
	binary.LittleEndian.PutUint32(img[512+80:], 0xffffffff)
	binary.LittleEndian.PutUint32(img[512+16:], headerCRC(img[512:512+headerSize]))
	tab = mustRead(t, img)[0]
	if len(tab.Entries) != 1 || tab.Valid || tab.Findings[0].Code != "gpt.header.bounds" {
		t.Errorf("got %s", describe([]volume.Table{tab}))
	}
}

// holed cannot read one extent.
type holed struct {
	block.Source
	hole block.Extent
}

func (h holed) ReadAt(p []byte, off int64) (int, error) {
	e := block.Extent{Offset: off, Length: int64(len(p))}
	if !e.Overlaps(h.hole) {
		return h.Source.ReadAt(p, off)
	}
	n := max(h.hole.Offset-off, 0)
	m, _ := h.Source.ReadAt(p[:n], off)
	return m, block.NewUnreadable(h.hole, block.Bad, nil)
}

func TestUnreadableArray(t *testing.T) {
	img := disk(512, 1000, part{40, 99, "a"}, part{100, 199, "b"}, part{200, 299, "c"}, part{300, 399, "d"}, part{400, 499, "e"})
	src := holed{block.Bytes(img), block.Extent{Offset: 1024, Length: 512}}
	tables, err := Scheme().Read(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "primary@512/512 5:400+100 gpt.array.unreadable; backup@511488/512 valid 1:40+60 2:100+100 3:200+100 4:300+100 5:400+100"
	if got := describe(tables); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSgdisk(t *testing.T) {
	img := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(img, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := need.Command(t, "sgdisk", "-n", "1:0:+4M", "-t", "1:ef00", "-c", "1:boot",
		"-n", "2:0:+4M", "-t", "2:8304", "-c", "2:rootfs_a", "-n", "7:0:0", "-t", "7:8200", "-A", "7:set:2", img).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	tables := mustRead(t, b)
	if len(tables) != 2 || !tables[0].Valid || !tables[1].Valid || tables[0].MediaSize != 16<<20 || tables[1].MediaSize != 16<<20 {
		t.Fatalf("got %s", describe(tables))
	}
	var got []string
	for _, e := range tables[0].Entries {
		got = append(got, fmt.Sprintf("%d %v %s %q %v", e.Number, e.Extent, e.TypeName, e.Name, e.Active))
	}
	want := []string{
		`1 0x100000+0x400000 EFI system "boot" false`,
		`2 0x500000+0x400000 Linux root (x86-64) "rootfs_a" false`,
		`7 0x900000+0x6fbe00 Linux swap "" true`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	whole := disk(512, 200, part{40, 99, "a"}, part{100, 150, "b"})
	for range 500 {
		img := bytes.Clone(whole)
		for range 1 + r.IntN(30) {
			at := 512 + r.IntN(2048)
			if r.IntN(2) == 0 {
				at = len(img) - 1 - r.IntN(2048)
			}
			img[at] = byte(r.Uint32())
		}
		for _, tab := range mustRead(t, img, 512) {
			for _, e := range tab.Entries {
				if !e.Extent.Valid() {
					t.Fatalf("extent %v", e.Extent)
				}
			}
		}
	}
	// Damage to the primary alone never hides the backup.
	for range 300 {
		img := bytes.Clone(whole)
		for range 1 + r.IntN(30) {
			img[512+r.IntN(33*512)] = byte(r.Uint32())
		}
		tables := mustRead(t, img)
		if last := tables[len(tables)-1]; last.Copy != "backup" || !last.Valid || len(last.Entries) != 2 {
			t.Fatalf("got %s", describe(tables))
		}
	}
}

func FuzzRead(f *testing.F) {
	whole := disk(512, 100, part{40, 60, "a"})
	f.Add(whole, int64(512))
	f.Add(whole[:20000], int64(1024))
	f.Add(disk(4096, 20, part{6, 8, "b"}), int64(4096))
	f.Fuzz(func(t *testing.T, b []byte, hit int64) {
		tables := mustRead(t, b, hit)
		if len(tables) > MaxTables+4 {
			t.Fatalf("%d tables", len(tables))
		}
		for _, tab := range tables {
			for _, e := range tab.Entries {
				if !e.Extent.Valid() {
					t.Fatalf("extent %v", e.Extent)
				}
			}
		}
	})
}
