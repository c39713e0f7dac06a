package tiff

import (
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

// pieces are the strips or tiles of a picture.
type pieces struct {
	off, size *list
	count     int64
	rows      int64 // of each
	tiled     int64 // width of a tile; 0 for strips
	across    int64 // pieces beside each other
	bits      int64 // of a pixel in one piece
	checked   bool  // the size that a piece must have is known
	picture
}

// picture reads the data that a directory names. Contradictions in it are kept for later, so that the end is found.
func (w *walker) picture(d *directory) error {
	if err := w.embedded(d); err != nil {
		return err
	}
	p, err := w.pieces(d)
	if err != nil || p == nil {
		return err
	}
	w.pictures++
	if p.width*p.height > w.largest.width*w.largest.height {
		w.largest = p.picture
	}
	for i := range p.count {
		off, err := p.off.at(i)
		if err != nil {
			return w.Lost(p.off.value.off, p.off.value.off+p.off.value.size(), "places of strips", err)
		}
		size := int64(0)
		if p.size != nil {
			if size, err = p.size.at(min(i, p.size.count-1)); err != nil {
				return w.Lost(p.size.value.off, p.size.value.off+p.size.value.size(), "sizes of strips", err)
			}
		} else {
			size = rowBytes(p.width, p.rowsOf(i), p.bits)
		}
		e := block.Extent{Offset: off, Length: size}
		if !e.Valid() || off == 0 && size > 0 || e.End() > 1<<60 {
			return cursor.Corrupt("strip", d.off, "a place in the file", fmt.Sprintf("%d bytes at %#x", size, off))
		}
		w.covers(e)
		if p.count == 1 {
			w.mayBeJPEG(e, p.packing)
		}
		if w.Listing || size == 0 || w.broken != nil || w.lost != nil {
			continue
		}
		want := int64(0)
		if p.checked {
			want = rowBytes(p.pieceWidth(), p.rowsOf(i), p.bits)
		}
		if err := w.piece(p, e, i, want); err != nil {
			return err
		}
	}
	return nil
}

// piece follows one strip or tile.
func (w *walker) piece(p *pieces, e block.Extent, i, want int64) error {
	packing := p.packing
	if !p.checked && packing != packJPEG {
		packing = 0 // of a kind that is not followed
	}
	err := w.unpack(e, packing, want)
	if err == nil {
		w.good = max(w.good, e.End())
		return nil
	}
	w.failed = e.Offset
	if w.Context().Err() != nil {
		return w.Context().Err()
	}
	rows := min(i/p.across*p.rows, p.height)
	var gone *exam.Gone
	if errors.As(err, &gone) {
		w.lost = media.Upper(w.Exam, err, rows, p.height)
		return nil
	}
	w.broken = media.Upper(w.Exam, err, rows, p.height)
	return nil
}

func (p *pieces) pieceWidth() int64 {
	if p.isTiled() {
		return p.tiled
	}
	return p.width
}

func (p *pieces) isTiled() bool { return p.tiled > 0 }

// rowsOf returns the rows of piece i; the last strip has the rest, tiles are always full.
func (p *pieces) rowsOf(i int64) int64 {
	if p.isTiled() {
		return p.rows
	}
	perPlane := (p.height + p.rows - 1) / p.rows
	if perPlane > 0 && i%perPlane == perPlane-1 {
		return p.height - (perPlane-1)*p.rows
	}
	return p.rows
}

// pieces returns what d says of its strips or tiles; nil when it has none.
func (w *walker) pieces(d *directory) (*pieces, error) {
	p := &pieces{}
	var bad error
	get := func(tag uint16, or int64) int64 {
		v, err := w.one(d, tag, or)
		if err != nil {
			bad = err
		}
		return v
	}
	p.width, p.height, p.packing = get(tagWidth, 0), get(tagHeight, 0), get(tagCompression, 1)
	if w.raw == "rw2" && p.width == 0 { // SensorWidth and SensorHeight
		p.width, p.height = get(2, 0), get(3, 0)
	}
	samples, depth, planar := get(tagSamples, 1), get(tagBits, 1), get(tagPlanar, 1)
	p.rows, p.across = get(tagRows, p.height), 1
	offsets, counts := uint16(tagStrips), uint16(tagStripSizes)
	if _, ok := d.values[tagTiles]; ok {
		offsets, counts = tagTiles, tagTileSizes
		p.tiled, p.rows = get(tagTileWidth, 0), get(tagTileHeight, 0)
		if p.tiled <= 0 || p.rows <= 0 {
			return nil, cursor.Corrupt("directory", d.off, "sizes of tiles", fmt.Sprintf("%d × %d", p.tiled, p.rows))
		}
		p.across = (p.width + p.tiled - 1) / p.tiled
	}
	if _, ok := d.values[tagRawOffset]; ok && w.raw == "rw2" {
		offsets = tagRawOffset
	}
	if bad != nil {
		return nil, bad
	}
	var ok bool
	if p.off, ok = w.list(d, offsets); !ok || p.off.count == 0 {
		return nil, nil
	}
	p.size, _ = w.list(d, counts)
	p.count = p.off.count
	switch {
	case p.width <= 0 || p.height <= 0 || p.width > 1<<31 || p.height > 1<<31:
		return nil, cursor.Corrupt("directory", d.off, "a width and a height", fmt.Sprintf("%d × %d", p.width, p.height))
	case p.count > maxPieces || p.size != nil && p.size.count != p.count && w.raw == "":
		return nil, cursor.Corrupt("directory", d.off, "as many sizes as strips", fmt.Sprintf("%d strips", p.count))
	case p.size != nil && p.size.count == 0:
		return nil, cursor.Corrupt("directory", d.off, "sizes of strips", "none")
	}
	if p.rows <= 0 || p.rows > p.height && !p.isTiled() {
		p.rows = p.height
	}
	p.bits = depth * samples
	if planar == 2 {
		p.bits = depth
	}
	p.checked = w.measurable(d, p, planar, samples)
	if p.size == nil && (!p.checked || p.packing != packNone) {
		return nil, cursor.Corrupt("directory", d.off, "sizes of strips", "none")
	}
	return p, nil
}

// measurable reports whether the sizes of the pieces follow from the directory: not for what makers pack in ways of
// their own, nor for colours that are stored in fewer places.
func (w *walker) measurable(d *directory, p *pieces, planar, samples int64) bool {
	if w.raw != "" && w.raw != "dng" || p.bits <= 0 || p.bits > 1<<16 {
		return false
	}
	photometric, err := w.one(d, tagPhotometric, 0)
	if err != nil || photometric == 6 { // YCbCr
		return false
	}
	high := (p.height + p.rows - 1) / p.rows
	planes := int64(1)
	if planar == 2 {
		planes = samples
	}
	if high*p.across*planes != p.count {
		return false
	}
	switch p.packing {
	case packNone, packLZW, packDeflate, packDeflate2, packBits:
		return true
	}
	return false
}

// embedded notes a JPEG picture that stands beside the strips, as thumbnails do.
func (w *walker) embedded(d *directory) error {
	off, err := w.one(d, tagJPEG, 0)
	if err != nil {
		return err
	}
	size, err := w.one(d, tagJPEGSize, 0)
	if err != nil {
		return err
	}
	e := block.Extent{Offset: off, Length: size}
	if off > 0 && size > 0 && e.Valid() {
		w.covers(e)
		w.mayBeJPEG(e, packOldJPEG)
	}
	if v, ok := d.values[tagPanasonicJPG]; ok && w.raw == "rw2" && v.size() > 1024 {
		w.mayBeJPEG(block.Extent{Offset: v.off, Length: v.size()}, packOldJPEG)
	}
	return nil
}

// mayBeJPEG notes a picture for the preview.
func (w *walker) mayBeJPEG(e block.Extent, packing int64) {
	if w.Listing && len(w.jpegs) < 64 && (packing == packJPEG || packing == packOldJPEG) {
		w.jpegs = append(w.jpegs, e)
	}
}
