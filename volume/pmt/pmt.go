package pmt

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxEntries is the largest number of partitions of a table.
const MaxEntries = 128

const (
	slotSize = 96
	nameSize = 64
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{unchecked, outside}

var (
	unchecked = &finding.Def{Code: "pmt.unchecked", Severity: finding.Info,
		Text: "this partition table of MediaTek has no checksum, and no second copy agrees with it"}
	outside = &finding.Def{Code: "pmt.outside", Severity: finding.Warning,
		Text: "partition {name} reaches behind the end of the medium"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name: "pmt",
		Probes: []probe.Probe{
			{ID: "pmt.table", Bytes: []byte("3vTP"), Align: 512},
			{ID: "pmt.mirror", Bytes: []byte("3TPM"), Align: 512},
			{ID: "pmt.old", Bytes: []byte("2vTP"), Align: 512},
		},
		Read: read,
	}
}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	var out []volume.Table
	for _, h := range landmarks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if h.Offset < 0 || len(out) >= 32 {
			continue
		}
		n := min(src.Size()-h.Offset, 8+MaxEntries*slotSize)
		b, err := cursor.Read(src, "pmt: table", h.Offset, n, 8+MaxEntries*slotSize)
		if err != nil {
			continue
		}
		t, err := parseTable(b, h.Offset, src.Size())
		if err != nil {
			continue
		}
		if h.ID == "pmt.mirror" {
			t.Copy = "backup"
		}
		out = append(out, t)
	}
	for i := range out {
		out[i].Valid = slices.ContainsFunc(out, func(o volume.Table) bool { return o.Offset != out[i].Offset && alike(o, out[i]) })
		if !out[i].Valid {
			out[i].Findings = append(out[i].Findings, unchecked.New(finding.At(out[i].Offset, 8)))
		}
	}
	slices.SortStableFunc(out, func(a, b volume.Table) int { return len(a.Copy) - len(b.Copy) })
	return out, ctx.Err()
}

// alike reports whether two tables name the same partitions.
func alike(a, b volume.Table) bool {
	return slices.EqualFunc(a.Entries, b.Entries, func(x, y volume.Entry) bool { return x.Name == y.Name && x.Extent == y.Extent })
}

// parseTable decodes the table that stands at base of a medium of that size. Its entries begin 4 or 8 bytes behind
// the signature, as the first name tells.
func parseTable(b []byte, base, medium int64) (volume.Table, error) {
	if len(b) < 8+slotSize {
		return volume.Table{}, cursor.ErrNot
	}
	head := 4
	if !nameByte(b[4]) || b[5] == 0 {
		head = 8
	}
	t := volume.Table{Scheme: "pmt", Offset: base, SectorSize: 512}
	var used block.Set
	c := cursor.New("pmt: table", base, b)
	c.Skip(head)
	for number := 1; number <= MaxEntries && c.Len() >= slotSize; number++ {
		at := c.Offset()
		name := c.String(nameSize)
		size, region, start, flags := c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()
		if name == "" {
			break
		}
		e := block.Extent{Offset: int64(start), Length: int64(size)}
		if !printable(name) || start > 1<<50 || size > 1<<50 || e.Offset%512 != 0 || e.Offset >= medium || e.Length > 0 && used.Overlaps(e) {
			return t, cursor.Corrupt("pmt: table", at, "a partition on the medium", fmt.Sprintf("%q at %d", name, start))
		}
		if e.Length == 0 { // the last one takes the rest
			e.Length = medium - e.Offset
		}
		used.Add(e)
		entry := volume.Entry{Number: number, Name: name, Type: fmt.Sprintf("0x%x", region), TypeName: "MediaTek partition", Extent: e, Flags: flags}
		if e.End() > medium {
			entry.Findings = append(entry.Findings, outside.New(finding.At(at, slotSize), finding.Arg("name", name)))
		}
		t.Entries = append(t.Entries, entry)
	}
	if len(t.Entries) < 2 {
		return t, cursor.ErrNot
	}
	return t, c.Err()
}

func nameByte(c byte) bool { return c > ' ' && c < 0x7f }

func printable(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return !nameByte(c) })
}
