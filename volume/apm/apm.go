package apm

import (
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxEntries is the largest number of entries that are read.
const MaxEntries = 256

const (
	entrySize = 136 // bytes of the fields that are read
	maxCount  = 1 << 16
	mapType   = "Apple_partition_map"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{driverMissing, entryBroken, entryOutside, countDiffers}

var (
	driverMissing = &finding.Def{Code: "apm.driver.missing", Severity: finding.Warning,
		Text: "the first block, which tells that an Apple partition map follows, is damaged or gone; the map itself was found"}
	entryBroken = &finding.Def{Code: "apm.entry.broken", Severity: finding.Error,
		Text: "entry {number} of the Apple partition map is broken: {found}"}
	entryOutside = &finding.Def{Code: "apm.entry.outside", Severity: finding.Warning,
		Text: "entry {number} of the Apple partition map reaches behind the end of the disk that it was made for"}
	countDiffers = &finding.Def{Code: "apm.count", Severity: finding.Error,
		Text: "entry {number} of the Apple partition map says that there are {found} entries, the first one says {expected}"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name:   "apm",
		Probes: []probe.Probe{{ID: "apm.map", Bytes: []byte(mapType + "\x00"), At: 48, Align: 512}},
		Read:   read,
	}
}

var blockSizes = []int64{512, 1024, 2048, 4096}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	driver, _ := parseDriver(head(src, 0, 512))
	type place struct{ at, size int64 }
	var places []place
	for _, size := range blockSizes {
		places = append(places, place{size, size})
	}
	for _, h := range landmarks {
		if h.Offset < 0 {
			continue
		}
		// The map's own entry is usually the first; what stands behind it tells the size of a block.
		for _, size := range blockSizes {
			places = append(places, place{h.Offset, size})
		}
	}
	var out []volume.Table
	seen := map[place]bool{}
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seen[p] || len(out) >= 16 {
			continue
		}
		seen[p] = true
		t, ok := readMap(src, p.at, p.size, driver)
		if ok && !covered(out, t) {
			out = append(out, t)
		}
	}
	return out, ctx.Err()
}

// covered reports whether every entry of t stands in one of the tables already.
func covered(tables []volume.Table, t volume.Table) bool {
	for _, o := range tables {
		if len(o.Entries) >= len(t.Entries) && o.Offset == t.Offset {
			return true
		}
	}
	return false
}

// head returns n bytes at off, nil when they cannot be read.
func head(src block.Source, off, n int64) []byte {
	b, err := cursor.Read(src, "apm: block", off, n, 4096)
	if err != nil {
		return nil
	}
	return b
}

// driver is the record in block 0.
type driver struct {
	blockSize int64
	blocks    int64
}

// parseDriver decodes block 0. Bytes without its signature are [cursor.ErrNot].
func parseDriver(b []byte) (driver, error) {
	c := cursor.New("apm: driver record", 0, b)
	if c.Uint16BE() != 0x4552 || c.Err() != nil {
		return driver{}, cursor.ErrNot
	}
	d := driver{blockSize: int64(c.Uint16BE()), blocks: int64(c.Uint32BE())}
	if d.blockSize < 512 || d.blockSize > 4096 || d.blockSize%512 != 0 {
		return driver{}, cursor.Corrupt("apm: driver record", 2, "a block of 512 to 4096 bytes", d.blockSize)
	}
	return d, c.Err()
}

// slot is an entry of the map as it stands.
type slot struct {
	count, first, blocks uint32
	name, kind           string
	status               uint32
}

// parseSlot decodes the entry that stands at base. Bytes without its signature are [cursor.ErrNot].
func parseSlot(b []byte, base int64) (slot, error) {
	var s slot
	c := cursor.New("apm: entry", base, b)
	if c.Uint16BE() != 0x504D {
		return s, cursor.ErrNot
	}
	c.Skip(2)
	s.count, s.first, s.blocks = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	s.name, s.kind = c.String(32), c.String(32)
	c.Skip(8)
	s.status = c.Uint32BE()
	if c.Err() != nil {
		return s, c.Err()
	}
	if s.count == 0 || s.count > maxCount || s.first == 0 || s.kind == "" {
		return s, cursor.Corrupt("apm: entry", base, "a type and sensible numbers", fmt.Sprintf("type %q, block %d of %d", s.kind, s.first, s.count))
	}
	return s, nil
}

// readMap reads the map whose first entry stands at at, with blocks of size bytes.
func readMap(src block.Source, at, size int64, d driver) (volume.Table, bool) {
	t := volume.Table{Scheme: "apm", Offset: at, SectorSize: size, Valid: true}
	base := at - size // where block 0 stands
	first, err := parseSlot(head(src, at, entrySize), at)
	if err != nil {
		return t, false
	}
	own := false
	broken := 0
	for i := range int64(min(first.count, MaxEntries)) {
		off := at + i*size
		s, err := parseSlot(head(src, off, entrySize), off)
		number := finding.Arg("number", i+1)
		if err != nil {
			if errors.Is(err, cursor.ErrNot) {
				err = errors.New("its signature is missing")
			}
			t.Valid = false
			if broken++; broken <= 8 {
				t.Findings = append(t.Findings, entryBroken.New(finding.At(off, entrySize), number, finding.Expected(nil, err)))
			}
			continue
		}
		if s.count != first.count {
			t.Valid = false
			t.Findings = append(t.Findings, countDiffers.New(finding.At(off, entrySize), number, finding.Expected(first.count, s.count)))
		}
		if s.kind == "Apple_Free" || s.kind == "Apple_Void" {
			continue // what is not used has entries too
		}
		e := entry(s, int(i)+1, base, size)
		if d.blocks > 0 && d.blockSize == size && int64(s.first)+int64(s.blocks) > d.blocks {
			e.Findings = append(e.Findings, entryOutside.New(finding.At(off, entrySize), number))
		}
		own = own || s.kind == mapType && e.Extent.Contains(block.Extent{Offset: at, Length: entrySize})
		t.Entries = append(t.Entries, e)
	}
	// An entry of the map for itself that covers this place proves the size of a block; without it, or when more
	// entries are lost than there, it is another reading of the same bytes.
	if !own && (len(t.Entries) < 2 || broken > 0) || broken > len(t.Entries) {
		return t, false
	}
	t.Valid = t.Valid && own
	if base != 0 || d.blockSize == 0 {
		t.Valid = false
		t.Findings = append(t.Findings, driverMissing.New(finding.At(max(base, 0), size)))
	}
	if d.blocks > 0 && base == 0 {
		t.MediaSize = d.blocks * d.blockSize
	}
	return t, true
}

// entry turns a slot into an entry. Blocks of 4 KiB times 32 bits stay far below the limit of int64.
func entry(s slot, number int, base, size int64) volume.Entry {
	e := volume.Entry{
		Number: number, Extent: block.Extent{Offset: base + int64(s.first)*size, Length: int64(s.blocks) * size},
		Type: s.kind, TypeName: typeNames[s.kind], Name: s.name, Flags: uint64(s.status),
	}
	e.Container = s.kind == mapType
	return e
}

// typeNames are the types that Apple documents.
var typeNames = map[string]string{
	mapType: "Apple partition map", "Apple_HFS": "Apple HFS or HFS+",
	"Apple_HFSX": "Apple HFSX", "Apple_UFS": "Apple UFS", "Apple_Boot": "Apple boot", "Apple_Bootstrap": "New World boot",
	"Apple_Driver": "driver", "Apple_Driver43": "driver", "Apple_Driver_ATA": "driver", "Apple_Driver_ATAPI": "driver",
	"Apple_Driver_IOKit": "driver", "Apple_Driver_OpenFirmware": "driver", "Apple_FWDriver": "driver", "Apple_Patches": "patches",
	"Apple_UNIX_SVR2": "Unix", "Apple_PRODOS": "ProDOS", "Apple_Scratch": "scratch", "Apple_RAID": "Apple RAID",
	"DOS_FAT_12": "FAT12", "DOS_FAT_16": "FAT16", "DOS_FAT_32": "FAT32", "Windows_NTFS": "NTFS", "CD_ROM_Mode_1": "disc session",
}
