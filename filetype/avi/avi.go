package avi

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/riff"
	"salvor/filetype/internal/tag"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{noIndex, fewer}

var (
	noIndex = &finding.Def{Code: "avi.no-index", Severity: finding.Error,
		Text: "the film was never closed, as when a recording is interrupted: its parts are there and its index is not; {found} frames are whole"}
	fewer = &finding.Def{Code: "avi.frames", Severity: finding.Warning,
		Text: "the header tells of {expected} frames, the film has {found}"}
)

var kind = exam.Kind{Format: "AVI", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{kind.Row(riff.Row("avi", filetype.Video, []string{"avi", "divx"}, riff.Probe("avi.riff", "RIFF", "AVI ")))}
}

const (
	maxStreams = 100
	// maxParts is the most "AVIX" parts of one film; each has about 1 GiB.
	maxParts = 1 << 16
	// maxDepth is how deep lists may stand inside each other. Real ones do to 4.
	maxDepth = 8
)

// stream is what strh and strf say.
type stream struct {
	kind, codec string // "vids", "MJPG"
	scale, rate uint32
	length      uint32
	chunks      int64
	note        string
}

// walker goes through one film.
type walker struct {
	*exam.Exam
	streams []stream
	period  uint32 // of a frame, in microseconds
	total   int64  // frames of all parts, by dmlh
	tag     tag.Tag
	taken   time.Time
	open    bool  // never closed: sizes are not told
	movi    int64 // where the data of the first movi list begins; 0 before
	first   int64 // the first chunk in it, counted from movi
	seen    summary
	indexed bool
}

func walk(e *exam.Exam) error {
	p, err := e.Head(12)
	if err != nil {
		return err
	}
	form, ok := riff.Head(0, p)
	if !ok || form.Type != "AVI " || form.Magic != "RIFF" {
		return filetype.ErrNot
	}
	w := &walker{Exam: e, open: form.End == riff.Open}
	end, err := w.parts(form)
	w.tag.Tell(e)
	if !w.taken.IsZero() {
		e.R.Hints.Taken = w.taken
		e.Fact("Taken", w.taken.Format("2006-01-02 15:04:05"))
	}
	w.tell()
	if len(w.streams) == 0 || w.movi == 0 {
		if _, corrupt := cursor.IsCorrupt(err); corrupt || err == nil {
			return filetype.ErrNot // no film was told of
		}
	}
	if err != nil {
		return media.Plays(e, err, w.played(), w.length())
	}
	if w.open {
		e.R.Missing.Add(block.Extent{Offset: end, Length: 1})
		if err := e.Report(filetype.Partial, end, noIndex.New(finding.At(end, 0), finding.Expected(nil, w.frames()))); err != nil {
			return err
		}
		e.R.GoodUntil = end
		return nil
	}
	if n := w.frames(); w.total > n {
		e.R.Findings = append(e.R.Findings, fewer.New(finding.Expected(w.total, n)))
		if end >= e.Size() {
			return e.Lost(end, end+1, "further parts of the film", errEnd)
		}
	}
	return e.Whole(filetype.Consistent, end, media.Followed("AVI", fmt.Sprintf("%d frames, %s", w.frames(), media.Clock(w.played()))))
}

// parts goes through the first part and those that follow it, and returns where the last ends.
func (w *walker) parts(form riff.Form) (int64, error) {
	start := int64(0)
	for range maxParts {
		if w.open {
			form.End = riff.Open
		} else {
			w.Want = form.End
		}
		w.R.GoodUntil = max(w.R.GoodUntil, start+12)
		end, err := w.lists(start+12, form.End, 0)
		if err != nil || w.open {
			return end, err
		}
		w.R.GoodUntil = form.End
		start = form.End
		p, err := w.Upto(start, 12)
		if len(p) < 12 {
			if _, unread := block.IsUnreadable(err); unread {
				return start, w.Lost(start, start+12, "what follows the part", err)
			}
			return start, w.Context().Err()
		}
		next, ok := riff.Head(start, p)
		if !ok || next.Type != "AVIX" || next.End == riff.Open {
			return start, nil
		}
		form = next
	}
	return start, nil
}

// lists goes through the chunks of a part or of a list.
func (w *walker) lists(off, end int64, depth int) (int64, error) {
	for off < end {
		if end-off < 8 {
			return end, w.Each(block.Between(off, end), "end", nil)
		}
		c, err := riff.At(w.Exam, off, end)
		if err != nil {
			if w.open && w.movi > 0 {
				return off, w.Context().Err()
			}
			return off, err
		}
		if w.open && c.Size == 0 && c.ID == "LIST" {
			c.Size = riff.Open - c.Body() - 16
		}
		if err := w.chunk(c, depth); err != nil {
			return off, err
		}
		if w.open && w.movi > 0 {
			return w.R.GoodUntil, nil
		}
		if err := w.Each(block.Between(c.End(), c.Next()), "padding", nil); err != nil {
			return off, err
		}
		off = c.Next()
		if depth == 0 {
			w.R.GoodUntil = off
		}
	}
	return off, nil
}

func (w *walker) chunk(c riff.Chunk, depth int) error {
	read := func(n int64) ([]byte, error) { return w.Need(c.Body(), int(min(c.Size, n)), "chunk "+c.ID) }
	switch c.ID {
	case "LIST":
		if c.Size < 4 || depth >= maxDepth {
			return cursor.Corrupt("list", c.Off+4, "a type and chunks", fmt.Sprintf("%d bytes at depth %d", c.Size, depth))
		}
		p, err := read(4)
		if err != nil {
			return err
		}
		switch string(p) {
		case "movi":
			if w.movi == 0 {
				w.movi = c.Body()
			}
			return w.film(c.Body()+4, c.End(), 0)
		case "hdrl", "strl", "odml", "INFO":
			_, err := w.lists(c.Body()+4, c.End(), depth+1)
			return err
		}
	case "avih":
		p, err := read(40)
		if err != nil {
			return err
		}
		if len(p) < 40 {
			return cursor.Corrupt("header of the film", c.Off+4, "56 bytes", c.Size)
		}
		w.period = binary.LittleEndian.Uint32(p)
		w.Fact("Picture", media.Pixels(binary.LittleEndian.Uint32(p[32:]), binary.LittleEndian.Uint32(p[36:])))
	case "strh":
		p, err := read(36)
		if err != nil {
			return err
		}
		if len(p) < 36 || len(w.streams) >= maxStreams {
			return cursor.Corrupt("header of a stream", c.Off+4, "56 bytes, and up to 100 streams", c.Size)
		}
		w.streams = append(w.streams, stream{kind: string(p[:4]), codec: string(p[4:8]), scale: binary.LittleEndian.Uint32(p[20:]),
			rate: binary.LittleEndian.Uint32(p[24:]), length: binary.LittleEndian.Uint32(p[32:])})
	case "strf":
		p, err := read(40)
		if err != nil {
			return err
		}
		w.format(p)
	case "IDIT":
		p, err := read(64)
		if err != nil {
			return err
		}
		w.taken = taken(string(p))
	case "dmlh":
		p, err := read(4)
		if err != nil {
			return err
		}
		if len(p) == 4 {
			w.total = int64(binary.LittleEndian.Uint32(p))
		}
	case "idx1":
		if w.movi > 0 && !w.indexed && !w.Listing {
			w.indexed = true
			return w.index(c)
		}
	default:
		if depth > 0 && c.ID[0] == 'I' {
			p, err := read(1024)
			if err != nil {
				return err
			}
			w.tag.Set(c.ID, string(p))
		}
	}
	if w.Listing {
		return nil
	}
	return w.Each(c.Data(), "chunk "+c.ID, nil)
}

// taken reads the time when a camera began to film, in one of the forms that cameras write.
func taken(s string) time.Time {
	s = exif.Text(s)
	for _, layout := range []string{"Mon Jan 2 15:04:05 2006", "2006:01:02 15:04:05", "2006-01-02 15:04:05", "2006/01/02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// format reads what strf says of the last stream.
func (w *walker) format(p []byte) {
	if len(w.streams) == 0 {
		return
	}
	s := &w.streams[len(w.streams)-1]
	switch {
	case s.kind == "vids" && len(p) >= 20:
		s.codec = string(p[16:20])
		s.note = fmt.Sprintf("%s %s", codecName(s.codec), media.Pixels(binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:])))
	case s.kind == "auds" && len(p) >= 8:
		s.note = fmt.Sprintf("codec %#x, %d Hz, %s", binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint32(p[4:]), media.Channels(int(binary.LittleEndian.Uint16(p[2:]))))
	}
}

// codecName shows a name of four letters.
func codecName(code string) string {
	if name := exif.Text(code); name != "" {
		return name
	}
	return "uncompressed"
}

// video returns the first stream of pictures.
func (w *walker) video() *stream {
	for i := range w.streams {
		if w.streams[i].kind == "vids" {
			return &w.streams[i]
		}
	}
	return nil
}

func (w *walker) frames() int64 {
	if v := w.video(); v != nil {
		return v.chunks
	}
	return 0
}

// frameTime returns how long n frames play.
func (w *walker) frameTime(n int64) time.Duration {
	if v := w.video(); v != nil && v.scale > 0 && v.rate > 0 {
		return media.Span(uint64(n), uint64(v.scale), uint64(v.rate))
	}
	return media.Span(uint64(n), uint64(w.period), 1e6)
}

func (w *walker) played() time.Duration { return w.frameTime(w.frames()) }

// length returns how long the film is by its header.
func (w *walker) length() time.Duration {
	if v := w.video(); v != nil {
		return w.frameTime(max(int64(v.length), w.total))
	}
	return 0
}

func (w *walker) tell() {
	if n := w.length(); n > 0 {
		w.Fact("Length", media.Clock(n))
	}
	for i, s := range w.streams {
		w.Member(fmt.Sprintf("%s %d", map[string]string{"vids": "pictures", "auds": "sound", "txts": "text"}[s.kind], i), -1, s.note)
	}
}
