package aiff

import (
	"encoding/binary"
	"fmt"
	"math"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/tag"
)

var kind = exam.Kind{Format: "AIFF", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	start := func(id, kind string) probe.Probe {
		return probe.Probe{ID: "aiff." + id, Bytes: []byte("FORM\x00\x00\x00\x00" + kind), Mask: []byte("\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF")}
	}
	return []filetype.Format{{
		Name:       "aiff",
		Loose:      true,
		Class:      filetype.Audio,
		Extensions: []string{"aiff", "aif", "aifc"},
		Signatures: []probe.Probe{start("aiff", "AIFF"), start("aifc", "AIFC")},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Plain:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// sound is what the COMM chunk says.
type sound struct {
	channels, bits int
	frames         int64
	rate           uint64
	codec          string // four letters; NONE, twos and sowt are linear
}

// parseSound reads the content of a COMM chunk that stands at off.
func parseSound(off int64, p []byte) (s sound, err error) {
	c := cursor.New("kind of sound", off, p)
	s = sound{channels: int(c.Uint16BE()), frames: int64(c.Uint32BE()), bits: int(c.Uint16BE()), codec: "NONE"}
	exponent, mantissa := c.Uint16BE(), c.Uint64BE()
	if err := c.Err(); err != nil {
		return s, err
	}
	if rate := math.Ldexp(float64(mantissa), int(exponent&0x7FFF)-16383-63); rate >= 1 && rate < 1e9 {
		s.rate = uint64(math.Round(rate))
	}
	if c.Len() >= 4 {
		s.codec = string(c.Bytes(4))
	}
	if s.channels == 0 || s.channels > 1024 || s.bits == 0 || s.bits > 64 || s.rate == 0 {
		return s, cursor.Corrupt("kind of sound", off, "channels, bits and a rate", fmt.Sprintf("%d, %d and %d", s.channels, s.bits, s.rate))
	}
	return s, nil
}

// linear reports whether the samples are not packed.
func (s *sound) linear() bool {
	switch s.codec {
	case "NONE", "twos", "sowt", "in24", "in32", "fl32", "FL32", "fl64", "FL64", "raw ":
		return true
	}
	return false
}

// frameSize returns the bytes of one step in time.
func (s *sound) frameSize() int64 { return int64(s.channels) * int64((s.bits+7)/8) }

// walker goes through the chunks of one file.
type walker struct {
	*exam.Exam
	end   int64
	sound *sound
	data  bool
	tag   tag.Tag
}

func walk(e *exam.Exam) error {
	p, err := e.Head(12)
	if err != nil {
		return err
	}
	if len(p) < 12 || string(p[:4]) != "FORM" || string(p[8:12]) != "AIFF" && string(p[8:12]) != "AIFC" {
		return filetype.ErrNot
	}
	w := &walker{Exam: e, end: 8 + int64(binary.BigEndian.Uint32(p[4:]))}
	if string(p[8:12]) == "AIFC" {
		e.R.Extension = "aifc"
	}
	e.Want = w.end
	e.R.GoodUntil = 12
	err = w.chunks()
	w.tag.Tell(e)
	if w.sound == nil {
		if _, corrupt := cursor.IsCorrupt(err); corrupt || err == nil {
			return filetype.ErrNot
		}
	}
	switch {
	case err != nil || e.Listing:
		return err
	case !w.data && w.sound.frames > 0:
		return cursor.Corrupt("chunks", w.end, "the sound", "the end")
	}
	return e.Whole(filetype.Consistent, w.end, media.Followed("AIFF", media.Clock(media.Span(uint64(w.sound.frames), 1, w.sound.rate))))
}

func (w *walker) chunks() error {
	for off := int64(12); off < w.end; {
		if w.end-off < 8 {
			return w.Each(block.Between(off, w.end), "end", nil)
		}
		p, err := w.Need(off, 8, "chunk")
		if err != nil {
			return err
		}
		name, size := string(p[:4]), int64(binary.BigEndian.Uint32(p[4:]))
		for _, b := range p[:4] {
			if b < ' ' || b > '~' {
				return cursor.Corrupt("chunks", off, "a name of four letters", fmt.Sprintf("% x", p[:4]))
			}
		}
		data := block.Extent{Offset: off + 8, Length: size}
		if data.End() > w.end {
			return cursor.Corrupt("chunk "+name, off+4, fmt.Sprintf("at most %d bytes", w.end-off-8), size)
		}
		if err := w.chunk(name, data); err != nil {
			return err
		}
		next := min(data.End()+size&1, w.end)
		if !w.Listing {
			if err := w.Each(block.Between(data.End(), next), "padding", nil); err != nil {
				return err
			}
		}
		off = next
		w.R.GoodUntil = off
	}
	return nil
}

func (w *walker) chunk(name string, data block.Extent) error {
	switch name {
	case "COMM":
		p, err := w.Need(data.Offset, int(min(data.Length, 1024)), "kind of sound")
		if err != nil {
			return err
		}
		s, err := parseSound(data.Offset, p)
		if err != nil {
			return err
		}
		w.sound = &s
		w.Fact("Sound", fmt.Sprintf("%s %d bit, %d Hz, %s", map[bool]string{true: "PCM", false: s.codec}[s.linear()], s.bits, s.rate, media.Channels(s.channels)))
		w.Fact("Length", media.Clock(media.Span(uint64(s.frames), 1, s.rate)))
	case "SSND":
		return w.samples(data)
	case "NAME", "AUTH", "ID3 ":
		p, err := w.Need(data.Offset, int(min(data.Length, 64<<10)), "note")
		if err != nil {
			return err
		}
		if name == "ID3 " {
			w.tag.Merge(tag.ID3(p))
		} else {
			w.tag.Set(name, string(p[:min(len(p), 1024)]))
		}
	}
	if w.Listing {
		return nil
	}
	return w.Each(data, "chunk "+name, nil)
}

// samples reads the sound.
func (w *walker) samples(data block.Extent) error {
	w.data = true
	if w.Listing {
		return nil
	}
	if data.Length < 8 {
		return cursor.Corrupt("sound", data.Offset, "8 bytes and samples", data.Length)
	}
	s := w.sound
	if s != nil && s.linear() && data.Length-8 < s.frames*s.frameSize() {
		return cursor.Corrupt("sound", data.Offset-4, fmt.Sprintf("%d bytes for %d steps", s.frames*s.frameSize(), s.frames), data.Length-8)
	}
	n := int64(0)
	foreign := media.NewForeign(data.Offset)
	err := w.Each(data, "sound", func(p []byte) error {
		if s != nil && s.linear() {
			if err := foreign.See(p); err != nil {
				return err
			}
		}
		n += int64(len(p))
		w.R.GoodUntil = data.Offset + n
		return nil
	})
	if broken, ok := cursor.IsCorrupt(err); ok {
		n = max(0, broken.Offset-data.Offset)
		w.R.GoodUntil = max(w.R.GoodUntil, broken.Offset)
	}
	if s == nil || data.Length == 8 {
		return err
	}
	total := media.Span(uint64(s.frames), 1, s.rate)
	return media.Plays(w.Exam, err, media.Span(uint64(max(n-8, 0)), uint64(s.frames), s.rate*uint64(data.Length-8)), total)
}
