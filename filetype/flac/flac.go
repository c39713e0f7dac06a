package flac

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/tag"
)

// maxFrame is the longest frame that is followed, in bytes: 65,535 samples of 8 channels of 24 bits and more.
const maxFrame = 2 << 20

var kind = exam.Kind{Format: "FLAC", Buffer: maxFrame, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "flac",
		Class:      filetype.Audio,
		Extensions: []string{"flac"},
		Signatures: []probe.Probe{
			{ID: "flac.stream", Bytes: []byte("fLaC\x00\x00\x00\x22")},
			{ID: "flac.id3-3", Bytes: []byte("ID3\x03")}, {ID: "flac.id3-4", Bytes: []byte("ID3\x04")},
		},
		Ceiling:   filetype.Consistent, // frames have checks of 16 bits, metadata has none
		Carve:     true,
		Examine:   kind.Examine,
		Scout:     Scout,
		Preview:   kind.Preview,
		Thumbnail: cover,
	}}
}

// info is what STREAMINFO says.
type info struct {
	minBlock, maxBlock int
	minFrame, maxFrame int // 0 when not known
	rate               uint32
	channels, depth    int
	samples            int64 // of each channel; 0 when not known
}

// parseInfo reads the 34 bytes of STREAMINFO, which stands at off.
func parseInfo(off int64, p []byte) (n info, err error) {
	if len(p) != 34 {
		return n, cursor.Corrupt("STREAMINFO", off, "34 bytes", len(p))
	}
	n.minBlock, n.maxBlock = int(binary.BigEndian.Uint16(p)), int(binary.BigEndian.Uint16(p[2:]))
	n.minFrame, n.maxFrame = int(p[4])<<16|int(p[5])<<8|int(p[6]), int(p[7])<<16|int(p[8])<<8|int(p[9])
	v := binary.BigEndian.Uint64(p[10:])
	n.rate, n.channels, n.depth, n.samples = uint32(v>>44), int(v>>41&7)+1, int(v>>36&31)+1, int64(v&(1<<36-1))
	if n.minBlock < 16 || n.minBlock > n.maxBlock || n.rate == 0 || n.depth < 4 || n.maxFrame > 0 && n.minFrame > n.maxFrame {
		return n, cursor.Corrupt("STREAMINFO", off, "sizes of blocks, a rate and a depth", fmt.Sprintf("%d to %d samples, %d Hz, %d bits", n.minBlock, n.maxBlock, n.rate, n.depth))
	}
	return n, nil
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	off   int64
	info  info
	tag   tag.Tag
	cover block.Extent

	frames  int64
	samples int64 // of each channel, so far
}

func walk(e *exam.Exam) error {
	w := &walker{Exam: e}
	if err := w.metadata(); err != nil {
		return err
	}
	w.tag.Tell(e)
	e.Fact("Sound", fmt.Sprintf("FLAC, %d bit, %d Hz, %s", w.info.depth, w.info.rate, media.Channels(w.info.channels)))
	if w.info.samples > 0 {
		e.Fact("Length", media.Clock(media.Span(uint64(w.info.samples), 1, uint64(w.info.rate))))
	}
	if e.Listing {
		return nil
	}
	rate := uint64(w.info.rate)
	ended, err := w.sound()
	length := media.Span(uint64(w.samples), 1, rate)
	if err != nil {
		return media.Plays(e, err, length, media.Span(uint64(w.info.samples), 1, rate))
	}
	if p, err := e.Upto(w.off, 128); len(p) >= 128 && string(p[:3]) == "TAG" {
		w.off += 128
		ended = true
	} else if _, unread := block.IsUnreadable(err); unread && len(p) < 3 {
		return e.Lost(w.off, w.off+3, "what follows the sound", err)
	}
	if !ended {
		settled, err := media.Settled(e, w.off)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(e, w.off, "FLAC")
		}
	}
	return e.Whole(filetype.Consistent, w.off, media.Followed("FLAC", fmt.Sprintf("%d frames with their checks, %s", w.frames, media.Clock(length))))
}

// metadata reads the blocks before the sound.
func (w *walker) metadata() error {
	p, err := w.Head(10)
	if err != nil {
		return err
	}
	if w.off = tag.ID3Size(p); w.off > 0 {
		if err := w.Each(block.Between(0, w.off), "tag", nil); err != nil {
			return err
		}
	}
	if p, err = w.Need(w.off, 8, "STREAMINFO"); err != nil && w.off > 0 {
		return err
	}
	if err != nil {
		if p, _ = w.Head(4); len(p) >= 4 && string(p[:4]) == "fLaC" {
			return err
		}
		return filetype.ErrNot
	}
	if string(p) != "fLaC\x00\x00\x00\x22" && string(p) != "fLaC\x80\x00\x00\x22" {
		return filetype.ErrNot
	}
	w.off += 4
	for n := 0; ; n++ {
		p, err := w.Need(w.off, 4, "block of metadata")
		if err != nil {
			return err
		}
		last, kind, size := p[0]&0x80 != 0, p[0]&0x7F, int(p[1])<<16|int(p[2])<<8|int(p[3])
		body := w.off + 4
		switch {
		case kind == 127 || kind == 0 && n > 0:
			return cursor.Corrupt("metadata", w.off, "a block of another type", kind)
		case kind == 0:
			if p, err = w.Need(body, size, "STREAMINFO"); err != nil {
				return err
			}
			if w.info, err = parseInfo(body, p); err != nil {
				return err
			}
		case kind == 4:
			if p, err = w.Need(body, min(size, maxFrame), "comments"); err != nil {
				return err
			}
			w.tag = tag.Vorbis(p)
		case kind == 6 && w.cover.Length == 0:
			if p, err = w.Need(body, min(size, 4<<10), "picture"); err != nil {
				return err
			}
			w.cover = picture(body, p)
		}
		if err := w.Each(block.Between(body, body+int64(size)), "block of metadata", nil); err != nil {
			return err
		}
		w.off = body + int64(size)
		w.R.GoodUntil = w.off
		if last {
			return nil
		}
	}
}

// picture returns the place of the picture in a block that stands at off and begins with p.
func picture(off int64, p []byte) block.Extent {
	at := 4
	for range 2 { // its type and what it shows
		if len(p) < at+4 {
			return block.Extent{}
		}
		n := binary.BigEndian.Uint32(p[at:])
		if uint64(n) > uint64(len(p)) {
			return block.Extent{}
		}
		at += 4 + int(n)
	}
	if len(p) < at+20 {
		return block.Extent{}
	}
	return block.Extent{Offset: off + int64(at) + 20, Length: int64(binary.BigEndian.Uint32(p[at+16:]))}
}

var sum = media.NewSum16(0x8005, false)

// sound follows the frames. ended says that all that were announced are there.
func (w *walker) sound() (ended bool, err error) {
	for {
		more, err := w.next()
		if !more {
			return err == nil && w.complete(), err
		}
	}
}

// complete reports whether all samples that were announced are there.
func (w *walker) complete() bool { return w.info.samples > 0 && w.samples >= w.info.samples }

// next reads one frame; more is false behind the last one.
func (w *walker) next() (more bool, err error) {
	if w.complete() {
		return false, nil
	}
	p, err := w.Upto(w.off, maxHeader)
	f, ok := parseFrame(p)
	if !ok || !w.fits(&f) {
		if len(p) < maxHeader {
			if _, unread := block.IsUnreadable(err); unread || w.info.samples > 0 || w.frames == 0 || len(p) > 1 && p[0] == 0xFF && p[1]&0xFE == 0xF8 {
				return false, w.Lost(w.off+int64(len(p)), w.off+maxHeader, "frame", err)
			}
		}
		if w.info.samples == 0 && w.frames > 0 {
			return false, nil
		}
		return false, cursor.Corrupt("sound", w.off, w.expected(), fmt.Sprintf("% x", p[:min(len(p), 8)]))
	}
	n, err := w.frame(&f)
	if err != nil {
		return false, err
	}
	w.off += int64(n)
	w.samples += int64(f.block)
	w.frames++
	w.R.GoodUntil = w.off
	return true, nil
}

func (w *walker) expected() string {
	if w.info.samples > 0 {
		return fmt.Sprintf("the frame of sample %d of %d", w.samples, w.info.samples)
	}
	return "a frame"
}

// fits compares a header with STREAMINFO and with the frames before it.
func (w *walker) fits(f *frame) bool {
	if f.rate != 0 && f.rate != w.info.rate || f.channels != w.info.channels || f.depth != 0 && f.depth != w.info.depth || f.block > w.info.maxBlock {
		return false
	}
	if f.variable {
		return f.number == uint64(w.samples)
	}
	return f.number == uint64(w.frames)
}

// frame returns the size of the frame at the current place. It ends where the next in sequence begins and its check
// is right; the last one is followed bit by bit.
func (w *walker) frame(f *frame) (int, error) {
	last := w.info.samples > 0 && w.samples+int64(f.block) >= w.info.samples
	want := 32 << 10
	if w.info.maxFrame > 0 {
		want = min(w.info.maxFrame+maxHeader, maxFrame)
	}
	next := *w
	next.samples += int64(f.block)
	next.frames++
	for {
		p, err := w.Upto(w.off, want)
		p = p[:min(len(p), maxFrame)]
		if len(p) < f.size+2 {
			return 0, w.Lost(w.off, w.off+int64(f.size)+2, "frame", err)
		}
		if !last {
			if n := next.search(f, p); n > 0 {
				return n, nil
			}
		}
		n, bad := f.measure(p, w.info.depth)
		switch {
		case bad == errShort && len(p) < want:
			if _, unread := block.IsUnreadable(err); unread {
				return 0, w.Lost(w.off, w.off+int64(len(p))+1, "frame", err)
			}
			return 0, w.Lost(w.off, max(w.Size(), w.off+int64(len(p)))+1, "the rest of a frame", err)
		case bad == errShort && want < maxFrame:
			want = min(4*want, maxFrame)
			continue
		case bad != nil:
			return 0, cursor.Corrupt("frame", w.off, "bits of a frame, and the next one", "other bits")
		}
		if c := sum.Update(0, p[:n]); c != 0 {
			return 0, cursor.Corrupt("frame", w.off, "a fitting CRC-16", fmt.Sprintf("a difference of %04x", c))
		}
		return n, nil
	}
}

// search looks in p, which begins with f, for the frame behind it. It returns where it begins; 0 when it is not there.
// The receiver stands behind f.
func (w *walker) search(f *frame, p []byte) int {
	c, done := uint16(0), 0
	for at := f.size + 2; ; at++ {
		i := bytes.IndexByte(p[min(at, len(p)):], 0xFF)
		if i < 0 || at+i+maxHeader > len(p) {
			return 0
		}
		at += i
		if p[at+1]&0xFE != 0xF8 {
			continue
		}
		if g, ok := parseFrame(p[at:]); ok && g.variable == f.variable && w.fits(&g) {
			c = sum.Update(c, p[done:at])
			done = at
			if c == 0 {
				return at
			}
		}
	}
}

// cover decodes the picture among the metadata.
func cover(ctx context.Context, src block.Source, _ int) (image.Image, error) {
	var found block.Extent
	_, err := exam.Kind{Format: "FLAC", Buffer: maxFrame, Walk: func(e *exam.Exam) error {
		w := &walker{Exam: e}
		err := w.metadata()
		if found = w.cover; found.Length == 0 {
			found = w.tag.Cover
		}
		return err
	}}.Preview(ctx, src)
	if err != nil {
		return nil, err
	}
	if found.Length == 0 {
		return nil, filetype.ErrNot
	}
	return media.Embedded.Picture(ctx, src, found)
}
