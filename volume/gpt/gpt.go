package gpt

import (
	"context"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/volume"
)

// MaxTables is the largest number of copies that are returned.
const MaxTables = 64

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	headerChecksum, headerPlace, headerBounds, headerMissing, arrayChecksum, arrayUnreadable,
	entryImpossible, entryOutside, impossibleCount, shifted, mediumSmaller, mediumLarger,
}

var (
	headerChecksum = &finding.Def{Code: "gpt.header.checksum", Severity: finding.Error,
		Text: "the {copy} GPT header has a wrong checksum ({found}, expected {expected})"}
	headerPlace = &finding.Def{Code: "gpt.header.place", Severity: finding.Warning,
		Text: "the {copy} GPT header says that it stands in sector {expected}, but it stands in sector {found}"}
	headerBounds = &finding.Def{Code: "gpt.header.bounds", Severity: finding.Error,
		Text: "the {copy} GPT header describes its array of entries with impossible numbers ({found}); the usual ones were taken"}
	headerMissing = &finding.Def{Code: "gpt.header.missing", Severity: finding.Error,
		Text: "the {copy} GPT header is gone; its entries are still there"}
	arrayChecksum = &finding.Def{Code: "gpt.array.checksum", Severity: finding.Error,
		Text: "the entries of the {copy} GPT have a wrong checksum ({found}, expected {expected})"}
	arrayUnreadable = &finding.Def{Code: "gpt.array.unreadable", Severity: finding.Error,
		Text: "{found} of {expected} entries of the {copy} GPT cannot be read"}
	entryImpossible = &finding.Def{Code: "gpt.entry.impossible", Severity: finding.Error,
		Text: "entry {number} of the {copy} GPT names sectors that no partition can have ({found})"}
	impossibleCount = &finding.Def{Code: "gpt.entry.garbage", Severity: finding.Error,
		Text: "{found} entries of the {copy} GPT hold no partition that can be"}
	entryOutside = &finding.Def{Code: "gpt.entry.outside", Severity: finding.Warning,
		Text: "entry {number} of the {copy} GPT lies outside of the usable sectors ({found}, expected {expected})"}
	shifted = &finding.Def{Code: "gpt.shifted", Severity: finding.Warning,
		Text: "this GPT belongs to a disk that begins {found} bytes from the start of this medium"}
	mediumSmaller = &finding.Def{Code: "gpt.medium.smaller", Severity: finding.Warning,
		Text: "the GPT was made for a disk of {expected} bytes; this medium ends after {found}"}
	mediumLarger = &finding.Def{Code: "gpt.medium.larger", Severity: finding.Info,
		Text: "the GPT was made for a disk of {expected} bytes; this medium has {found}"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name:   "gpt",
		Probes: []probe.Probe{{ID: "gpt.header", Bytes: magic, Align: 512}},
		Read:   read,
	}
}

var sectorSizes = []int64{512, 4096}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	size := src.Size()
	places := slices.Clone(sectorSizes) // the primary stands in sector 1
	for _, s := range sectorSizes {
		if end := size - size%s - s; end > 0 {
			places = append(places, end)
		}
	}
	for _, hit := range landmarks {
		if hit.ID == "gpt.header" && hit.Offset >= 0 {
			places = append(places, hit.Offset)
		}
	}

	r := reader{src: src}
	seen := map[int64]bool{}
	for i := 0; i < len(places) && len(r.tables) < MaxTables; i++ {
		at := places[i]
		if seen[at] {
			continue
		}
		seen[at] = true
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if other := r.at(at); other > 0 {
			places = append(places, other)
		}
	}
	if !slices.ContainsFunc(r.tables, func(t volume.Table) bool { return t.Copy == "primary" && len(t.Entries) > 0 }) {
		r.headless("primary", func(s int64) int64 { return 2 * s })
	}
	if !slices.ContainsFunc(r.tables, func(t volume.Table) bool { return len(t.Entries) > 0 }) {
		r.headless("backup", func(s int64) int64 { return size - size%s - s - usualEntries*entrySize })
	}
	slices.SortStableFunc(r.tables, func(a, b volume.Table) int { return rank(a) - rank(b) })
	return r.tables, ctx.Err()
}

func rank(t volume.Table) int {
	if t.Copy == "primary" {
		return 0
	}
	return 1
}

type reader struct {
	src    block.Source
	tables []volume.Table
}

// at reads the copy whose header stands at off, if one does. It returns where the header says that the
// other copy stands, 0 when it does not say so credibly.
func (r *reader) at(off int64) int64 {
	b := make([]byte, maxHeader)
	n, _ := r.src.ReadAt(b[:min(int64(maxHeader), max(r.src.Size()-off, 0))], off)
	h, err := parseHeader(b[:n], off)
	if err != nil {
		return 0
	}
	sector, base := geometry(h, off, r.src.Size())
	t := volume.Table{Scheme: "gpt", Offset: off, SectorSize: sector, UUID: h.disk.String(), Valid: true}
	t.Copy = "backup"
	if h.crcMatch && h.own == 1 || !h.crcMatch && off-base == sector {
		t.Copy = "primary"
	}
	copyArg := finding.Arg("copy", t.Copy)
	where := finding.At(off, headerSize)
	fault := func(f finding.Finding) {
		t.Findings = append(t.Findings, f)
		t.Valid = false
	}
	if !h.crcMatch {
		found := any(fmt.Sprintf("%08x", h.computed))
		if !h.crcRead {
			found = fmt.Sprintf("a header of %d bytes", h.size)
		}
		fault(headerChecksum.New(where, copyArg, finding.Expected(fmt.Sprintf("%08x", h.crc), found)))
	}
	if base != 0 {
		fault(shifted.New(where, copyArg, finding.Expected(0, base)))
	} else if int64(min(h.own, math.MaxInt64)) != off/sector {
		fault(headerPlace.New(where, copyArg, finding.Expected(h.own, off/sector)))
	}

	end := h.own
	if t.Copy == "primary" {
		end = h.other
	}
	if h.crcMatch && end < maxSector {
		t.MediaSize = (int64(end) + 1) * sector
		if base == 0 {
			r.compare(&t)
		}
	}

	r.array(&t, h, base, fault)
	r.tables = append(r.tables, t)
	if h.crcMatch && h.other < maxSector {
		return base + int64(h.other)*sector
	}
	return 0
}

func (r *reader) compare(t *volume.Table) {
	switch size := r.src.Size(); {
	case size < t.MediaSize:
		t.Findings = append(t.Findings, mediumSmaller.New(finding.Expected(t.MediaSize, size)))
	case size-size%t.SectorSize > t.MediaSize:
		t.Findings = append(t.Findings, mediumLarger.New(finding.Expected(t.MediaSize, size)))
	}
}

// geometry says how large a sector is and at which byte of the medium sector 0 stands. A header whose
// checksum fails is not asked: only its place counts then.
func geometry(h header, off, size int64) (sector, base int64) {
	if h.own > 0 && h.own < maxSector {
		for _, s := range sectorSizes {
			if int64(h.own)*s == off {
				return s, 0
			}
		}
	}
	switch {
	case off == 512 || off == size-size%512-512:
		sector = 512
	case off == 4096 || off == size-size%4096-4096:
		sector = 4096
	default:
		sector = 512
		// The space between a header and its array tells the size of a sector apart in most tables made
		// for 4096 bytes: 16 KiB of entries take 4 sectors there, 32 otherwise.
		if d := h.own - h.array; h.own != 1 && d == 4 || h.own == 1 && h.first == 6 {
			sector = 4096
		}
	}
	if h.crcMatch && h.own < maxSector {
		base = off - int64(h.own)*sector
	}
	return sector, base
}

// array reads the entries that h describes.
func (r *reader) array(t *volume.Table, h header, base int64, fault func(finding.Finding)) {
	copyArg := finding.Arg("copy", t.Copy)
	count, each, first := int64(h.count), int64(h.entrySize), int64(min(h.array, maxSector))
	ok := each >= entrySize && each <= maxEntrySize && each%8 == 0 && count > 0 && count*each <= maxArray &&
		first > 0 && first < maxSector
	at := base + first*t.SectorSize
	if ok && (at < 0 || at >= r.src.Size()) {
		ok = false
	}
	if !ok {
		fault(headerBounds.New(finding.At(t.Offset, headerSize), copyArg,
			finding.Expected(nil, fmt.Sprintf("%d entries of %d bytes at sector %d", h.count, h.entrySize, h.array))))
		count, each = usualEntries, entrySize
		at = t.Offset + t.SectorSize
		if t.Copy != "primary" {
			at = t.Offset - usualEntries*entrySize
		}
	}
	if at < 0 {
		return
	}
	b, holes := readArray(r.src, at, count*each)
	bad := false
	switch {
	case !holes.Empty():
		lost := 0
		for i := range count {
			if holes.Overlaps(block.Extent{Offset: i * each, Length: each}) {
				lost++
			}
		}
		fault(arrayUnreadable.New(finding.At(at, count*each), copyArg, finding.Expected(count, lost)))
		bad = true
	case ok:
		if sum := crc32.ChecksumIEEE(b); sum != h.arrayCRC {
			fault(arrayChecksum.New(finding.At(at, count*each), copyArg,
				finding.Expected(fmt.Sprintf("%08x", h.arrayCRC), fmt.Sprintf("%08x", sum))))
			bad = true
		}
	default:
		bad = true
	}
	usable := block.Extent{}
	if h.crcMatch && h.first <= h.last && h.last < maxSector {
		usable = block.Between(int64(h.first), int64(h.last)+1)
	}
	garbage := 0
	for i := range count {
		place := block.Extent{Offset: i * each, Length: each}
		if holes.Overlaps(place) {
			continue
		}
		s, err := parseSlot(b[place.Offset:place.End()], at+place.Offset)
		if err != nil || s.empty() {
			continue
		}
		e, keep := entry(s, int(i)+1, base, t.SectorSize)
		if !keep && bad {
			garbage++
			continue
		}
		where := finding.At(at+place.Offset, each)
		number := finding.Arg("number", e.Number)
		sectors := fmt.Sprintf("%d to %d", s.first, s.last)
		switch {
		case !keep:
			f := entryImpossible.New(where, copyArg, number, finding.Expected(nil, sectors))
			e.Findings = append(e.Findings, f)
			fault(f)
		case usable.Length > 0 && !usable.Contains(block.Between(int64(s.first), int64(s.last)+1)):
			e.Findings = append(e.Findings, entryOutside.New(where, copyArg, number,
				finding.Expected(fmt.Sprintf("%d to %d", h.first, h.last), sectors)))
		}
		t.Entries = append(t.Entries, e)
	}
	if garbage > 0 {
		fault(impossibleCount.New(finding.At(at, count*each), copyArg, finding.Expected(nil, garbage)))
	}
}

// entry turns a slot into an entry; false when its sectors are none that a partition can have, and then its
// extent is empty.
func entry(s slot, number int, base, sector int64) (volume.Entry, bool) {
	e := volume.Entry{
		Number:   number,
		Type:     s.kind.String(),
		TypeName: TypeName(s.kind.String()),
		Name:     s.name,
		UUID:     s.id.String(),
		Active:   s.attributes&4 != 0, // legacy BIOS bootable
		Flags:    s.attributes,
		Notes:    notes(s),
	}
	if !s.possible() {
		return e, false
	}
	e.Extent = block.Between(base+int64(s.first)*sector, base+(int64(s.last)+1)*sector)
	if e.Extent.Offset < 0 {
		e.Extent = block.Extent{}
		return e, false
	}
	return e, true
}

// readArray reads n bytes at off, sector by sector where the whole cannot be read, and returns what of it
// could not be.
func readArray(src block.Source, off, n int64) ([]byte, block.Set) {
	b := make([]byte, n)
	if m, _ := src.ReadAt(b, off); int64(m) == n {
		return b, block.Set{}
	}
	var holes block.Set
	for at := int64(0); at < n; at += 512 {
		part := b[at:min(at+512, n)]
		if m, _ := src.ReadAt(part, off+at); m < len(part) {
			holes.Add(block.Extent{Offset: at, Length: int64(len(part))})
		}
	}
	return b, holes
}

// headless reads arrays of the usual form, at the place that at gives for a size of sector, that have lost
// their header. Since an array that is read from a wrong place shows the same entries under higher numbers,
// the reading that begins with the lowest number is taken.
func (r *reader) headless(copyName string, at func(sector int64) int64) {
	var best *volume.Table
	for _, s := range sectorSizes {
		t := r.headlessArray(s, copyName, at(s))
		if t != nil && (best == nil || t.Entries[0].Number < best.Entries[0].Number) {
			best = t
		}
	}
	if best != nil {
		r.tables = append(r.tables, *best)
	}
}

// headlessArray reads the array at off. Since nothing else confirms it, each entry must be one of a known
// type and none may overlap another.
func (r *reader) headlessArray(sector int64, copyName string, off int64) *volume.Table {
	const n = usualEntries * entrySize
	if off < 0 || off >= r.src.Size() {
		return nil
	}
	b, holes := readArray(r.src, off, n)
	var entries []volume.Entry
	var used block.Set
	for i := range int64(usualEntries) {
		place := block.Extent{Offset: i * entrySize, Length: entrySize}
		if holes.Overlaps(place) {
			continue
		}
		s, err := parseSlot(b[place.Offset:place.End()], off+place.Offset)
		if err != nil || s.empty() {
			continue
		}
		e, ok := entry(s, int(i)+1, 0, sector)
		if !ok || e.TypeName == "" || s.id == (guid{}) || used.Overlaps(e.Extent) || e.Extent.Offset >= r.src.Size() {
			return nil
		}
		used.Add(e.Extent)
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil
	}
	at := off - sector
	if copyName == "backup" {
		at = off + n
	}
	t := &volume.Table{Scheme: "gpt", Copy: copyName, Offset: at, SectorSize: sector, Entries: entries}
	t.Findings = append(t.Findings, headerMissing.New(finding.At(at, headerSize), finding.Arg("copy", copyName)))
	return t
}
