package png

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/finding"
)

// maxKept is how much of a chunk that holds no pixels is kept to be looked at, in bytes.
const maxKept = 64 << 10

// header is what IHDR says.
type header struct {
	width, height uint32
	depth, colour byte
	interlaced    bool
}

// bits returns the bits of one pixel.
func (h header) bits() uint64 {
	channels := map[byte]uint64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[h.colour]
	return channels * uint64(h.depth)
}

// parseHeader reads the 13 bytes of IHDR. bad says what is wrong, empty when nothing is.
func parseHeader(p []byte) (h header, bad, expected string) {
	if len(p) != 13 {
		return h, fmt.Sprintf("%d bytes", len(p)), "13 bytes"
	}
	h = header{binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:]), p[8], p[9], p[12] == 1}
	depths := map[byte]string{0: "\x01\x02\x04\x08\x10", 2: "\x08\x10", 3: "\x01\x02\x04\x08", 4: "\x08\x10", 6: "\x08\x10"}
	allowed, ok := depths[h.colour]
	switch {
	case h.width == 0 || h.height == 0 || h.width > math.MaxInt32 || h.height > math.MaxInt32:
		return h, fmt.Sprintf("%d by %d pixels", h.width, h.height), "1 to 2147483647 each"
	case !ok || strings.IndexByte(allowed, h.depth) < 0:
		return h, fmt.Sprintf("colour type %d with depth %d", h.colour, h.depth), "a pair of the specification"
	case p[10] != 0 || p[11] != 0 || p[12] > 1:
		return h, fmt.Sprintf("compression %d, filter %d, interlace %d", p[10], p[11], p[12]), "0, 0, and 0 or 1"
	}
	if passes(h, h.width, h.height) == nil {
		return h, fmt.Sprintf("%d by %d pixels", h.width, h.height), "a picture that fits 2^60 bytes"
	}
	return h, "", ""
}

// frame is what fcTL says of one picture of an animation.
type frame struct{ width, height uint32 }

// state is what the chunks so far have said.
type state struct {
	header  header
	seen    map[string]bool
	last    string // kind of the chunk before
	foreign bool

	frames, framesSeen uint32 // announced by acTL; fcTL chunks so far
	sequence           uint32 // next number of fcTL and fdAT
	frame              *frame // waits for its data
	rows               uint64 // good rows of the main picture

	title, author string
	changed       time.Time
	exifHints     filetype.Hints
}

func (st *state) animated() bool { return st.seen["acTL"] }

func misplaced(c chunk, rule string) *finding.Finding {
	f := badOrder.New(finding.At(c.off, 8), finding.Arg("chunk", c.kind), finding.Expected(rule, nil))
	return &f
}

// once lists the chunks that may stand in a picture only once.
var once = map[string]bool{"IHDR": true, "PLTE": true, "acTL": true}

// enter checks the place of c before its content is read.
func (st *state) enter(c chunk) *finding.Finding {
	if st.seen == nil {
		st.seen = map[string]bool{}
		if c.kind == "CgBI" {
			st.foreign = true
			return nil
		}
		if c.kind != "IHDR" {
			return misplaced(c, "IHDR comes first")
		}
	}
	last, twice := st.last, st.seen[c.kind]
	st.last = c.kind
	st.seen[c.kind] = true
	switch {
	case once[c.kind] && twice:
		return misplaced(c, "only one of them")
	case c.kind == "IDAT" && twice && last != "IDAT":
		return misplaced(c, "all IDAT chunks in a row")
	case c.kind == "IDAT" && st.header.colour == 3 && !st.seen["PLTE"]:
		return misplaced(c, "behind a palette")
	case (c.kind == "PLTE" || c.kind == "acTL") && st.seen["IDAT"]:
		return misplaced(c, "before the pixels")
	case c.kind == "PLTE" && (st.header.colour == 0 || st.header.colour == 4):
		return misplaced(c, "not in a grey picture")
	case c.kind == "fdAT" && st.animated() && (st.frame == nil || !st.seen["IDAT"]):
		return misplaced(c, "behind the fcTL of its frame")
	case c.kind == "IEND" && !st.seen["IDAT"]:
		return misplaced(c, "behind the pixels")
	case c.kind == "IEND" && st.animated() && (st.frame != nil || st.framesSeen != st.frames):
		f := badAnimation.New(finding.At(c.off, 8), finding.Expected(fmt.Sprintf("%d frames", st.frames), fmt.Sprintf("the end after %d", st.framesSeen)))
		return &f
	}
	return nil
}

// take looks at the content of a chunk whose sum is right; p is its data, up to maxKept bytes.
func (st *state) take(c chunk, p []byte) *finding.Finding {
	wrong := func(expected, found string) *finding.Finding {
		f := badHeader.New(finding.At(c.off, c.length+overhead), finding.Arg("chunk", c.kind), finding.Expected(expected, found))
		return &f
	}
	switch c.kind {
	case "IHDR":
		h, bad, expected := parseHeader(p[:min(len(p), 14)])
		if bad != "" {
			return wrong(expected, bad)
		}
		st.header = h
	case "PLTE":
		if c.length == 0 || c.length%3 != 0 || c.length > 256*3 || st.header.colour == 3 && c.length > 3<<st.header.depth {
			return wrong("1 to 256 entries of 3 bytes, no more than the depth can name", fmt.Sprintf("%d bytes", c.length))
		}
	case "IEND":
		if c.length != 0 {
			return wrong("no data", fmt.Sprintf("%d bytes", c.length))
		}
	case "acTL":
		if len(p) != 8 || binary.BigEndian.Uint32(p) == 0 {
			return wrong("8 bytes with a number of frames", fmt.Sprintf("% x", p[:min(len(p), 8)]))
		}
		st.frames = binary.BigEndian.Uint32(p)
	case "fcTL":
		if st.animated() {
			return st.takeFrame(c, p)
		}
	case "tEXt", "iTXt":
		st.takeText(c.kind, p)
	case "tIME":
		if len(p) == 7 {
			st.changed = time.Date(int(binary.BigEndian.Uint16(p)), time.Month(p[2]), int(p[3]), int(p[4]), int(p[5]), int(p[6]), 0, time.UTC)
		}
	case "eXIf":
		st.exifHints = exif.Hints(p)
	default:
		if c.critical() {
			f := unknownCritical.New(finding.At(c.off, c.length+overhead), finding.Arg("chunk", c.kind))
			return &f
		}
	}
	return nil
}

// takeFrame looks at an fcTL chunk.
func (st *state) takeFrame(c chunk, p []byte) *finding.Finding {
	broken := func(expected, found string) *finding.Finding {
		f := badAnimation.New(finding.At(c.off, c.length+overhead), finding.Expected(expected, found))
		return &f
	}
	if len(p) != 26 {
		return broken("26 bytes of frame control", fmt.Sprintf("%d", c.length))
	}
	if n := binary.BigEndian.Uint32(p); n != st.sequence {
		return broken(fmt.Sprintf("number %d", st.sequence), fmt.Sprintf("number %d", n))
	}
	st.sequence++
	if st.frame != nil {
		return broken("the data of the frame before", "another frame")
	}
	f := frame{binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[8:])}
	x, y := uint64(binary.BigEndian.Uint32(p[12:])), uint64(binary.BigEndian.Uint32(p[16:]))
	if f.width == 0 || f.height == 0 || x+uint64(f.width) > uint64(st.header.width) || y+uint64(f.height) > uint64(st.header.height) {
		return broken("a frame inside the picture", fmt.Sprintf("%d by %d at %d, %d", f.width, f.height, x, y))
	}
	if !st.seen["IDAT"] && (f.width != st.header.width || f.height != st.header.height) {
		return broken("a first frame as large as the picture", fmt.Sprintf("%d by %d", f.width, f.height))
	}
	st.framesSeen++
	st.frame = &f
	return nil
}

// takeText takes over a title or an author; broken text is left out.
func (st *state) takeText(kind string, p []byte) {
	key, rest, ok := bytes.Cut(p, []byte{0})
	if !ok {
		return
	}
	if kind == "iTXt" {
		if len(rest) < 2 || rest[0] != 0 { // compressed text is not worth an inflater
			return
		}
		_, rest, ok = bytes.Cut(rest[2:], []byte{0}) // language
		if ok {
			_, rest, ok = bytes.Cut(rest, []byte{0}) // translated keyword
		}
		if !ok {
			return
		}
	}
	text := exif.Text(string(rest[:min(len(rest), 1024)]))
	switch {
	case string(key) == "Title" && st.title == "":
		st.title = text
	case string(key) == "Author" && st.author == "":
		st.author = text
	}
}

func (st *state) hints() filetype.Hints {
	h := st.exifHints
	if st.title != "" {
		h.Title = st.title
	}
	if st.author != "" {
		h.Author = st.author
	}
	if h.Taken.IsZero() {
		h.Taken = st.changed
	}
	return h
}

// progress says how much of the picture is good, when pixels were begun and not ended.
func (st *state) progress() []finding.Finding {
	if !st.seen["IDAT"] || st.header.interlaced || st.rows >= uint64(st.header.height) {
		return nil
	}
	return []finding.Finding{partPixels.New(finding.Arg("rows", st.rows), finding.Arg("height", st.header.height))}
}
