package ubi

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{doubled, unfinished}

var (
	doubled = &finding.Def{Code: "firmware.ubi.doubled", Severity: finding.Info,
		Text: "{found} blocks of volumes stand in two erase blocks, as after a copy; the newer ones are read"}
	unfinished = &finding.Def{Code: "firmware.ubi.unfinished", Severity: finding.Error,
		Text: "the last update of volume {volume} began and was not finished: UBI refuses to read it"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "ubi", Title: "UBI image", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.ubi.header", Bytes: []byte("UBI#\x01\x00\x00\x00"), Align: 512}}}
}

func first(src block.Source) (*eraseHeader, error) {
	p, err := cursor.Read(src, "ubi: header", 0, headSize, headSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	h, err := parseErase(p)
	if err != nil {
		return nil, err
	}
	if !h.valid() && !h.plausible() {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if _, err := first(src); err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "UBI image"}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := first(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "UBI image", Role: firmware.Table}
	size, err := blockSize(src)
	if err != nil {
		return nil, err
	}
	if size == 0 || h.data >= size {
		part.Checks = append(part.Checks, firmware.Check{What: "erase blocks", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: src.Size()},
			Expected: "headers at the start of each erase block", Found: "one header only", Why: "the file ends in the first erase block, or the others are damaged"})
		return part, nil
	}
	part.Title = fmt.Sprintf("UBI image, erase blocks of %d KiB with data from %d on", size>>10, h.data)
	m := &image{src: src, win: fsimage.NewWindow(src), size: size, data: h.data, part: part, told: map[string]int{}, volumes: map[uint32]map[int64]leb{}}
	if err := m.scan(ctx); err != nil {
		return nil, err
	}
	if over := src.Size() % size; over != 0 {
		whole := src.Size() - over + size
		rest := block.Between(src.Size()-over, src.Size())
		if fill := fsimage.Fill(ctx, src, rest); fill.Length < rest.Length {
			part.Checks = append(part.Checks, fsimage.Cut(whole, src.Size(), fsimage.Region{Name: fmt.Sprintf("erase block %d", src.Size()/size), Extent: block.Extent{Offset: src.Size() - over, Length: size}}))
		}
	}
	m.children(ctx, m.table(), o)
	part.Checks = append(part.Checks, fsimage.Proven("headers and data of blocks", "CRC-32", m.proven)...)
	if m.doubled > 0 {
		part.Findings = append(part.Findings, doubled.New(finding.Expected(nil, m.doubled)))
	}
	return part, ctx.Err()
}

// table reads the copies of the volume table, and checks each.
func (m *image) table() map[uint32]*record {
	out := map[uint32]*record{}
	blocks := m.volumes[layout]
	for number := range int64(2) {
		what := fmt.Sprintf("volume table, copy %d", number+1)
		l, ok := blocks[number]
		if !ok {
			m.add(firmware.Check{What: what, Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Length: m.src.Size()}, Expected: "an erase block with it", Found: "none", Why: "the volumes cannot be told by their names without it; a file that was cut off, or a damaged copy"})
			continue
		}
		count := min(records, (m.size-m.data)/recordSize)
		e := block.Extent{Offset: l.at, Length: count * recordSize}
		p, err := m.win.Bytes("ubi: volume table", e.Offset, e.Length)
		if err != nil {
			m.add(fsimage.Failed(what, "CRC-32", e, err))
			continue
		}
		for i := range count {
			r, err := parseRecord(p[i*recordSize:][:recordSize])
			at := block.Extent{Offset: e.Offset + i*recordSize, Length: recordSize}
			if err != nil {
				m.add(fsimage.Failed(what, "CRC-32", at, err))
				continue
			}
			m.proven.Add(at)
			if r == nil {
				continue
			}
			if out[uint32(i)] == nil {
				out[uint32(i)] = r
			}
			out[uint32(i)].at = append(out[uint32(i)].at, at)
		}
		m.gap(context.Background(), block.Between(e.End(), l.at+m.size-m.data))
	}
	return out
}

// children makes a part of each volume and opens it.
func (m *image) children(ctx context.Context, table map[uint32]*record, o *firmware.Opening) {
	ids := slices.Sorted(maps.Keys(m.volumes))
	for id := range table {
		if m.volumes[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if id == layout || ctx.Err() != nil {
			continue
		}
		m.volume(ctx, id, table[id], m.volumes[id], o)
	}
}

func (m *image) volume(ctx context.Context, id uint32, r *record, blocks map[int64]leb, o *firmware.Opening) {
	name := fmt.Sprintf("volume %d", id)
	room := m.size - m.data // of a block
	kind, last := byte(dynamic), int64(-1)
	if r != nil {
		room -= max(min(r.padding, room-1), 0)
		kind = r.kind
		if r.name != "" {
			name = r.name
		}
	}
	for number, l := range blocks {
		last = max(last, number)
		if r == nil {
			kind = l.kind
		}
	}
	if last >= maxBlocks {
		m.add(firmware.Check{What: "volume " + name, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: m.src.Size()}, Expected: fmt.Sprintf("at most %d blocks", maxBlocks), Found: fmt.Sprintf("block %d", last)})
		return
	}
	size := (last + 1) * room
	var needs int64
	if r != nil {
		needs = r.reserved * room
		if kind == dynamic && len(blocks) > 0 {
			size = max(size, min(needs, size+maxErased))
		}
		if r.updating {
			m.part.Findings = append(m.part.Findings, unfinished.New(finding.Arg("volume", name)))
		}
	}
	if kind == static {
		size = m.static(name, room, blocks)
	}
	if size <= 0 {
		// Empty, or cut off with all of its blocks: nothing tells which, so that its records prove nothing.
		if r != nil {
			for _, e := range r.at {
				m.proven.Remove(e)
			}
		}
		return
	}
	var runs []block.Run
	for number := range (size + room - 1) / room {
		n := min(room, size-number*room)
		run := block.Run{Logical: number * room, Length: n, Kind: block.Data}
		l, ok := blocks[number]
		switch {
		case ok:
			run.Physical = l.at
		case kind == dynamic:
			run.Physical = m.src.Size() // erased bytes stand there
		default:
			run.Kind = block.Lost
		}
		runs = append(runs, run)
	}
	child := &firmware.Part{Name: name, Role: firmware.Data, Size: size, Announced: size, Source: block.Join(erased{m.src, room}, runs, size), Unpacked: true,
		Installs: []firmware.Install{{Where: "UBI volume " + name, Needs: max(needs, size)}}}
	if len(blocks) > 0 {
		o.Inner(ctx, child)
	}
	m.part.Children = append(m.part.Children, child)
	m.carry(child, runs)
}

// carry brings what the content of a volume proves to the erase blocks that it stands in.
func (m *image) carry(child *firmware.Part, runs []block.Run) {
	covered := child.Uncovered().Complement(block.Extent{Length: child.Size})
	for e := range covered.All() {
		for _, r := range block.Slice(runs, e) {
			if r.Kind == block.Data && r.Physical < m.src.Size() {
				m.proven.Add(block.Extent{Offset: r.Physical, Length: r.Length}.Intersect(block.Extent{Length: m.src.Size()}))
			}
		}
	}
}

// static checks that all blocks of a static volume are there, and returns its size.
func (m *image) static(name string, most int64, blocks map[int64]leb) int64 {
	var used, size int64
	for _, l := range blocks {
		used = max(used, l.used)
	}
	used = min(used, maxBlocks)
	for number := range used {
		l, ok := blocks[number]
		want := most
		if number == used-1 && ok {
			want = min(l.size, most)
		}
		size += want
		switch {
		case !ok:
			m.add(firmware.Check{What: "volume " + name, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: m.src.Size()}, Expected: fmt.Sprintf("%d blocks", used), Found: fmt.Sprintf("no block %d", number)})
		case l.size != want:
			m.add(firmware.Check{What: "volume " + name, Method: "size", State: firmware.Failed, Extent: block.Extent{Offset: l.at, Length: most}, Expected: fmt.Sprintf("%d bytes in block %d", want, number), Found: fmt.Sprintf("%d", l.size)})
		}
	}
	return size
}

// erased is a source with erased bytes behind its end, for blocks of volumes that stand nowhere.
type erased struct {
	block.Source
	more int64
}

func (e erased) Size() int64 { return e.Source.Size() + e.more }

func (e erased) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if end := e.Source.Size(); off < end {
		m, err := e.Source.ReadAt(p[:min(int64(len(p)), end-off)], off)
		if n = m; off+int64(n) < end {
			return n, err
		}
	}
	free := p[n:min(int64(len(p)), max(e.Size()-off, 0))]
	for i := range free {
		free[i] = 0xFF
	}
	if n += len(free); n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
