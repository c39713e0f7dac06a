package ewf

import (
	"context"
	"errors"
	"fmt"
	"hash/adler32"
	"sort"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/finding"
)

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "ewf", Title: "EnCase image (E01)", Extensions: []string{".e01", ".s01", ".ex01", ".l01", ".lx01"},
		Signatures: []probe.Probe{
			{ID: "ewf.segment", Bytes: signature1}, {ID: "ewf.logical", Bytes: signatureLogical},
			{ID: "ewf.version2", Bytes: signature2}, {ID: "ewf.logical2", Bytes: signatureLogic2}, {ID: "ewf.locked", Bytes: signatureLocked},
		},
		Open: Open,
	}
}

// entriesKept is how many entries of tables stay in memory.
const entriesKept = 2 << 20

// maxGap is how many segments may be missing in a row before no further one is looked for.
const maxGap = 32

// image is the disk in the segments.
type image struct {
	volume
	tables  []*table // in the order of the disk, apart
	inflate mapped.Inflater
	raw     *mapped.Disk // with the zeros that stand for bad sectors
	loaded  *mapped.Cache[*table, entries]
}

// Open opens the image of which src is a segment.
func Open(ctx context.Context, src block.Source, name string, open container.Opener) (*container.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := number(src)
	if err != nil {
		return nil, err
	}
	segments, findings, err := openSegments(ctx, src, name, n, open)
	if err != nil {
		return nil, err
	}
	im := &image{loaded: mapped.NewCache[*table, entries](entriesKept)}
	out := &container.Image{Format: "ewf"}
	var bad block.Set
	known := false
	for _, s := range segments {
		if s.src == nil {
			continue
		}
		out.Files = append(out.Files, s.name)
		bad = bad.Union(s.bad)
		if s.volume != nil && !known {
			im.volume, known = *s.volume, true
		}
		if len(out.Sums) == 0 {
			out.Sums = s.sums
		}
	}
	if !known {
		return nil, cursor.Corrupt("ewf", -1, "a volume or data section", "none that is whole")
	}
	lost := im.place(segments)
	for e := range lost.All() {
		findings = append(findings, segmentLost.New(finding.At(e.Offset, e.Length), finding.Arg("count", e.Length)))
	}
	if last := segments[len(segments)-1]; !last.done {
		findings = append(findings, noEnd.New())
	}
	bad = bad.Intersect(block.SetOf(block.Extent{Length: im.size()}))
	if !bad.Empty() {
		findings = append(findings, badSectors.New(finding.Arg("count", bad.Bytes()/im.sectorSize), finding.Arg("ranges", bad.Count()), finding.Arg("first", bad.Extents()[0].Offset)))
	}
	im.raw = mapped.New(im.size(), im)
	var unreadable []block.Unreadable
	for e := range bad.All() {
		unreadable = append(unreadable, block.Unreadable{Extent: e, Why: block.Bad, Err: errWhenMade})
	}
	out.Source, out.SectorSize, out.Findings = mapped.New(im.size(), im, unreadable...), im.sectorSize, findings
	out.Verify = func(ctx context.Context) ([]finding.Finding, error) { return im.verify(ctx, out.Sums) }
	return out, nil
}

var errWhenMade = errors.New("ewf: could not be read when the image was made")

// openSegments opens all segments of an image, in order. Those that are missing between others have no source.
func openSegments(ctx context.Context, src block.Source, name string, n int64, open container.Opener) ([]*segment, []finding.Finding, error) {
	own, err := readSegment(ctx, src, name, n)
	if err != nil {
		return nil, nil, err
	}
	var findings []finding.Finding
	segments := []*segment{}
	set := own.volume
	for i, gap := int64(1), 0; i <= maxSegments; i++ {
		s := own
		if i != n {
			called := segmentName(name, i)
			if called == "" || called == name {
				if i < n {
					segments = append(segments, &segment{number: i, name: called})
					continue
				}
				break
			}
			var why error
			if s, why, err = openSegment(ctx, called, i, set, open); err != nil {
				return nil, nil, err
			}
			if why != nil {
				findings = append(findings, segmentOther.New(finding.Arg("path", called), finding.Arg("number", i), finding.Arg("why", why)))
			}
		}
		segments = append(segments, s)
		if s.src == nil {
			if gap++; gap >= maxGap && i > n {
				break
			}
			continue
		}
		gap = 0
		if s.done && i >= n {
			break
		}
	}
	for len(segments) > 0 && segments[len(segments)-1].src == nil {
		segments = segments[:len(segments)-1]
	}
	for _, s := range segments {
		switch {
		case s.src == nil:
			findings = append(findings, segmentMissing.New(finding.Arg("path", s.name), finding.Arg("number", s.number)))
		case s.why != nil:
			findings = append(findings, segmentBroken.New(finding.Arg("path", s.name), finding.Arg("why", s.why)))
		}
	}
	return segments, findings, nil
}

// openSegment opens a further segment. One that is not there, or is no segment of this image (why), has no source.
func openSegment(ctx context.Context, name string, n int64, set *volume, open container.Opener) (s *segment, why, err error) {
	missing := &segment{number: n, name: name}
	src, err := open(name)
	if err != nil {
		if errors.Is(err, container.ErrNoSibling) || errors.Is(err, container.ErrConfined) {
			return missing, nil, nil
		}
		return missing, err, ctx.Err()
	}
	found, err := number(src)
	if err != nil {
		return missing, errors.New("it is no segment at all"), ctx.Err()
	}
	if found != n {
		return missing, fmt.Errorf("it calls itself segment %d", found), nil
	}
	if s, err = readSegment(ctx, src, name, n); err != nil {
		return missing, nil, err
	}
	if v := s.volume; v != nil && set != nil && (v.set != set.set || v.chunkSize() != set.chunkSize()) {
		return missing, errors.New("it is of another image"), nil
	}
	return s, nil, nil
}

// place gives each table its place on the disk: one behind the other where nothing is missing, else from the beginning
// up to the first segment of which something is, and from the end back to the last such one. It returns what of the
// disk no table holds then.
func (im *image) place(segments []*segment) block.Set {
	all, there := int64(0), true
	for _, s := range segments {
		all += s.chunks()
		there = there && s.src != nil
	}
	front, i := int64(0), 0
	for ; i < len(segments) && (segments[i].whole || there && all == im.chunks); i++ {
		front = im.put(front, segments[i].tables)
	}
	if i == len(segments) {
		return im.unplaced()
	}
	if segments[i].src != nil {
		front = im.put(front, segments[i].before())
	}
	if segments[len(segments)-1].done {
		k := len(segments)
		back := im.chunks
		for ; k-1 > i && segments[k-1].whole; k-- {
			back -= segments[k-1].chunks()
		}
		if back >= front { // else more is there than the disk has, and nothing is sure
			for ; k < len(segments); k++ {
				back = im.put(back, segments[k].tables)
			}
		}
	}
	return im.unplaced()
}

// put gives tables their places from chunk at on, and returns the chunk behind them.
func (im *image) put(at int64, tables []*table) int64 {
	for _, t := range tables {
		t.first = at
		at += t.count
		im.tables = append(im.tables, t)
	}
	return at
}

// before returns the tables of a broken segment that stand before its damage.
func (s *segment) before() []*table {
	limit := s.src.Size()
	if c, ok := cursor.IsCorrupt(s.why); ok && c.Offset >= 0 {
		limit = c.Offset
	}
	n := 0
	for n < len(s.tables) && s.tables[n].copies[0] < limit {
		n++
	}
	return s.tables[:n]
}

func (im *image) unplaced() block.Set {
	var have block.Set
	for _, t := range im.tables {
		have.Add(block.Extent{Offset: t.first * im.chunkSize(), Length: t.count * im.chunkSize()})
	}
	return have.Complement(block.Extent{Length: im.size()})
}

// Locate says what the disk stands on at off: a chunk.
func (im *image) Locate(off int64) (mapped.Piece, error) {
	size := im.chunkSize()
	chunk := off / size
	e := block.Extent{Offset: chunk * size, Length: size}.Intersect(block.Extent{Length: im.size()})
	i := sort.Search(len(im.tables), func(i int) bool { return im.tables[i].first+im.tables[i].count > chunk })
	if i == len(im.tables) || im.tables[i].first > chunk {
		end := im.size()
		if i < len(im.tables) {
			end = im.tables[i].first * size
		}
		return mapped.LostPiece(block.Between(e.Offset, end)), nil
	}
	t := im.tables[i]
	list, err := im.entries(t)
	if err != nil {
		return mapped.Piece{Extent: block.Extent{Offset: t.first * size, Length: t.count * size}}, err
	}
	x := chunk - t.first
	at, end, packed := list.at[x], list.at[x+1], list.packed[x]
	return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
		if at < 0 {
			return cursor.Corrupt("ewf: table", -1, "an entry in which both copies agree", "two")
		}
		return im.unpack(t, chunk, at, end, packed, dst)
	}}, nil
}

// entries returns a table, out of memory where it was used a moment ago.
func (im *image) entries(t *table) (entries, error) {
	if e, ok := im.loaded.Get(t); ok {
		return e, nil
	}
	e, err := t.load()
	if err == nil {
		im.loaded.Put(t, e, len(e.at))
	}
	return e, err
}

// unpack gives the bytes of a chunk that stands from at to end; where the end is not known or too far, as far as the
// chunk can reach. The last chunk of a disk may be stored whole or short, or
// with a part of a sector that the disk does not count.
func (im *image) unpack(t *table, chunk, at, end int64, packed bool, dst []byte) error {
	name := fmt.Sprintf("ewf: chunk %d", chunk)
	size := im.chunkSize()
	limit := at + size + size/100 + 1024 // zlib makes what does not pack longer by less
	if end <= at || end > limit {
		end = limit
	}
	end = min(end, t.segment.src.Size())
	if at >= end {
		return cursor.Corrupt(name, at, "a place inside of the segment", t.segment.src.Size())
	}
	b, err := mapped.ReadPacked(t.segment.src, name, at, end-at)
	if err != nil {
		return err
	}
	if packed {
		if int64(len(dst)) == size {
			return im.inflate.Zlib(name, at, b, dst)
		}
		whole := make([]byte, size)
		n, err := im.inflate.ZlibUpTo(name, at, b, whole)
		if err == nil && n < len(dst) {
			err = cursor.Corrupt(name, at, len(dst), n)
		}
		copy(dst, whole)
		return err
	}
	for _, n := range []int{int(size), len(dst), len(b) - 4} {
		if n < len(dst) || n+4 > len(b) {
			continue
		}
		c := cursor.New(name, at+int64(n), b[n:])
		if c.Uint32() == adler32.Checksum(b[:n]) {
			copy(dst, b)
			return nil
		}
	}
	return cursor.Corrupt(name, at, "an Adler-32 that fits", "another one")
}
