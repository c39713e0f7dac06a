package mbr

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/volume"
)

// put writes a slot into a record.
func put(rec []byte, slot int, status, kind byte, first, size uint32) {
	e := rec[entriesAt+16*slot:]
	e[0], e[4] = status, kind
	binary.LittleEndian.PutUint32(e[8:], first)
	binary.LittleEndian.PutUint32(e[12:], size)
	rec[signatureAt], rec[signatureAt+1] = 0x55, 0xaa
}

func mustRead(t *testing.T, img []byte) []volume.Table {
	t.Helper()
	tables, err := Scheme().Read(t.Context(), block.Bytes(img), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func one(t *testing.T, img []byte) volume.Table {
	t.Helper()
	tables := mustRead(t, img)
	if len(tables) != 1 {
		t.Fatalf("%d tables, expected 1: %+v", len(tables), tables)
	}
	return tables[0]
}

func codes(t volume.Table) []string {
	var out []string
	for _, f := range t.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestPrimaryEntries(t *testing.T) {
	img := make([]byte, 8<<20)
	binary.LittleEndian.PutUint32(img[diskNumberAt:], 0xcafe1234)
	put(img, 0, 0x80, 0x0c, 2048, 2048)
	put(img, 2, 0, 0x83, 4096, 8192)
	tab := one(t, img)
	if !tab.Valid || tab.SectorSize != 512 || tab.UUID != "cafe1234" || len(tab.Entries) != 2 {
		t.Fatalf("got %+v", tab)
	}
	want := []volume.Entry{
		{Number: 1, Extent: block.Extent{Offset: 1 << 20, Length: 1 << 20}, Type: "0x0c", TypeName: "FAT32 (LBA)", UUID: "cafe1234-01", Active: true},
		{Number: 3, Extent: block.Extent{Offset: 2 << 20, Length: 4 << 20}, Type: "0x83", TypeName: "Linux filesystem", UUID: "cafe1234-03"},
	}
	for i, e := range tab.Entries {
		if fmt.Sprint(e) != fmt.Sprint(want[i]) {
			t.Errorf("entry %d is %+v, expected %+v", i, e, want[i])
		}
	}
}

func TestProtectiveAndHybrid(t *testing.T) {
	img := make([]byte, 8<<20)
	put(img, 0, 0, 0xee, 1, 0xffffffff)
	tab := one(t, img)
	if len(tab.Entries) != 0 || !slices.Contains(codes(tab), "mbr.protective") {
		t.Fatalf("a protective MBR is %+v", tab)
	}
	put(img, 1, 0x80, 0x83, 2048, 2048)
	tab = one(t, img)
	if len(tab.Entries) != 1 || tab.Entries[0].Number != 2 || !slices.Contains(codes(tab), "mbr.hybrid") {
		t.Fatalf("a hybrid MBR is %+v", tab)
	}
}

// logical writes an extended record at the sector at: a logical partition, and a link unless next is 0.
func logical(img []byte, sector, base, at, first, size, next int) {
	rec := img[at*sector:]
	put(rec, 0, 0, 0x83, uint32(first), uint32(size))
	if next != 0 {
		put(rec, 1, 0, 0x05, uint32(next-base), 100)
	}
}

func chainImage(sector int) []byte {
	img := make([]byte, 40000*sector)
	put(img, 0, 0, 0x83, 256, 1000)
	put(img, 1, 0, 0x0f, 2048, 30000)
	logical(img, sector, 2048, 2048, 64, 1000, 4096)
	logical(img, sector, 2048, 4096, 64, 1000, 6144)
	logical(img, sector, 2048, 6144, 64, 1000, 0)
	return img
}

func TestExtendedChain(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		img := chainImage(sector)
		tab := mustRead(t, img)[0]
		if tab.SectorSize != int64(sector) {
			t.Errorf("sector size %d, expected %d", tab.SectorSize, sector)
		}
		var got []string
		for _, e := range tab.Entries {
			got = append(got, fmt.Sprintf("%d@%d", e.Number, e.Extent.Offset/int64(sector)))
		}
		if want := "1@256 2@2048 5@2112 6@4160 7@6208"; strings.Join(got, " ") != want {
			t.Errorf("sector %d: %v, expected %s", sector, got, want)
		}
		if !tab.Valid || !tab.Entries[1].Container {
			t.Errorf("sector %d: %+v", sector, tab)
		}
	}
}

func TestBrokenChains(t *testing.T) {
	t.Run("no record", func(t *testing.T) {
		img := chainImage(512)
		clear(img[4096*512:][:512])
		tab := mustRead(t, img)[0]
		if len(tab.Entries) != 3 || tab.Valid || !slices.Contains(codes(tab), "mbr.extended.broken") {
			t.Errorf("got %+v", tab)
		}
	})
	t.Run("loop", func(t *testing.T) {
		img := chainImage(512)
		logical(img, 512, 2048, 6144, 64, 1000, 4096)
		tab := mustRead(t, img)[0]
		if len(tab.Entries) != 5 || tab.Valid || !slices.Contains(codes(tab), "mbr.extended.loop") {
			t.Errorf("got %+v", tab)
		}
	})
	t.Run("onto itself", func(t *testing.T) {
		img := chainImage(512)
		logical(img, 512, 2048, 2048, 64, 1000, 2048+1)
		copy(img[2049*512:], img[2048*512:][:512])
		put(img[2049*512:], 1, 0, 0x05, 1, 100)
		tab := mustRead(t, img)[0]
		if !slices.Contains(codes(tab), "mbr.extended.loop") {
			t.Errorf("got %v", codes(tab))
		}
	})
	t.Run("behind the end", func(t *testing.T) {
		img := chainImage(512)
		logical(img, 512, 2048, 6144, 64, 1000, 1<<20)
		tab := mustRead(t, img)[0]
		if len(tab.Entries) != 5 || !slices.Contains(codes(tab), "mbr.extended.broken") {
			t.Errorf("got %+v", tab)
		}
	})
	t.Run("too long", func(t *testing.T) {
		const n = 400
		img := make([]byte, (4096+n*16)*512)
		put(img, 0, 0, 0x05, 2048, n*16)
		for i := range n {
			at := 2048 + i*16
			logical(img, 512, 2048, at, 8, 8, at+16)
		}
		tab := mustRead(t, img)[0]
		if len(tab.Entries) != 1+MaxLogical || !slices.Contains(codes(tab), "mbr.extended.long") {
			t.Errorf("%d entries, %v", len(tab.Entries), codes(tab))
		}
	})
	t.Run("second extended stays", func(t *testing.T) {
		img := chainImage(512)
		put(img, 2, 0, 0x85, 34000, 4000)
		logical(img, 512, 34000, 34000, 64, 500, 0)
		clear(img[2048*512:][:512])
		tab := mustRead(t, img)[0]
		last := tab.Entries[len(tab.Entries)-1]
		if last.Number != 5 || last.Extent.Offset != (34064)*512 {
			t.Errorf("got %+v", tab.Entries)
		}
	})
}

func TestNoTable(t *testing.T) {
	plain := make([]byte, 1<<20)
	random := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	random[510], random[511] = 0x55, 0xaa
	ntfs := make([]byte, 1<<20)
	copy(ntfs[3:], "NTFS    ")
	ntfs[510], ntfs[511] = 0x55, 0xaa
	for name, img := range map[string][]byte{
		"zeros": plain, "random": random, "ntfs": ntfs, "empty": nil, "short": make([]byte, 100),
	} {
		if tables := mustRead(t, img); len(tables) != 0 {
			t.Errorf("%s: %+v", name, tables)
		}
	}
}

func TestBootSectorsOfTools(t *testing.T) {
	for _, c := range [][]string{
		{"mformat", "-C", "-i", "IMG", "-T", "16384", "-h", "16", "-s", "63", "::"},
		{"mformat", "-C", "-F", "-i", "IMG", "-T", "131072", "-h", "16", "-s", "63", "::"},
		{"mkfs.vfat", "-C", "IMG", "8192"},
		{"mkfs.vfat", "-F", "32", "-C", "IMG", "65536"},
	} {
		img := filepath.Join(t.TempDir(), "fat.img")
		run(t, strings.ReplaceAll(strings.Join(c, " "), "IMG", img))
		b, err := os.ReadFile(img)
		if err != nil {
			t.Fatal(err)
		}
		if tables := mustRead(t, b); len(tables) != 0 {
			t.Errorf("%v: %+v", c, tables)
		}
	}
}

func TestUnsane(t *testing.T) {
	img := make([]byte, 8<<20)
	put(img, 0, 0, 0x83, 2048, 2048)
	put(img, 1, 0x17, 0x83, 4096, 2048)
	tab := one(t, img)
	if tab.Valid || len(tab.Entries) != 2 || len(tab.Entries[1].Findings) != 1 {
		t.Errorf("got %+v", tab)
	}
}

func TestSfdisk(t *testing.T) {
	img := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(img, make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "sfdisk --label dos "+img, "label-id: 0x1234abcd\n2048,8M,c,*\n,8M,83\n,,5\n,4M,83\n,4M,82\n,,83\n")
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	tab := one(t, b)
	out, err := exec.Command("sfdisk", "--dump", img).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range tab.Entries {
		line := fmt.Sprintf("%s%d : start=%12d, size=%12d, type=%s", img, e.Number, e.Extent.Offset/512, e.Extent.Length/512,
			strings.TrimPrefix(strings.TrimPrefix(e.Type, "0x"), "0"))
		if !strings.Contains(string(out), line) {
			t.Errorf("sfdisk does not say %q:\n%s", line, out)
		}
	}
	if len(tab.Entries) != 6 || tab.UUID != "1234abcd" || !tab.Valid {
		t.Errorf("got %+v", tab)
	}
}

// run runs a command of the system; without it the test is skipped, or fails where all must be there.
func run(t *testing.T, command string, input ...string) {
	t.Helper()
	args := strings.Fields(command)
	cmd := need.Command(t, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(input, ""))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	whole := chainImage(512)
	img := make([]byte, len(whole))
	for range 500 {
		copy(img, whole)
		for range 1 + r.IntN(20) {
			at := []int{0, 2048, 4096, 6144}[r.IntN(4)]*512 + r.IntN(512)
			img[at] = byte(r.Uint32())
		}
		for _, tab := range mustRead(t, img) {
			for _, e := range tab.Entries {
				if !e.Extent.Valid() {
					t.Fatalf("extent %v", e.Extent)
				}
			}
		}
	}
	// What the damage does not touch stays: the logical partitions in front of a broken record.
	for i := range 200 {
		copy(img, whole)
		for j := range 512 {
			img[6144*512+j] = byte(r.Uint32())
		}
		if tab := mustRead(t, img)[0]; len(tab.Entries) < 4 {
			t.Fatalf("run %d: %+v", i, tab.Entries)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(chainImage(512)[:4097*512])
	img := make([]byte, 4096)
	put(img, 0, 0, 0xee, 1, 0xffffffff)
	f.Add(img)
	put(img, 1, 0, 0x05, 1, 5)
	f.Add(img)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, tab := range mustRead(t, b) {
			if len(tab.Entries) > 4+MaxLogical {
				t.Fatalf("%d entries", len(tab.Entries))
			}
			for _, e := range tab.Entries {
				if !e.Extent.Valid() {
					t.Fatalf("extent %v", e.Extent)
				}
			}
		}
	})
}
