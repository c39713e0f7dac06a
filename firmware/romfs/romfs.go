package romfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	magic    = "-rom1fs-"
	summed   = 512
	maxName  = 1024
	maxFiles = 1 << 20
	maxTold  = 20
)

// Kinds of files.
const (
	directory = 1
	regular   = 2
	symlink   = 3
)

var be = binary.BigEndian

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "romfs", Title: "romfs", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.romfs.header", Bytes: []byte(magic), Align: 4}}}
}

// head is the header of the image.
type head struct {
	size  int64
	name  string
	first int64 // header of a file
	sum   uint32
	total uint32 // of the first bytes, zero when they are right
	over  int64
}

func read(src block.Source) (*head, error) {
	p, err := cursor.Read(src, "romfs: header", 0, min(summed, src.Size()), summed)
	if err != nil {
		return nil, region.NotHere(err)
	}
	if len(p) < 32 || !bytes.HasPrefix(p, []byte(magic)) {
		return nil, cursor.ErrNot
	}
	h := &head{size: int64(be.Uint32(p[8:])), sum: be.Uint32(p[12:])}
	end := bytes.IndexByte(p[16:], 0)
	if end < 0 || h.size < 32 || h.size > 1<<31 {
		return nil, cursor.ErrNot
	}
	h.name = string(p[16 : 16+end])
	h.first = 16 + int64(end)&^15 + 16
	if h.over = min(summed, h.size) &^ 3; h.over <= int64(len(p)) {
		h.total = total(p[:h.over])
	}
	return h, nil
}

func total(p []byte) (sum uint32) {
	for ; len(p) >= 4; p = p[4:] {
		sum += be.Uint32(p)
	}
	return sum
}

// plausible reports whether a header whose sum does not fit leads to a file: its numbers stay inside of the image.
func (h *head) plausible(src block.Source) bool {
	if h.first+16 > min(h.size, src.Size()) {
		return h.size > src.Size() // cut inside of the header
	}
	p, err := cursor.Read(src, "romfs: file", h.first, 16, 16)
	return err == nil && int64(be.Uint32(p)&^15) < h.size && int64(be.Uint32(p[8:])) <= h.size
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if h.total != 0 && !h.plausible(src) {
		return firmware.Sighting{}, cursor.ErrNot // programs that know the format hold its mark
	}
	return firmware.Sighting{Title: "romfs", Name: h.name, Size: h.size}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "romfs", Name: h.name, Role: firmware.RootFS, Announced: h.size}
	if h.size > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(h.size, src.Size(), fsimage.Region{Name: "root file system", Extent: block.Extent{Length: h.size}}))
	}
	if h.over <= src.Size() {
		part.Checks = append(part.Checks, firmware.Sum32("first 512 bytes", "sum", block.Extent{Length: h.over}, h.sum, h.sum-h.total))
	}
	w := &walk{ctx: ctx, win: fsimage.NewWindow(src), size: min(h.size, src.Size()), cut: h.size > src.Size(), seen: cursor.NewVisited(maxFiles), part: part}
	w.list(h.first)
	part.Title = fmt.Sprintf("romfs, %d files", w.files)
	part.Checks = append(part.Checks, fsimage.Proven("headers of files", "sum", w.proven)...)
	fsimage.Behind(ctx, src, h.size, part, o)
	return part, ctx.Err()
}

// walk goes over all files.
type walk struct {
	ctx    context.Context
	win    *fsimage.Window
	size   int64
	cut    bool // what lies behind the size is missing, which was told
	seen   *cursor.Visited
	part   *firmware.Part
	proven block.Set
	files  int
	told   int
}

func (w *walk) failed(what string, e block.Extent, err error) {
	if w.told++; w.told <= maxTold && w.ctx.Err() == nil {
		w.part.Checks = append(w.part.Checks, fsimage.Failed(what, "sum", e, err))
	}
}

// list goes over the files of a directory and those below it.
func (w *walk) list(first int64) {
	starts := []int64{first} // headers where a list begins
	for len(starts) > 0 && w.ctx.Err() == nil {
		at := starts[len(starts)-1]
		starts = starts[:len(starts)-1]
		for at != 0 && w.ctx.Err() == nil && w.seen.Enter(at) {
			next, below, ok := w.file(at)
			if !ok {
				break
			}
			if below != 0 {
				starts = append(starts, below)
			}
			at = next
		}
	}
}

// file checks the header at the place at. It returns the next one and the first one of a directory.
func (w *walk) file(at int64) (next, below int64, ok bool) {
	if w.cut && at+32 > w.size {
		return 0, 0, false
	}
	p, err := w.win.Bytes("romfs: header of a file", at, min(16+maxName, max(w.size-at, 32)))
	if err != nil {
		w.failed("header of a file", block.Extent{Offset: at, Length: 32}, err)
		return 0, 0, false
	}
	end := bytes.IndexByte(p[16:], 0)
	if end < 0 {
		w.failed("header of a file", block.Extent{Offset: at, Length: 32}, cursor.Corrupt("romfs: header", at, "a name with an end", fmt.Sprintf("none in %d bytes", len(p))))
		return 0, 0, false
	}
	name := p[16 : 16+end]
	size := 16 + end&^15 + 16
	e := block.Extent{Offset: at, Length: int64(size)}
	word, info, length := be.Uint32(p), be.Uint32(p[4:]), int64(be.Uint32(p[8:]))
	w.files++
	if size > len(p) {
		w.failed(fmt.Sprintf("header of %q", name), e, cursor.Corrupt("romfs: header", at, "a name that is filled up", "the end of the image"))
		return 0, 0, false
	}
	if t := total(p[:size]); t != 0 {
		sum := be.Uint32(p[12:])
		w.failed(fmt.Sprintf("header of %q", name), e, cursor.Corrupt("romfs: header", at, fmt.Sprintf("%08x", sum), fmt.Sprintf("%08x", sum-t)))
		return 0, 0, false // where it leads to is not known
	}
	w.proven.Add(e)
	kind := word & 7
	if (kind == regular || kind == symlink) && e.End()+length > w.size && !w.cut {
		w.failed(fmt.Sprintf("content of %q", name), block.Between(e.End(), w.size), cursor.Corrupt("romfs: file", at, fmt.Sprintf("at most %d bytes", w.size-e.End()), length))
	}
	if kind == directory {
		below = int64(info) &^ 15
	}
	return int64(word) &^ 15, below, true
}
