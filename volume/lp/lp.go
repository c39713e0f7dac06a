package lp

import (
	"context"
	"fmt"
	"math"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// Where the copies of the geometry stand, and the first slot behind them.
const (
	firstGeometry = 4096
	otherGeometry = 8192
	firstSlot     = 12288
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{geometryBad, checksum, metadataBad, extentBad, extentElsewhere}

var (
	geometryBad = &finding.Def{Code: "lp.geometry", Severity: finding.Warning,
		Text: "the {copy} geometry of the logical partitions is damaged or gone; the other one, or the usual layout, was taken"}
	checksum = &finding.Def{Code: "lp.checksum", Severity: finding.Error,
		Text: "the {part} of the {copy} logical partitions has a wrong checksum"}
	metadataBad = &finding.Def{Code: "lp.metadata", Severity: finding.Error,
		Text: "the metadata of the {copy} logical partitions is broken: {found}"}
	extentBad = &finding.Def{Code: "lp.extent", Severity: finding.Error,
		Text: "logical partition {name} names extents that cannot be: {found}"}
	extentElsewhere = &finding.Def{Code: "lp.extent.elsewhere", Severity: finding.Error,
		Text: "{found} bytes of logical partition {name} stand on another device ({device})"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name: "lp",
		Probes: []probe.Probe{
			{ID: "lp.geometry", Bytes: []byte{0x67, 0x44, 0x6C, 0x61, geometrySize, 0, 0, 0}, Align: 4096},
			{ID: "lp.metadata", Bytes: []byte{0x30, 0x50, 0x4C, 0x41, 10, 0}, Align: 512},
		},
		Read: read,
	}
}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	// Where a super partition may begin. One that begins elsewhere than the source does is found by its landmarks.
	bases := []int64{0}
	for _, h := range landmarks {
		switch {
		case h.Offset < 0:
		case h.ID == "lp.geometry":
			bases = append(bases, h.Offset-firstGeometry, h.Offset-otherGeometry)
		case h.ID == "lp.metadata":
			bases = append(bases, h.Offset-firstSlot)
		}
	}
	var out []volume.Table
	seen := map[int64]bool{}
	used := map[int64]bool{} // where metadata was read
	for _, base := range bases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if base < 0 || seen[base] || len(out) >= 64 {
			continue
		}
		seen[base] = true
		out = append(out, slots(src, base, used)...)
	}
	return out, ctx.Err()
}

// usual are the layouts that are tried without a geometry.
var usual = []geometry{{size: 65536, slots: 2}, {size: 65536, slots: 3}, {size: 65536, slots: 1}}

// slots reads all metadata of the super partition that begins at base.
func slots(src block.Source, base int64, used map[int64]bool) []volume.Table {
	first, firstErr := readGeometry(src, base+firstGeometry)
	second, secondErr := readGeometry(src, base+otherGeometry)
	var notes []finding.Finding
	var layouts []geometry
	switch {
	case firstErr == nil && first.valid:
		layouts = []geometry{first}
		if secondErr != nil || !second.valid {
			notes = append(notes, geometryBad.New(finding.At(base+otherGeometry, geometrySize), finding.Arg("copy", "second")))
		}
	case secondErr == nil && second.valid:
		layouts = []geometry{second}
		notes = append(notes, geometryBad.New(finding.At(base+firstGeometry, geometrySize), finding.Arg("copy", "first")))
	default:
		layouts = usual
		notes = append(notes, geometryBad.New(finding.At(base+firstGeometry, geometrySize), finding.Arg("copy", "first and the second")))
	}
	var out []volume.Table
	for _, g := range layouts {
		for copy := range int64(2) {
			for slot := range g.slots {
				at := base + firstSlot + (copy*g.slots+slot)*g.size
				if used[at] {
					continue
				}
				b, err := cursor.Read(src, "lp: metadata", at, g.size, maxMetadata)
				if err != nil {
					continue
				}
				name := fmt.Sprintf("slot%d", slot)
				if copy == 1 {
					name += ".backup"
				}
				m, err := parseMetadata(b, at)
				if _, broken := cursor.IsCorrupt(err); broken && len(layouts) == 1 {
					used[at] = true
					out = append(out, volume.Table{Scheme: "lp", Copy: name, Offset: at, SectorSize: sectorSize,
						Findings: []finding.Finding{metadataBad.New(finding.At(at, smallHeader), finding.Arg("copy", name), finding.Expected(nil, err))}})
					continue
				}
				if err != nil {
					continue
				}
				used[at] = true
				t := entries(m, base, at, name)
				t.Findings = append(t.Findings, notes...)
				out = append(out, t)
			}
		}
	}
	return out
}

func readGeometry(src block.Source, at int64) (geometry, error) {
	b, err := cursor.Read(src, "lp: geometry", at, 4096, 4096)
	if err != nil {
		return geometry{}, err
	}
	return parseGeometry(b, at)
}

// entries turns metadata into a table.
func entries(m metadata, base, at int64, name string) volume.Table {
	t := volume.Table{Scheme: "lp", Copy: name, Offset: at, SectorSize: sectorSize, Valid: true}
	for _, c := range []struct {
		part string
		good bool
	}{{"header", m.headerGood}, {"tables", m.tablesGood}} {
		if !c.good {
			t.Valid = false
			t.Findings = append(t.Findings, checksum.New(finding.At(at, smallHeader), finding.Arg("copy", name), finding.Arg("part", c.part)))
		}
	}
	if len(m.devices) > 0 && m.devices[0].size < math.MaxInt64 {
		t.MediaSize = int64(m.devices[0].size)
	}
	for i, p := range m.partitions {
		t.Entries = append(t.Entries, logical(m, p, i+1, base, &t))
	}
	return t
}

// attributes of a partition, by their bits.
var attributes = []string{"read-only", "suffixed by the slot", "changed by an update", "disabled"}

// logical turns a partition into an entry.
func logical(m metadata, p partition, number int, base int64, t *volume.Table) volume.Entry {
	e := volume.Entry{Number: number, Name: p.name, Type: "lp", TypeName: "Android logical partition", Flags: uint64(p.attributes)}
	for bit, text := range attributes {
		if p.attributes>>bit&1 != 0 {
			e.Notes = append(e.Notes, text)
		}
	}
	if p.group >= 0 && p.group < len(m.groups) && m.groups[p.group] != "" {
		e.Notes = append(e.Notes, "group "+m.groups[p.group])
	}
	fault := func(f finding.Finding) {
		e.Findings = append(e.Findings, f)
		t.Valid = false
	}
	if p.first < 0 || p.count < 0 || p.first > len(m.extents) || p.count > len(m.extents)-p.first {
		fault(extentBad.New(finding.At(t.Offset, smallHeader), finding.Arg("name", p.name),
			finding.Expected(nil, fmt.Sprintf("%d from %d of %d", p.count, p.first, len(m.extents)))))
		return e
	}
	at := int64(0)
	other := map[uint32]int64{}
	for _, x := range m.extents[p.first : p.first+p.count] {
		if x.sectors > maxSector || x.at > maxSector || at > maxSector*sectorSize {
			fault(extentBad.New(finding.At(t.Offset, smallHeader), finding.Arg("name", p.name), finding.Expected(nil, fmt.Sprintf("%d sectors at %d", x.sectors, x.at))))
			return e
		}
		r := block.Run{Logical: at, Length: int64(x.sectors) * sectorSize, Kind: block.Zero}
		switch {
		case x.kind == 0 && x.device == 0:
			r.Kind, r.Physical = block.Data, base+int64(x.at)*sectorSize
		case x.kind == 0:
			r.Kind = block.Lost
			other[x.device] += r.Length
		}
		at += r.Length
		if r.Length > 0 {
			e.Runs = append(e.Runs, r)
		}
	}
	for d, n := range other {
		name := "unknown"
		if int64(d) < int64(len(m.devices)) {
			name = strings.ToValidUTF8(m.devices[d].name, "\uFFFD")
		}
		e.Findings = append(e.Findings, extentElsewhere.New(finding.Arg("name", p.name), finding.Arg("device", name), finding.Expected(nil, n)))
	}
	e.Runs = block.Normalize(e.Runs, at)
	if len(e.Runs) > 0 {
		e.Extent = block.Extent{Offset: e.Runs[0].Physical, Length: at}
	}
	if len(e.Runs) == 1 && e.Runs[0].Kind == block.Data {
		e.Runs = nil
	}
	return e
}
