package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"

	"golang.org/x/image/tiff"
)

const bufferSize = 256 << 10

var (
	kind    = exam.Kind{Format: "TIFF", Buffer: bufferSize, Walk: walk}
	decoder = media.Decoder{Config: tiff.DecodeConfig, Decode: tiff.Decode}
)

// Formats returns the rows of this package: tiff, with the raw photos that are TIFF inside, and raf.
func Formats() []filetype.Format {
	start := func(id, magic string) probe.Probe {
		return probe.Probe{ID: "tiff." + id, Bytes: []byte(magic), Align: 512}
	}
	return []filetype.Format{{
		Name:       "tiff",
		Class:      filetype.Photo,
		Extensions: []string{"tif", "tiff", "dng", "cr2", "nef", "nrw", "arw", "sr2", "orf", "rw2", "pef", "dcr", "kdc", "erf", "srw", "3fr"},
		Signatures: []probe.Probe{start("ii", "II*\x00"), start("mm", "MM\x00*"), start("big-ii", "II+\x00\x08\x00\x00\x00"), start("big-mm", "MM\x00+\x00\x08\x00\x00"),
			start("rw2", "IIU\x00"), start("orf-ro", "IIRO"), start("orf-rs", "IIRS"), start("orf-mm", "MMOR")},
		Ceiling:   filetype.Consistent, // nothing checks the directories
		Carve:     true,
		Examine:   kind.Examine,
		Scout:     scout,
		Preview:   kind.Preview,
		Thumbnail: thumbnail,
	}, rafFormat()}
}

// picture is what a directory says of one.
type picture struct {
	width, height int64
	packing       int64
}

// walker goes through the directories of one file.
type walker struct {
	*exam.Exam
	layout
	first    int64 // offset of the first directory
	end      int64 // behind the last thing that was named
	seen     *cursor.Visited
	pictures int64 // with data of their own
	largest  picture
	jpegs    []block.Extent // pictures for a preview
	raw      string         // extension of a raw photo
	maker    string
	model    string
	dated    bool
	plain    *media.Foreign
	broken   error // the first contradiction in the data; the directories are followed on to find the end
	lost     error
	good     int64 // behind the last piece that was followed
	failed   int64 // where the piece begins that failed
	lzw      lzw
	zlib     io.ReadCloser
	scratch  [32 << 10]byte
}

// parseStart reads the first 16 bytes.
func (w *walker) parseStart(p []byte) bool {
	if len(p) < 16 {
		return false
	}
	switch string(p[:2]) {
	case "II":
		w.order = binary.LittleEndian
	case "MM":
		w.order = binary.BigEndian
	default:
		return false
	}
	w.first = int64(w.order.Uint32(p[4:]))
	switch w.order.Uint16(p[2:]) {
	case 42:
		if p[0] == 'I' && string(p[8:10]) == "CR" && p[10] == 2 {
			w.raw = "cr2"
		}
	case 43:
		w.big = true
		w.first = int64(w.order.Uint64(p[8:]) & (1<<62 - 1))
		return w.order.Uint16(p[4:]) == 8 && w.order.Uint16(p[6:]) == 0 && w.first >= 16
	case 0x55:
		w.raw = "rw2"
		return p[0] == 'I' && w.first >= 8
	case 0x4F52, 0x5352:
		w.raw = "orf"
	default:
		return false
	}
	return w.first >= 8
}

func walk(e *exam.Exam) error {
	p, err := e.Head(16)
	if err != nil {
		return err
	}
	w := &walker{Exam: e, seen: cursor.NewVisited(maxDirectories)}
	if !w.parseStart(p) {
		return filetype.ErrNot
	}
	w.end = 8
	e.R.GoodUntil = 8
	e.Want = w.first + 2
	err = w.follow(w.first, 0)
	if err == nil && w.raw == "cr2" {
		// The directory of the raw data is named in the head too; it is the last of the chain.
		err = w.follow(int64(w.order.Uint32(p[12:])), 0)
	}
	w.tell()
	if e.Context().Err() != nil {
		return e.Context().Err()
	}
	if e.Listing {
		if w.largest.width == 0 {
			return filetype.ErrNot
		}
		return nil
	}
	return w.verdict(err)
}

// farDirectory is where the first directory stands, in bytes, when the pixels stand before it.
const farDirectory = 4 << 10

// verdict sums up; err is what ended the walk through the directories.
func (w *walker) verdict(err error) error {
	if _, corrupt := cursor.IsCorrupt(err); w.pictures == 0 && (corrupt || err == nil) {
		if corrupt && w.raw == "" && w.first >= farDirectory && w.first%2 == 0 {
			w.R.GoodUntil = 8 // the directory stands behind the pixels, and elsewhere: in another piece of the file
			return err
		}
		return filetype.ErrNot
	}
	e := w.Exam
	e.Want = w.end
	if err == nil {
		err = w.lost
	}
	if w.broken != nil && err == nil {
		err = w.broken
		// The rest must be there too.
		if all := e.Each(block.Between(0, w.end), "data", nil); all != nil {
			err = all
		}
	}
	if err == nil {
		err = e.Each(block.Between(0, w.end), "data", nil)
	}
	if err != nil {
		return w.reach(err)
	}
	return e.Whole(filetype.Consistent, w.end, media.Followed("TIFF", fmt.Sprintf("%d pictures, %s", w.pictures, media.Pixels(w.largest.width, w.largest.height))))
}

// reach settles how far a file is good whose data ends with err: through the piece that failed, when that stands where
// the ones before end, else up to these.
func (w *walker) reach(err error) error {
	at, need := int64(-1), (*int64)(nil)
	var gone *exam.Gone
	if errors.As(err, &gone) {
		at, need = gone.Off, &gone.Need
	} else if c, ok := cursor.IsCorrupt(err); ok {
		at = c.Offset
	}
	if need != nil {
		*need = max(*need, w.end)
	}
	good := w.good
	if w.pictures > 0 && at >= 0 && (w.failed <= good+maxGap || w.failed == 0) {
		good = max(good, at)
	}
	w.R.GoodUntil = max(w.R.GoodUntil, min(good, w.Size()))
	return err
}

const (
	maxDepth = 6
	// maxGap is the most bytes between pieces that stand behind each other.
	maxGap = 64 << 10
)

// follow reads the chain of directories that begins at off, with those below them.
func (w *walker) follow(off int64, depth int) error {
	for off != 0 {
		if depth > maxDepth {
			return cursor.Corrupt("directory", off, fmt.Sprintf("up to %d levels of directories", maxDepth), depth)
		}
		if !w.seen.Enter(off) {
			return nil // was here; loops end
		}
		d, err := w.directory(off)
		if err != nil {
			return err
		}
		if depth == 0 && off == w.first {
			w.name(d)
		}
		if err := w.picture(d); err != nil {
			return err
		}
		for _, tag := range []uint16{tagSubIFDs, tagExif, tagGPS, tagInterop} {
			l, ok := w.list(d, tag)
			if !ok {
				continue
			}
			for i := range min(l.count, 64) {
				at, err := l.at(i)
				if err != nil {
					return w.Lost(l.off, l.off+l.size(), "offsets of directories", err)
				}
				if tag == tagExif {
					w.exif(at)
				}
				if err := w.follow(at, depth+1); err != nil {
					return err
				}
			}
		}
		if tag := d.next; depth > 0 && tag != 0 && (w.raw != "" || w.maker != "") {
			return nil // cameras leave anything there
		}
		off = d.next
	}
	return nil
}

// name takes over what the first directory says of the photo.
func (w *walker) name(d *directory) {
	w.maker, w.model = w.text(d, tagMake), w.text(d, tagModel)
	h := &w.R.Hints
	h.Camera = exif.Camera(w.maker, w.model)
	h.Title, h.Author = w.text(d, tagDescription), w.text(d, tagArtist)
	if t, ok := exif.Date(w.text(d, tagDateTime), ""); ok {
		h.Taken = t
	}
	_, dng := d.values[tagDNGVersion]
	_, private := d.values[tagDNGPrivate]
	_, sub := d.values[tagSubIFDs]
	maker := strings.ToUpper(w.maker)
	switch {
	case w.raw != "":
	case dng:
		w.raw = "dng"
	case strings.HasPrefix(maker, "NIKON") && sub:
		w.raw = "nef"
	case strings.HasPrefix(maker, "SONY") && (private || sub):
		w.raw = "arw"
	case strings.HasPrefix(maker, "PENTAX") || strings.HasPrefix(maker, "RICOH"):
		if p, err := w.one(d, tagCompression, 0); err == nil && p > 32768 {
			w.raw = "pef"
		}
	}
}

// exif takes the time when the photo was taken out of the directory at off.
func (w *walker) exif(off int64) {
	d, err := w.directory(off)
	if err != nil || w.dated {
		return
	}
	if t, ok := exif.Date(w.text(d, tagOriginal), w.text(d, tagOffsetOrig)); ok {
		w.R.Hints.Taken, w.dated = t, true
	}
}

func (w *walker) tell() {
	w.R.Extension = w.raw
	if w.raw == "" {
		w.R.Extension = "tif"
	}
	if w.largest.width > 0 {
		w.Fact("Picture", media.Pixels(w.largest.width, w.largest.height))
	}
	if w.pictures > 1 {
		w.Fact("Pictures", fmt.Sprint(w.pictures))
	}
	w.Fact("Camera", w.R.Hints.Camera)
	if t := w.R.Hints.Taken; !t.IsZero() {
		w.Fact("Taken", t.Format("2006-01-02 15:04:05"))
	}
	w.Fact("Title", w.R.Hints.Title)
	w.Fact("Author", w.R.Hints.Author)
}

// thumbnail decodes the smallest JPEG inside that is large enough, or the picture itself.
func thumbnail(ctx context.Context, src block.Source, size int) (image.Image, error) {
	var w *walker
	k := kind
	k.Walk = func(e *exam.Exam) error {
		p, err := e.Head(16)
		if err != nil {
			return err
		}
		w = &walker{Exam: e, seen: cursor.NewVisited(maxDirectories)}
		if !w.parseStart(p) {
			return filetype.ErrNot
		}
		return w.follow(w.first, 0)
	}
	if _, err := k.Preview(ctx, src); err != nil {
		return nil, err
	}
	if w.raw == "" {
		if m, err := decoder.Thumbnail(ctx, src, size); err == nil || ctx.Err() != nil {
			return m, err
		}
	}
	return smallest(ctx, src, w.jpegs, size)
}

// smallest decodes the smallest of the pictures whose longer side has size pixels, or the largest when none has.
func smallest(ctx context.Context, src block.Source, list []block.Extent, size int) (image.Image, error) {
	best, bestSide := block.Extent{}, 0
	for _, e := range list {
		head := make([]byte, min(e.Length, 64<<10))
		if n, err := src.ReadAt(head, e.Offset); err != nil && n == 0 {
			continue
		}
		c, err := media.Embedded.Config(bytes.NewReader(head))
		if side := max(c.Width, c.Height); err == nil && (bestSide == 0 || bestSide < size && side > bestSide || side >= size && side < bestSide) {
			best, bestSide = e, side
		}
	}
	if bestSide == 0 {
		return nil, filetype.ErrNot
	}
	return media.Embedded.Picture(ctx, src, best)
}
