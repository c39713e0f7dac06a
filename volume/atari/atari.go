package atari

import (
	"context"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxLinks is the largest number of extended root sectors that are read.
const MaxLinks = 64

const (
	sectorSize = 512
	extended   = "XGM"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{chainBroken}

var chainBroken = &finding.Def{Code: "atari.extended.broken", Severity: finding.Error,
	Text: "the chain of extended partitions breaks at {offset}: {found}"}

// Scheme returns the row for the table of schemes. It has no probes, since nothing fixed stands in a root sector.
func Scheme() volume.Scheme { return volume.Scheme{Name: "atari", Read: read} }

// kinds are the identifiers that are in use.
var kinds = map[string]string{
	"GEM": "GEMDOS up to 16 MiB", "BGM": "GEMDOS above 16 MiB", extended: "extended", "RAW": "raw", "LNX": "Linux",
	"SWP": "swap", "MIX": "Minix", "MAC": "Macintosh", "UNX": "System V", "F32": "FAT32", "QWA": "QL", "CPM": "CP/M",
}

func read(ctx context.Context, src block.Source, _ []probe.Hit) ([]volume.Table, error) {
	size := src.Size() / sectorSize
	root, err := readSector(src, 0)
	if err != nil {
		return nil, ctx.Err()
	}
	// A number of sectors that is far from the medium's own is no number of sectors.
	if root.sectors < size/2 || root.sectors > size {
		return nil, ctx.Err()
	}
	all := root.slots
	if !sane(root.slots, root.sectors) {
		return nil, ctx.Err()
	}
	if icd := slices.DeleteFunc(slices.Clone(root.icd), func(s slot) bool { return s.id == extended }); sane(slices.Concat(all, icd), root.sectors) && len(icd) > 0 {
		all = slices.Concat(all, icd)
	}
	t := volume.Table{Scheme: "atari", SectorSize: sectorSize, Valid: true, MediaSize: root.sectors * sectorSize}
	number := 0
	add := func(s slot, base int64) {
		number++
		t.Entries = append(t.Entries, volume.Entry{
			Number: number, Type: s.id, TypeName: kinds[s.id], Active: s.flags&0x80 != 0, Container: s.id == extended,
			Extent: block.Extent{Offset: (base + s.first) * sectorSize, Length: s.count * sectorSize},
		})
	}
	for _, s := range all {
		add(s, 0)
		if s.id == extended {
			if err := walk(ctx, src, s, &t, add); err != nil {
				return nil, err
			}
		}
	}
	return []volume.Table{t}, ctx.Err()
}

// walk reads the chain of root sectors that an extended entry leads to.
func walk(ctx context.Context, src block.Source, ext slot, t *volume.Table, add func(slot, int64)) error {
	seen := cursor.NewVisited(MaxLinks)
	at := ext.first
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		broken := func(why any) {
			t.Valid = false
			t.Findings = append(t.Findings, chainBroken.New(finding.At(at*sectorSize, sectorSize), finding.Expected(nil, why)))
		}
		if !seen.Enter(at) {
			broken("it leads back, or is too long")
			return nil
		}
		r, err := readSector(src, at)
		if err != nil {
			broken(err)
			return nil
		}
		next := int64(-1)
		found := false
		for _, s := range r.slots {
			switch {
			case kinds[s.id] == "" || s.count == 0 || s.first <= 0:
			case s.id == extended:
				next = ext.first + s.first
			default:
				add(s, at)
				found = true
			}
		}
		if !found {
			broken("no root sector stands there")
			return nil
		}
		if next < 0 {
			return nil
		}
		at = next
	}
}

// slot is an entry as it stands; its numbers count sectors.
type slot struct {
	flags        byte
	id           string
	first, count int64
}

type sector struct {
	sectors    int64
	slots, icd []slot
}

func readSector(src block.Source, at int64) (sector, error) {
	b, err := cursor.Read(src, "atari: root sector", at*sectorSize, sectorSize, sectorSize)
	if err != nil {
		return sector{}, err
	}
	return parseSector(b, at*sectorSize)
}

// parseSector decodes a root sector, with the entries that exist only.
func parseSector(b []byte, base int64) (sector, error) {
	var s sector
	c := cursor.New("atari: root sector", base, b)
	c.Seek(0x156)
	s.icd = parseSlots(c, 8)
	c.Seek(0x1c2)
	s.sectors = int64(c.Uint32BE())
	s.slots = parseSlots(c, 4)
	return s, c.Err()
}

func parseSlots(c *cursor.Cursor, n int) []slot {
	var out []slot
	for range n {
		s := slot{flags: c.Uint8(), id: string(c.Bytes(3)), first: int64(c.Uint32BE()), count: int64(c.Uint32BE())}
		if s.flags&1 != 0 {
			out = append(out, s)
		}
	}
	return out
}

// sane reports whether slots can be those of a disk of so many sectors.
func sane(slots []slot, sectors int64) bool {
	var used block.Set
	for _, s := range slots {
		e := block.Extent{Offset: s.first, Length: s.count}
		if kinds[s.id] == "" || s.flags&0x7e != 0 || s.first < 1 || s.count < 1 || e.End() > sectors || used.Overlaps(e) {
			return false
		}
		used.Add(e)
	}
	return len(slots) > 0
}
