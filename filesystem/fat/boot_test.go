package fat

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
	"salvor/filesystem"
)

func TestBootSectorsOfTools(t *testing.T) {
	for _, tt := range []struct {
		image      string
		width      int
		sector     int64
		cluster    int64
		clusters   uint32
		rootSlots  int64
		fatSectors int64
	}{
		{"floppy12.img.gz", 12, 512, 512, 2847, 224, 9},
		{"fat16.img.gz", 16, 512, 1024, 6103, 512, 24},
		{"sector4096.img.gz", 16, 4096, 4096, 5109, 512, 3},
		{"dfir_ntfs/fat_unusual_cluster.raw.gz", 12, 4096, 524288, 31, 512, 1},
		{"dfir_ntfs/fat32_small.raw.gz", 32, 2048, 65536, 254, 0, 1},
	} {
		b, err := parseBoot(readImage(t, tt.image)[:bootSize], 0)
		if err != nil {
			t.Errorf("%s: %v", tt.image, err)
			continue
		}
		if b.width != tt.width || b.sectorSize != tt.sector || b.clusterSize() != tt.cluster || b.clusters != tt.clusters ||
			b.rootSlots != tt.rootSlots || b.fatSectors != tt.fatSectors {
			t.Errorf("%s: %+v", tt.image, b)
		}
	}
}

func TestClusterCountDecides(t *testing.T) {
	for _, tt := range []struct{ sectors, reserved, width int }{
		{4084, 1, 12}, {4085, 1, 16}, {65524, 1, 16},
	} {
		p := make([]byte, bootSize)
		copy(p, format(t, 12, 100, 1).p)
		fat := 256
		binary.LittleEndian.PutUint16(p[22:], uint16(fat))
		binary.LittleEndian.PutUint32(p[32:], uint32(tt.sectors+1+2*fat+32))
		b, err := parseBoot(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		if b.width != tt.width || int(b.clusters) != tt.sectors {
			t.Errorf("%d clusters: FAT%d with %d", tt.sectors, b.width, b.clusters)
		}
	}
}

func TestBootSectorRules(t *testing.T) {
	put8 := func(at int, v byte) func([]byte) { return func(p []byte) { p[at] = v } }
	put16 := func(at int, v uint16) func([]byte) {
		return func(p []byte) { binary.LittleEndian.PutUint16(p[at:], v) }
	}
	put32 := func(at int, v uint32) func([]byte) {
		return func(p []byte) { binary.LittleEndian.PutUint32(p[at:], v) }
	}
	for _, tt := range []struct {
		name   string
		change func([]byte)
		field  string // "" when the sector still passes
	}{
		{"as it is", func([]byte) {}, ""},
		{"no heads", put16(26, 0), ""},
		{"no tracks", put16(24, 0), ""},
		{"odd geometry", put32(24, 0xFFFFFFFF), ""},
		{"media f0", put8(21, 0xF0), ""},
		{"media f7", put8(21, 0xF7), "media"},
		{"media 00", put8(21, 0), "media"},
		{"sector 256", put16(11, 256), "sector size"},
		{"sector 8192", put16(11, 8192), "sector size"},
		{"sector 513", put16(11, 513), "sector size"},
		{"cluster 0", put8(13, 0), "sectors of a cluster"},
		{"cluster 3", put8(13, 3), "sectors of a cluster"},
		{"reserved 0", put16(14, 0), "reserved sectors"},
		{"no FAT", put8(16, 0), "number of FATs"},
		{"one FAT", put8(16, 1), ""},
		{"five FATs", put8(16, 5), "number of FATs"},
		{"no root", put16(17, 0), "entries of the root directory"},
		{"no sectors", put32(32, 0), "sectors"},
		{"fewer sectors than tables", put32(32, 20), "sectors"},
		{"too many clusters for 16 bits", put32(32, 200000), "clusters"},
		{"no jump, but typed", put8(0, 0), ""},
		{"serial without label", put8(38, 0x28), ""},
	} {
		p := append([]byte(nil), format(t, 16, 5000, 1).p[:bootSize]...)
		tt.change(p)
		_, err := parseBoot(p, 0x1000)
		if tt.field == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		c, ok := cursor.IsCorrupt(err)
		if !ok || c.Structure != "fat: boot sector: "+tt.field || c.Offset < 0x1000 {
			t.Errorf("%s: %v, expected a complaint about the %s", tt.name, err, tt.field)
		}
		p[510] = 0
		if _, err := parseBoot(p, 0); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s: without a signature: %v", tt.name, err)
		}
	}
}

func TestNotFAT(t *testing.T) {
	ntfs := append([]byte(nil), format(t, 16, 5000, 1).p[:bootSize]...)
	copy(ntfs[3:], "NTFS    ")
	text := []byte(strings.Repeat("just some text, and more of it. ", 4000))
	for name, p := range map[string][]byte{
		"ntfs": ntfs, "short": ntfs[:100], "empty": {}, "zeros": make([]byte, 1<<20), "text": text,
	} {
		if _, err := Open(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A boot sector alone, without its type, is no volume when no FAT stands where it says.
	m := format(t, 16, 5000, 1)
	copy(m.p[54:], "        ")
	m.set(0, 0)
	if _, err := Open(context.Background(), block.Bytes(m.p)); !errors.Is(err, cursor.ErrNot) {
		t.Errorf("no FAT: %v", err)
	}
}

func TestWithoutSignature(t *testing.T) {
	m := format(t, 12, 2000, 1)
	m.p[510], m.p[511] = 0, 0
	clear(m.p[38:62]) // as DOS 2 wrote it: no serial, no label, no type
	v := mustOpen(t, m.p)
	if got := volumeCodes(v); got != "boot.signature" || v.Info().UUID != "" {
		t.Errorf("findings %q, UUID %q", got, v.Info().UUID)
	}
	if c, err := locateAt(t, m.p, 0); len(c) != 0 || err != nil {
		t.Errorf("located as %v, %v", c, err)
	}
}

func TestBackupBootSector(t *testing.T) {
	truth := readImage(t, "fat32.img.gz")
	want, _ := files(t, mustOpen(t, truth))
	for _, tt := range []struct {
		name   string
		damage func([]byte)
		codes  string
	}{
		{"wiped", func(p []byte) { clear(p[:512]) }, "boot.backup-used"},
		{"text", func(p []byte) { copy(p, strings.Repeat("overwritten ", 40)) }, "boot.backup-used"},
		{"another volume's", func(p []byte) { binary.LittleEndian.PutUint16(p[14:], 64) }, "boot.backup-used"},
		{"backup wiped", func(p []byte) { clear(p[6*512 : 7*512]) }, "boot.backup-differs"},
		{"info wiped", func(p []byte) { clear(p[512:1024]) }, "info"},
		{"dirty", func(p []byte) { p[0x41] = 1 }, "volume.dirty"},
		{"dirty in the FAT", func(p []byte) { p[32*512+7] = 0x07 }, "volume.dirty"},
		{"errors in the FAT", func(p []byte) { p[32*512+7] = 0x0B }, "volume.io-errors"},
		{"root gone astray", func(p []byte) {
			for _, at := range []int{44, 6*512 + 44} {
				binary.LittleEndian.PutUint32(p[at:], 0x0FFFFFF0)
			}
		}, "boot.root"},
	} {
		p := append([]byte(nil), truth...)
		tt.damage(p)
		v := mustOpen(t, p)
		if got := volumeCodes(v); got != tt.codes {
			t.Errorf("%s: findings %q, expected %q", tt.name, got, tt.codes)
		}
		wantState := filesystem.Clean
		switch tt.codes {
		case "boot.backup-used", "boot.root":
			wantState = filesystem.Damaged
		case "volume.dirty":
			wantState = filesystem.Dirty
		}
		if got := v.Info().State; got != wantState {
			t.Errorf("%s: %v, expected %v", tt.name, got, wantState)
		}
		got, errs := files(t, v)
		if len(got) != len(want) || len(errs) > 0 {
			t.Errorf("%s: %d files, expected %d; errors %v", tt.name, len(got), len(want), errs)
		}
	}
	bad := blocktest.Faulty(block.Bytes(truth), blocktest.Bad(block.Extent{Length: 512}))
	if v, err := Open(context.Background(), bad); err != nil {
		t.Errorf("unreadable boot sector: %v", err)
	} else if got := volumeCodes(v); got != "boot.backup-used" {
		t.Errorf("unreadable boot sector: findings %q", got)
	}
	worse := blocktest.Faulty(block.Bytes(truth), blocktest.Bad(block.Extent{Length: 8192}))
	if v, err := Open(context.Background(), worse); err != nil || !strings.HasPrefix(volumeCodes(v), "boot.implied") {
		t.Errorf("both boot sectors unreadable: %v", err)
	}
}

func TestUnmirroredFAT(t *testing.T) {
	m := format(t, 32, 70000, 1)
	m.chain(5, 6)
	m.slot(0, 0, "A       TXT", 0x20, 5, 1000)
	for i := range 100 {
		m.setIn(0, uint32(i), 0x0BADBAD0)
	}
	for _, at := range []int64{40, 6*512 + 40} {
		m.p[at] = 0x81 // only FAT 2 is in use
	}
	v := mustOpen(t, m.p)
	if got := volumeCodes(v); got != "table.unmirrored" {
		t.Errorf("findings %q", got)
	}
	got, errs := files(t, v)
	f := got["live A.TXT"]
	if len(errs) > 0 || f == nil || !f.Sound || len(f.Streams[0].Runs) != 1 {
		t.Errorf("%+v, %v", f, errs)
	}
}
