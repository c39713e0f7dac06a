package ogg

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/tag"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badSum, noEnd}

var (
	badSum = &finding.Def{Code: "ogg.checksum", Severity: finding.Error,
		Text: "the page at {offset} fails its CRC-32: stored {expected}, computed {found}"}
	noEnd = &finding.Def{Code: "ogg.no-end", Severity: finding.Warning,
		Text: "the pages stop at {offset} before the one that ends the stream"}
)

var kind = exam.Kind{Format: "Ogg", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{kind.Row(filetype.Format{
		Name:       "ogg",
		Class:      filetype.Audio,
		Extensions: []string{"ogg", "oga", "ogv", "opus", "spx", "ogx"},
		// Every page begins with the same letters; a file begins with one that begins a stream.
		Signatures: []probe.Probe{{ID: "ogg.page", Bytes: []byte("OggS\x00\x02")}},
		Scout:      Scout,
		Ceiling:    filetype.Proven, // each page has a CRC-32 of all of its bytes, and a number
	})}
}

const (
	pageHeader = 27
	// maxStreams is the most streams that are followed at once.
	maxStreams = 64

	continued = 1 // flags of a page
	begins    = 2
	ends      = 4
)

// page is the head of one page.
type page struct {
	flags    byte
	position uint64 // in units of the codec; all ones: none
	stream   uint32
	number   uint32
	sum      uint32
	lengths  int   // entries of the table
	size     int64 // of the page
	open     bool  // its last packet goes on
}

// parsePage reads the head of a page and its table.
func parsePage(p []byte) (g page, ok bool) {
	if len(p) < pageHeader || string(p[:4]) != "OggS" || p[4] != 0 || p[5] > 7 || len(p) < pageHeader+int(p[26]) {
		return g, false
	}
	g = page{flags: p[5], position: binary.LittleEndian.Uint64(p[6:]), stream: binary.LittleEndian.Uint32(p[14:]),
		number: binary.LittleEndian.Uint32(p[18:]), sum: binary.LittleEndian.Uint32(p[22:]), lengths: int(p[26])}
	g.size = int64(pageHeader + g.lengths)
	for _, n := range p[pageHeader : pageHeader+g.lengths] {
		g.size += int64(n)
		g.open = n == 255
	}
	return g, true
}

// stream is what is known of one.
type stream struct {
	codec string
	rate  uint64
	skip  uint64 // samples before the sound
	next  uint32 // number of its next page
	open  bool   // a packet goes on
	ended bool
	at    uint64 // position of the last page
}

// length returns how long the stream plays so far.
func (s *stream) length() time.Duration {
	if s.rate == 0 || s.at == 1<<64-1 || s.at < s.skip {
		return 0
	}
	return media.Span(s.at-s.skip, 1, s.rate)
}

// codecs are known by how their first packet begins, and where in it the rate stands.
var codecs = []struct {
	magic, name, extension string
	rate                   int
}{
	{"\x01vorbis", "Vorbis", "ogg", 12}, {"OpusHead", "Opus", "opus", 0}, {"\x80theora", "Theora", "ogv", 0},
	{"Speex   ", "Speex", "spx", 36}, {"\x7FFLAC", "FLAC", "oga", 0}, {"fishead\x00", "Skeleton", "", 0},
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	off     int64
	pages   int64
	streams map[uint32]*stream
	playing int // streams that have not ended
	tag     tag.Tag
	before  time.Duration // of chained streams that have ended
	current time.Duration
	broken  *finding.Finding
}

func walk(e *exam.Exam) error {
	p, err := e.Head(6)
	if err != nil {
		return err
	}
	if len(p) < 6 || string(p[:6]) != "OggS\x00\x02" {
		return filetype.ErrNot
	}
	w := &walker{Exam: e, streams: map[uint32]*stream{}}
	more := true
	for err == nil && more {
		more, err = w.page()
	}
	w.tag.Tell(e)
	length := w.before + w.current
	if e.Listing {
		e.Fact("Length", media.Clock(length))
		return nil
	}
	if w.pages == 0 && err != nil {
		if _, corrupt := cursor.IsCorrupt(err); corrupt {
			return filetype.ErrNot
		}
	}
	if w.broken != nil {
		e.R.Findings = append(e.R.Findings, *w.broken)
	}
	if err != nil {
		return media.Plays(e, err, length, 0)
	}
	if w.playing > 0 {
		e.R.Missing.Add(block.Extent{Offset: w.off, Length: 1})
		return e.Report(filetype.Partial, w.off, noEnd.New(finding.At(w.off, 0)),
			filetype.Plays.New(finding.Expected("an unknown length", media.Clock(length))))
	}
	return e.Whole(filetype.Proven, w.off)
}

var sum = media.NewSum32(0x04C11DB7)

// page reads one page; more is false when none follows.
func (w *walker) page() (more bool, err error) {
	p, err := w.Upto(w.off, pageHeader)
	if len(p) < pageHeader {
		if _, unread := block.IsUnreadable(err); !unread && w.playing == 0 && w.pages > 0 {
			return false, w.Context().Err()
		}
		return false, w.Lost(w.off, w.off+pageHeader, "page", err)
	}
	if string(p[:4]) != "OggS" || p[4] != 0 || w.playing == 0 && w.pages > 0 && p[5]&begins == 0 {
		return false, nil
	}
	number := binary.LittleEndian.Uint32(p[14:])
	if p[5]&begins != 0 && w.playing > 0 && w.streams[number] == nil && w.started() {
		return false, nil // another file
	}
	table := pageHeader + int(p[26])
	if p, err = w.Need(w.off, table, "page"); err != nil {
		return false, err
	}
	g, ok := parsePage(p)
	if !ok {
		return false, cursor.Corrupt("page", w.off, "the head of a page", fmt.Sprintf("% x", p[:8]))
	}
	if p, err = w.Need(w.off, int(g.size), "page"); err != nil {
		return false, err
	}
	c := sum.Update(0, p[:22])
	c = sum.Update(c, []byte{0, 0, 0, 0})
	if c = sum.Update(c, p[26:]); c != g.sum {
		f := badSum.New(finding.At(w.off, g.size), finding.Expected(fmt.Sprintf("%08x", g.sum), fmt.Sprintf("%08x", c)))
		w.broken = &f
		return false, cursor.Corrupt("page", w.off, fmt.Sprintf("the check %08x", g.sum), fmt.Sprintf("%08x", c))
	}
	if err := w.take(&g, p[table:]); err != nil {
		return false, err
	}
	w.off += g.size
	w.pages++
	w.R.GoodUntil = w.off
	w.Units(w.pages, 0, "pages")
	return true, nil
}

// started reports whether any stream has gone beyond its first page: all first pages stand together.
func (w *walker) started() bool {
	for _, s := range w.streams {
		if !s.ended && s.next > 1 {
			return true
		}
	}
	return false
}

// take compares a page with those of its stream before it.
func (w *walker) take(g *page, data []byte) error {
	s := w.streams[g.stream]
	wrong := func(expected, found any) error { return cursor.Corrupt("page", w.off, expected, found) }
	if g.flags&begins != 0 {
		if s != nil && !s.ended {
			return wrong("one beginning of stream "+fmt.Sprint(g.stream), "a second")
		}
		if w.playing == 0 {
			w.before += w.current
			w.current = 0
			clear(w.streams)
		}
		if len(w.streams) >= maxStreams {
			return wrong(fmt.Sprintf("up to %d streams", maxStreams), "more")
		}
		s = w.begin(data)
		s.next = g.number
		w.streams[g.stream] = s
		w.playing++
	}
	switch {
	case s == nil || s.ended:
		return wrong("a page of a stream that was begun", fmt.Sprintf("one of stream %#x", g.stream))
	case g.number != s.next:
		return wrong(fmt.Sprintf("page %d", s.next), fmt.Sprintf("page %d", g.number))
	case g.lengths > 0 && (g.flags&continued != 0) != s.open:
		return wrong(map[bool]string{true: "the rest of a packet", false: "a packet"}[s.open], "none")
	}
	if g.number == 1 {
		for _, magic := range []string{"\x03vorbis", "OpusTags", "\x81theora"} {
			if len(data) > len(magic) && string(data[:len(magic)]) == magic {
				w.tag.Merge(tag.Vorbis(data[len(magic):]))
			}
		}
	}
	s.next++
	if g.lengths > 0 {
		s.open = g.open
	}
	if g.position != 1<<64-1 {
		s.at = g.position
		w.current = max(w.current, s.length())
	}
	if g.flags&ends != 0 {
		s.ended = true
		w.playing--
	}
	return nil
}

// begin reads the first packet of a stream.
func (w *walker) begin(data []byte) *stream {
	s := &stream{codec: "unknown"}
	for _, c := range codecs {
		if len(data) < len(c.magic) || string(data[:len(c.magic)]) != c.magic {
			continue
		}
		s.codec = c.name
		if c.rate > 0 && len(data) >= c.rate+4 {
			s.rate = uint64(binary.LittleEndian.Uint32(data[c.rate:]))
		}
		if c.name == "Opus" && len(data) >= 12 {
			s.rate, s.skip = 48000, uint64(binary.LittleEndian.Uint16(data[10:]))
		}
		if c.name == "FLAC" && len(data) >= 31 { // STREAMINFO stands at 17
			s.rate = uint64(data[27])<<12 | uint64(data[28])<<4 | uint64(data[29])>>4
		}
		if c.name == "Theora" {
			w.R.Class = filetype.Video
		}
		if c.extension != "" && (w.R.Extension == "" || c.name == "Theora") {
			w.R.Extension = c.extension
		}
	}
	w.Member(s.codec, -1, "")
	return s
}
