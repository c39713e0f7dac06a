package mbr

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

// MaxLogical is the largest number of logical partitions that are read.
const MaxLogical = 256

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{protective, hybrid, chainBroken, chainLoop, chainLong, status, outside, ambiguous, bootSector}

var (
	protective = &finding.Def{Code: "mbr.protective", Severity: finding.Info,
		Text: "the MBR only protects a GPT; it names no partition itself"}
	hybrid = &finding.Def{Code: "mbr.hybrid", Severity: finding.Warning,
		Text: "the MBR protects a GPT and names partitions as well (a hybrid); the two can contradict each other"}
	chainBroken = &finding.Def{Code: "mbr.extended.broken", Severity: finding.Error,
		Text: "the chain of logical partitions breaks at {offset}: {found}; partitions behind it are not named any more"}
	chainLoop = &finding.Def{Code: "mbr.extended.loop", Severity: finding.Error,
		Text: "the chain of logical partitions leads back to {offset}"}
	chainLong = &finding.Def{Code: "mbr.extended.long", Severity: finding.Error,
		Text: "the chain of logical partitions has more than {expected} links"}
	status = &finding.Def{Code: "mbr.entry.status", Severity: finding.Warning,
		Text: "partition {number} has the status {found}, expected {expected}"}
	outside = &finding.Def{Code: "mbr.entry.outside", Severity: finding.Error,
		Text: "logical partition {number} reaches out of its extended partition"}
	ambiguous = &finding.Def{Code: "mbr.sector", Severity: finding.Info,
		Text: "the MBR does not say how large a sector is; this reading takes {found} bytes"}
	bootSector = &finding.Def{Code: "mbr.bootsector", Severity: finding.Warning,
		Text: "the first sector reads as the boot sector of a volume and as an MBR"}
)

// Scheme returns the row for the table of schemes. It has no probes: 55 AA at the end of a sector is too
// common to lead anywhere, and what a lost extended partition held is found by its file systems.
func Scheme() volume.Scheme { return volume.Scheme{Name: "mbr", Read: read} }

func read(ctx context.Context, src block.Source, _ []probe.Hit) ([]volume.Table, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := cursor.Read(src, "mbr: record", 0, recordSize, recordSize)
	if err != nil {
		return nil, ctx.Err()
	}
	r, err := parseRecord(b, 0)
	if err != nil {
		return nil, nil
	}
	used, bad := 0, 0
	for _, s := range r.slots {
		if s.empty() {
			continue
		}
		used++
		// A protective entry in a file of a wrong size may have odd numbers and is still one.
		if !s.sane() && s.kind != typeProtective {
			bad++
		}
	}
	boot := isBootSector(b)
	if boot && (used == 0 || bad > 0 || !fits(r, src.Size(), 512)) {
		return nil, nil
	}
	if used > 0 && bad == used || used == 0 && anyStatus(r) {
		return nil, nil
	}

	sizes := sectorSizes(src, r)
	var out []volume.Table
	for _, size := range sizes {
		t, err := table(ctx, src, r, size)
		if err != nil {
			return nil, err
		}
		if bad > 0 || boot {
			t.Valid = false
		}
		if boot {
			t.Findings = append(t.Findings, bootSector.New(finding.At(0, recordSize)))
		}
		if len(sizes) > 1 {
			t.Findings = append(t.Findings, ambiguous.New(finding.At(0, recordSize), finding.Expected(nil, size)))
		}
		out = append(out, t)
	}
	return out, nil
}

// anyStatus reports whether a slot without a partition has a status that no program writes there.
func anyStatus(r record) bool {
	for _, s := range r.slots {
		if s.status != 0 && s.status != 0x80 {
			return true
		}
	}
	return false
}

// table reads the table by one size of sector.
func table(ctx context.Context, src block.Source, r record, sector int64) (volume.Table, error) {
	t := volume.Table{Scheme: "mbr", SectorSize: sector, Valid: true}
	if r.disk != 0 {
		t.UUID = fmt.Sprintf("%08x", r.disk)
	}
	guards, others := 0, 0
	for _, s := range r.slots {
		switch {
		case s.empty():
		case s.kind == typeProtective:
			guards++
		default:
			others++
		}
	}
	switch {
	case guards > 0 && others > 0:
		t.Findings = append(t.Findings, hybrid.New(finding.At(0, recordSize)))
	case guards > 0:
		t.Findings = append(t.Findings, protective.New(finding.At(0, recordSize)))
		return t, nil
	}

	chain := &chain{src: src, sector: sector, table: &t, seen: cursor.NewVisited(MaxLogical)}
	for i, s := range r.slots {
		if s.empty() || s.kind == typeProtective {
			continue
		}
		e := entry(t.UUID, i+1, s, 0, sector)
		if s.status != 0 && s.status != 0x80 {
			e.Findings = append(e.Findings, badStatus(i+1, int64(entriesAt+16*i), s.status))
		}
		t.Entries = append(t.Entries, e)
	}
	for _, e := range t.Entries {
		if e.Container {
			if err := chain.walk(ctx, e.Extent); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

func badStatus(number int, at int64, found byte) finding.Finding {
	return status.New(finding.At(at, 16), finding.Arg("number", number),
		finding.Expected("0x00 or 0x80", fmt.Sprintf("0x%02x", found)))
}

// entry turns a slot whose first sector counts from base into an entry. 32-bit numbers times 4096, twice,
// stay far below the limit of int64.
func entry(disk string, number int, s slot, base, sector int64) volume.Entry {
	e := volume.Entry{
		Number:    number,
		Extent:    block.Extent{Offset: base + int64(s.first)*sector, Length: int64(s.size) * sector},
		Type:      typeCode(s.kind),
		TypeName:  typeNames[s.kind],
		Active:    s.status == 0x80,
		Container: isExtended(s.kind),
	}
	if disk != "" {
		e.UUID = fmt.Sprintf("%s-%02x", disk, number)
	}
	return e
}

// chain walks over the records of extended partitions.
type chain struct {
	src    block.Source
	sector int64
	table  *volume.Table
	seen   *cursor.Visited
	count  int // logical partitions so far
	links  int
}

func (c *chain) add(f finding.Finding) {
	c.table.Findings = append(c.table.Findings, f)
	c.table.Valid = false
}

func (c *chain) walk(ctx context.Context, extended block.Extent) error {
	at := extended.Offset
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.links >= MaxLogical {
			c.add(chainLong.New(finding.At(at, recordSize), finding.Expected(MaxLogical, nil)))
			return nil
		}
		if !c.seen.Enter(at) {
			c.add(chainLoop.New(finding.At(at, recordSize)))
			return nil
		}
		c.links++
		b, err := cursor.Read(c.src, "mbr: extended record", at, recordSize, recordSize)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.add(chainBroken.New(finding.At(at, recordSize), finding.Expected("a record", err)))
			return nil
		}
		r, err := parseRecord(b, at)
		if errors.Is(err, cursor.ErrNot) || err == nil && isBootSector(b) {
			c.add(chainBroken.New(finding.At(at, recordSize), finding.Expected("a record", "no record stands there")))
			return nil
		}
		if err != nil {
			c.add(chainBroken.New(finding.At(at, recordSize), finding.Expected("a record", err)))
			return nil
		}
		next := int64(-1)
		for i, s := range r.slots {
			switch {
			case s.empty() || s.size == 0:
			case isExtended(s.kind):
				if next < 0 {
					next = extended.Offset + int64(s.first)*c.sector
				}
			case s.status != 0 && s.status != 0x80:
				c.add(badStatus(5+c.count, at+int64(entriesAt+16*i), s.status))
			default:
				c.logical(extended, s, at)
			}
		}
		if next < 0 {
			return nil
		}
		at = next
	}
}

func (c *chain) logical(extended block.Extent, s slot, at int64) {
	if c.count >= MaxLogical {
		return
	}
	number := 5 + c.count
	c.count++
	e := entry(c.table.UUID, number, s, at, c.sector)
	if !extended.Contains(e.Extent) {
		e.Findings = append(e.Findings, outside.New(finding.At(e.Extent.Offset, e.Extent.Length),
			finding.Arg("number", number), finding.Expected(extended, e.Extent)))
	}
	c.table.Entries = append(c.table.Entries, e)
}
