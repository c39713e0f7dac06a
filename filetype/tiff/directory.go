package tiff

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/window"
)

// The tags that are looked at.
const (
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagDescription  = 270
	tagMake         = 271
	tagModel        = 272
	tagStrips       = 273
	tagSamples      = 277
	tagRows         = 278
	tagStripSizes   = 279
	tagRawOffset    = 280 // of RW2
	tagPlanar       = 284
	tagDateTime     = 306
	tagArtist       = 315
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTiles        = 324
	tagTileSizes    = 325
	tagSubIFDs      = 330
	tagJPEG         = 513
	tagJPEGSize     = 514
	tagSubsampling  = 530
	tagExif         = 0x8769
	tagGPS          = 0x8825
	tagInterop      = 0xA005
	tagOriginal     = 0x9003
	tagOffsetOrig   = 0x9011
	tagDNGVersion   = 0xC612
	tagDNGPrivate   = 0xC634
	tagPanasonicJPG = 0x002E
)

// Limits of what hostile directories may ask for.
const (
	maxDirectories = 512
	maxEntries     = 4096
	maxPieces      = 1 << 22 // strips and tiles of one picture
)

// sizes are those of the types of values, in bytes; 0 for none.
var sizes = [19]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8}

// value is that of an entry: count numbers or letters of a type, which stand at off.
type value struct {
	kind  uint16
	count int64
	off   int64
}

func (v value) size() int64 { return sizes[v.kind] * v.count }

// layout is how the file writes numbers.
type layout struct {
	order binary.ByteOrder
	big   bool
}

// number reads a number of the type of v.
func (l layout) number(kind uint16, p []byte) int64 {
	switch sizes[kind] {
	case 1:
		return int64(p[0])
	case 2:
		return int64(l.order.Uint16(p))
	case 4:
		return int64(l.order.Uint32(p))
	default:
		return int64(l.order.Uint64(p) & (1<<62 - 1))
	}
}

// directory is one that was read.
type directory struct {
	off    int64
	values map[uint16]value
	next   int64
}

// directory reads the directory at off, without what its entries name.
func (w *walker) directory(off int64) (*directory, error) {
	head, entry, inline := int64(2), int64(12), int64(4)
	if w.big {
		head, entry, inline = 8, 20, 8
	}
	p, err := w.Need(off, int(head), "directory")
	if err != nil {
		return nil, err
	}
	n := int64(w.order.Uint16(p))
	if w.big {
		n = int64(min(w.order.Uint64(p), 1<<32))
	}
	if n == 0 || n > maxEntries {
		return nil, cursor.Corrupt("directory", off, fmt.Sprintf("1 to %d entries", maxEntries), n)
	}
	d := &directory{off: off, values: map[uint16]value{}}
	end := off + head + n*entry + inline
	if p, err = w.Copy(off+head, int(n*entry+inline), "directory"); err != nil {
		return nil, err
	}
	w.covers(block.Between(off, end))
	for i := range n {
		e := p[i*entry : (i+1)*entry]
		tag, kind := w.order.Uint16(e), w.order.Uint16(e[2:])
		if kind == 129 { // UTF-8, of Exif 3
			kind = 2
		}
		if int(kind) >= len(sizes) || sizes[kind] == 0 {
			if w.maker != "" && len(d.values) > 0 || off != w.first {
				continue // makers have types of their own
			}
			return nil, cursor.Corrupt("directory", off+head+i*entry, "a type of value from 1 to 18", kind)
		}
		v := value{kind: kind}
		if w.big {
			v.count = int64(w.order.Uint64(e[4:]) & (1<<62 - 1))
		} else {
			v.count = int64(w.order.Uint32(e[4:]))
		}
		if v.count > 1<<40 {
			return nil, cursor.Corrupt("directory", off+head+i*entry, "a number of values", v.count)
		}
		at := entry - inline
		if v.size() <= inline {
			v.off = off + head + i*entry + at
		} else {
			v.off = w.number(map[bool]uint16{false: 4, true: 16}[w.big], e[at:])
			w.covers(block.Extent{Offset: v.off, Length: v.size()})
		}
		if _, twice := d.values[tag]; !twice {
			d.values[tag] = v
		}
	}
	d.next = w.number(map[bool]uint16{false: 4, true: 16}[w.big], p[n*entry:])
	return d, nil
}

// covers notes that the file has something there.
func (w *walker) covers(e block.Extent) {
	if e.Length > 0 && e.Offset >= 0 && e.Offset < 1<<61 && e.Length < 1<<61 {
		w.end = max(w.end, e.End())
	}
}

// one returns the single number of a tag; or is what it is when the tag is not there.
func (w *walker) one(d *directory, tag uint16, or int64) (int64, error) {
	v, ok := d.values[tag]
	if !ok || v.count < 1 || v.kind == 2 || v.kind == 5 || v.kind == 10 {
		return or, nil
	}
	p, err := w.Need(v.off, int(sizes[v.kind]), "value")
	if err != nil {
		return or, err
	}
	return w.number(v.kind, p), nil
}

// text returns the text of a tag, cleaned.
func (w *walker) text(d *directory, tag uint16) string {
	v, ok := d.values[tag]
	if !ok || v.kind != 2 {
		return ""
	}
	p, err := w.Bytes(v.off, int(min(v.count, 256)))
	if err != nil {
		return ""
	}
	return exif.Text(string(p))
}

// list reads the numbers of a tag one by one, through a buffer of its own.
type list struct {
	value
	l layout
	w *window.Window
}

func (w *walker) list(d *directory, tag uint16) (*list, bool) {
	v, ok := d.values[tag]
	if !ok || v.kind == 2 {
		return nil, false
	}
	return &list{value: v, l: w.layout, w: window.New(w.Context(), w.Source(), 32<<10)}, true
}

func (l *list) at(i int64) (int64, error) {
	p, err := l.w.Bytes(l.off+i*sizes[l.kind], int(sizes[l.kind]))
	if err != nil {
		return 0, err
	}
	return l.l.number(l.kind, p), nil
}
