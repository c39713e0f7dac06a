package wav

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
var Findings = []*finding.Def{openEnd, silent}

var (
	openEnd = &finding.Def{Code: "wav.open-end", Severity: finding.Warning,
		Text: "the recording was never closed: its header does not tell how long it is"}
	silent = &finding.Def{Code: "wav.empty", Severity: finding.Warning,
		Text: "the header tells of no sound at all, as that of an interrupted recording does"}
)

var kind = exam.Kind{Format: "WAV", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	f := kind.Row(riff.Row("wav", filetype.Audio, []string{"wav", "wave", "bwf", "rf64"},
		riff.Probe("wav.riff", "RIFF", "WAVE"), riff.Probe("wav.rf64", "RF64", "WAVE"), riff.Probe("wav.bw64", "BW64", "WAVE")))
	f.Loose = true
	f.Plain = true
	return []filetype.Format{f}
}

// codecs names the kinds of sound that are common.
var codecs = map[uint16]string{1: "PCM", 2: "MS ADPCM", 3: "PCM float", 6: "A-law", 7: "μ-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10",
	0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA"}

// sound is what the "fmt " chunk says.
type sound struct {
	codec    uint16
	channels uint16
	rate     uint32 // samples a second
	bytes    uint32 // bytes a second
	align    uint16 // bytes of one step in time, or of one packet
	bits     uint16
}

// parseSound reads the content of a "fmt " chunk that stands at off.
func parseSound(off int64, p []byte) (s sound, err error) {
	c := cursor.New("kind of sound", off, p)
	s = sound{c.Uint16(), c.Uint16(), c.Uint32(), c.Uint32(), c.Uint16(), c.Uint16()}
	if err := c.Err(); err != nil {
		return s, err
	}
	if s.codec == 0xFFFE && len(p) >= 26 { // extensible: the codec stands in front of a fixed identifier
		s.codec = binary.LittleEndian.Uint16(p[24:])
	}
	linear := s.codec == 1 || s.codec == 3
	switch {
	case s.channels == 0 || s.channels > 1024 || s.rate == 0 || s.align == 0:
		err = cursor.Corrupt("kind of sound", off, "channels, a rate and a size of samples",
			fmt.Sprintf("%d, %d and %d", s.channels, s.rate, s.align))
	case linear && uint32(s.align) != uint32(s.channels)*((uint32(s.bits)+7)/8):
		err = cursor.Corrupt("kind of sound", off+12, fmt.Sprintf("%d bytes for %d channels of %d bits", uint32(s.channels)*((uint32(s.bits)+7)/8), s.channels, s.bits), s.align)
	case linear && s.bytes != s.rate*uint32(s.align):
		err = cursor.Corrupt("kind of sound", off+8, fmt.Sprintf("%d bytes a second", s.rate*uint32(s.align)), s.bytes)
	}
	return s, err
}

func (s *sound) String() string {
	name := codecs[s.codec]
	if name == "" {
		name = fmt.Sprintf("codec %#x", s.codec)
	}
	if s.bits > 0 {
		name += fmt.Sprintf(" %d bit", s.bits)
	}
	return fmt.Sprintf("%s, %d Hz, %s", name, s.rate, media.Channels(int(s.channels)))
}

// length returns how long n bytes play.
func (s *sound) length(n int64) time.Duration {
	return media.Span(uint64(max(n, 0)), 1, uint64(s.bytes))
}

// walker goes through the chunks of one file.
type walker struct {
	*exam.Exam
	form  riff.Form
	sound *sound
	wide  int64 // size of the data by ds64; -1 without it
	data  int64 // size of the data
	seen  bool  // the data chunk
	open  bool  // nothing tells where the file ends
	tag   tag.Tag
	taken time.Time
}

func walk(e *exam.Exam) error {
	p, err := e.Head(12)
	if err != nil {
		return err
	}
	form, ok := riff.Head(0, p)
	if !ok || form.Type != "WAVE" {
		return filetype.ErrNot
	}
	w := &walker{Exam: e, form: form, wide: -1}
	if form.Magic != "RIFF" {
		if err := w.wideSizes(); err != nil {
			return err
		}
	}
	if w.form.End == riff.Open {
		w.open = true
		w.form.End = e.Size()
	} else {
		e.Want = w.form.End
	}
	e.R.GoodUntil = 12
	err = w.chunks()
	w.tag.Tell(e)
	if !w.taken.IsZero() {
		e.R.Hints.Taken = w.taken
	}
	switch {
	case w.open && (err == nil || media.Broken(err)) && w.sound != nil:
		return e.Report(filetype.Unknown, e.R.GoodUntil, openEnd.New(finding.At(4, 4)))
	case err != nil && !w.seen && w.sound == nil:
		if _, corrupt := cursor.IsCorrupt(err); corrupt {
			return filetype.ErrNot // not one chunk that only sound has
		}
		return err
	case err != nil:
		return err
	case !w.seen || w.sound == nil:
		return cursor.Corrupt("chunks", w.form.End, "the sound", "the end")
	case w.data == 0:
		return e.Report(filetype.Unknown, w.form.End, silent.New())
	}
	return e.Whole(filetype.Consistent, w.form.End, media.Followed("WAV", media.Clock(w.sound.length(w.data))+" of "+w.sound.String()))
}

// wideSizes reads the ds64 chunk, which comes first.
func (w *walker) wideSizes() error {
	p, err := w.Need(12, 8+28, "sizes of 8 bytes")
	if err != nil {
		return err
	}
	if string(p[:4]) != "ds64" {
		return filetype.ErrNot
	}
	size, data := int64(binary.LittleEndian.Uint64(p[8:])), int64(binary.LittleEndian.Uint64(p[16:]))
	if size < 28 || size > 1<<50 || data < 0 || data > size {
		return cursor.Corrupt("sizes of 8 bytes", 20, "the size of the file and of the data in it", fmt.Sprintf("%d and %d", size, data))
	}
	w.form.End, w.wide = 8+size, data
	return nil
}

func (w *walker) chunks() error {
	off := int64(12)
	for off < w.form.End {
		if w.form.End-off < 8 {
			return w.Each(block.Between(off, w.form.End), "end", nil)
		}
		c, err := riff.At(w.Exam, off, riff.Open)
		if err != nil {
			return err
		}
		if c.ID == "data" && c.Size == 1<<32-1 {
			if w.wide < 0 {
				w.open = true
			}
			c.Size = max(w.wide, 0)
		}
		if c.End() > w.form.End && !w.open {
			return cursor.Corrupt("chunk "+c.ID, off+4, fmt.Sprintf("at most %d bytes", w.form.End-c.Body()), c.Size)
		}
		if err := w.chunk(c); err != nil {
			return err
		}
		off = min(c.End()+c.Size&1, max(w.form.End, c.End()))
		if err := w.Each(block.Between(c.End(), off), "padding", nil); err != nil {
			return err
		}
		w.R.GoodUntil = off
	}
	return nil
}

// chunk reads one chunk.
func (w *walker) chunk(c riff.Chunk) error {
	switch c.ID {
	case "fmt ":
		p, err := w.Need(c.Body(), int(min(c.Size, 1024)), "kind of sound")
		if err != nil {
			return err
		}
		s, err := parseSound(c.Body(), p)
		if err != nil {
			return err
		}
		w.sound = &s
		w.Fact("Sound", s.String())
	case "data":
		return w.samples(c)
	case "LIST":
		return w.list(c)
	case "id3 ", "ID3 ":
		p, err := w.Need(c.Body(), int(min(c.Size, 64<<10)), "tag")
		if err != nil {
			return err
		}
		w.tag.Merge(tag.ID3(p))
	case "bext":
		if c.Size >= 338 {
			p, err := w.Need(c.Body(), 338, "broadcast extension")
			if err != nil {
				return err
			}
			w.tag.Set("TITLE", exif.Text(string(p[:256])))
			w.tag.Set("ARTIST", exif.Text(string(p[256:288])))
			if t, err := time.Parse("2006-01-02 15:04:05", string(p[320:330])+" "+string(p[330:332])+":"+string(p[333:335])+":"+string(p[336:338])); err == nil {
				w.taken = t
			}
		}
	}
	if w.Listing {
		return nil
	}
	return w.Each(c.Data(), "chunk "+c.ID, nil)
}

// samples reads the sound.
func (w *walker) samples(c riff.Chunk) error {
	if w.sound == nil {
		return cursor.Corrupt("chunks", c.Off, "the kind of sound before the sound", "data")
	}
	w.seen, w.data = true, c.Size
	if w.data > 0 {
		w.Fact("Length", media.Clock(w.sound.length(c.Size)))
	}
	if w.Listing {
		return nil
	}
	n := int64(0)
	foreign := media.NewForeign(c.Body())
	if w.sound.bits == 16 {
		foreign = media.NewForeignSamples(c.Body(), int(w.sound.channels))
	}
	err := w.Each(c.Data(), "sound", func(p []byte) error {
		if w.sound.codec == 1 {
			if err := foreign.See(p); err != nil {
				return err
			}
		}
		n += int64(len(p))
		w.R.GoodUntil = c.Body() + n/int64(w.sound.align)*int64(w.sound.align)
		return nil
	})
	if broken, ok := cursor.IsCorrupt(err); ok {
		n = max(0, broken.Offset-c.Body())
		w.R.GoodUntil = max(w.R.GoodUntil, broken.Offset)
	}
	return media.Plays(w.Exam, err, w.sound.length(n), w.sound.length(c.Size))
}

// list reads a list of notes.
func (w *walker) list(c riff.Chunk) error {
	if c.Size < 4 {
		return cursor.Corrupt("list", c.Off+4, "a type", fmt.Sprintf("%d bytes", c.Size))
	}
	p, err := w.Need(c.Body(), 4, "list")
	if err != nil {
		return err
	}
	if string(p) != "INFO" {
		return w.Each(c.Data(), "list", nil)
	}
	return riff.Each(w.Exam, c.Body()+4, c.End(), func(n riff.Chunk) error {
		p, err := w.Need(n.Body(), int(min(n.Size, 1024)), "note")
		if err != nil {
			return err
		}
		w.tag.Set(n.ID, string(p))
		return w.Each(n.Data(), "note", nil)
	})
}
