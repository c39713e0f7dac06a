package mp3

import (
	"bytes"
	"context"
	"fmt"
	"image"

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
var Findings = []*finding.Def{badMusic, gained}

var (
	badMusic = &finding.Def{Code: "mp3.checksum", Severity: finding.Error,
		Text: "the frames fail the check of their encoder (CRC-16): stored {expected}, computed {found}"}
	gained = &finding.Def{Code: "mp3.changed", Severity: finding.Info,
		Text: "the frames fail the check of their encoder, as they do after a program like mp3gain has changed how loud they are"}
)

const (
	bufferSize = 256 << 10
	// minFrames is how many frames of one kind must follow each other before they are taken for sound.
	minFrames = 4
	// maxZeros is the most zeros between a tag and the first frame.
	maxZeros = 8 << 10
	// maxAPE is the longest APE tag that is looked into.
	maxAPE = 128 << 10
)

// Formats returns the rows of this package: mp3 for files that have a beginning, mpa for any stream.
func Formats() []filetype.Format {
	whole, any := exam.Kind{Format: "MP3", Buffer: bufferSize, Walk: begun}, exam.Kind{Format: "MPEG audio", Buffer: bufferSize, Walk: anywhere}
	sync := func(id string, second, third, mask byte) probe.Probe {
		return probe.Probe{ID: "mp3." + id, Bytes: []byte{0xFF, second, third}, Mask: []byte{0xFF, 0xFE, mask}, Align: 512}
	}
	f := filetype.Format{
		Name:       "mp3",
		Class:      filetype.Audio,
		Extensions: []string{"mp3", "mp2", "mp1"},
		Signatures: []probe.Probe{{ID: "mp3.id3-2", Bytes: []byte("ID3\x02")}, {ID: "mp3.id3-3", Bytes: []byte("ID3\x03")}, {ID: "mp3.id3-4", Bytes: []byte("ID3\x04")},
			sync("layer3", 0xFA, 0, 0), sync("layer3-2", 0xF2, 0, 0), sync("layer3-25", 0xE2, 0, 0), sync("layer2", 0xFC, 0, 0), sync("layer2-2", 0xF4, 0, 0)},
		Ceiling:   filetype.Consistent, // no check at all, or one of 16 bits
		Carve:     true,
		Examine:   whole.Examine,
		Scout:     Scout,
		Preview:   whole.Preview,
		Thumbnail: cover,
	}
	m := f
	m.Name, m.Signatures, m.Carve, m.Examine, m.Preview, m.Scout = "mpa", nil, false, any.Examine, any.Preview, nil
	return []filetype.Format{f, m}
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	off    int64
	start  int64 // of the first frame
	tag    tag.Tag
	tagged bool // an ID3v2 tag begins the file
	first  header
	last   int64 // where the last frame begins
	frames int64
	info   info
	music  uint16
	loud   bool // a tag says that the frames were changed
	ended  bool // a tag follows the frames
	strict bool
}

func begun(e *exam.Exam) error    { return walk(e, true) }
func anywhere(e *exam.Exam) error { return walk(e, false) }

func walk(e *exam.Exam, strict bool) error {
	w := &walker{Exam: e, strict: strict}
	if err := w.front(); err != nil {
		return err
	}
	err := w.sound()
	w.tag.Tell(e)
	if err != nil {
		return err
	}
	if e.Listing && w.frames == 0 {
		return nil
	}
	return w.verdict()
}

// front reads the tag before the frames.
func (w *walker) front() error {
	p, err := w.Head(10)
	if err != nil {
		return err
	}
	n := tag.ID3Size(p)
	if n == 0 {
		if len(p) < headerSize || p[0] != 0xFF {
			return filetype.ErrNot
		}
		if _, ok := parseHeader(p); !ok {
			return filetype.ErrNot
		}
		return nil
	}
	w.Want = n
	w.tagged = true
	if p, err = w.Need(0, int(min(n, bufferSize)), "tag"); err != nil {
		return err
	}
	w.tag = tag.ID3(p)
	if err := w.Each(block.Between(0, n), "tag", nil); err != nil {
		return err
	}
	w.off = n
	for zeros := 0; zeros < maxZeros; {
		p, err := w.Upto(w.off, 1)
		if len(p) == 0 {
			return w.Lost(w.off, w.off+headerSize, "sound", err)
		}
		i := 0
		for i < len(p) && p[i] == 0 && zeros < maxZeros {
			i++
			zeros++
		}
		w.off += int64(i)
		if i < len(p) {
			break
		}
	}
	w.Want = 0
	return nil
}

// sound follows the frames, and the tags behind them.
func (w *walker) sound() error {
	p, err := w.Need(w.off, headerSize, "first frame")
	if err != nil {
		return err
	}
	h, ok := parseHeader(p)
	if !ok {
		return filetype.ErrNot
	}
	w.first = h
	if p, err = w.Need(w.off, h.size, "first frame"); err != nil {
		return w.weak(err)
	}
	info, silent := parseInfo(&h, p)
	if !w.tagged && !silent && w.strict && h.leans(p) {
		return filetype.ErrNot
	}
	w.R.Extension = [4]string{"", "mp1", "mp2", "mp3"}[h.layer]
	w.Fact("Sound", fmt.Sprintf("%s, %d kbit/s, %d Hz, %s", [4]string{"", "MP1", "MP2", "MP3"}[h.layer], h.bitrate, h.rate,
		map[bool]string{true: "mono", false: "stereo"}[h.mono]))
	w.start = w.off
	if silent {
		w.info = info
		w.off += int64(h.size)
		if info.bytes > int64(h.size) {
			w.Want = w.start + info.bytes
		}
		if w.Listing && info.frames > 0 {
			w.Fact("Length", media.Clock(h.length(info.frames)))
			return nil
		}
	}
	for {
		if w.info.frames > 0 && w.frames >= w.info.frames && (w.info.bytes == 0 || w.off-w.start == w.info.bytes) {
			break
		}
		begun := w.off
		more, err := w.frame()
		if err != nil {
			return w.weak(err)
		}
		if !more {
			break
		}
		w.last = begun
		w.R.GoodUntil = w.off
	}
	if w.Listing && w.info.frames == 0 {
		w.Fact("Length", media.Clock(h.length(w.frames)))
	}
	if err := w.enough(); err != nil {
		return err
	}
	w.Want = 0
	return w.back()
}

// frame reads one frame; more is false when none follows.
func (w *walker) frame() (more bool, err error) {
	p, err := w.Upto(w.off, headerSize)
	if len(p) < headerSize {
		if _, unread := block.IsUnreadable(err); unread || w.Context().Err() != nil {
			return false, w.Lost(w.off+int64(len(p)), w.off+headerSize, "frame", err)
		}
		if w.begins(p) || w.info.frames > w.frames+1 {
			return false, w.Lost(w.off, w.off+headerSize, "frame", err)
		}
		return false, nil
	}
	h, ok := parseHeader(p)
	if !ok || !h.alike(&w.first) {
		return false, nil
	}
	if p, err = w.Need(w.off, h.size, "frame"); err != nil {
		return false, err
	}
	if !h.sumFits(p) {
		return false, cursor.Corrupt("frame", w.off+headerSize, "a fitting CRC-16", "another")
	}
	if w.info.hasMusic {
		w.music = musicSum.Update(w.music, p[:h.size])
	}
	w.frames++
	w.off += int64(h.size)
	return true, nil
}

// begins reports whether p, at the end of the source, is the beginning of a header: one byte is none.
func (w *walker) begins(p []byte) bool {
	if len(p) < 2 || p[0] != 0xFF || p[1]&0xFE != byte(w.first.bits>>16)&0xFE {
		return false
	}
	return len(p) < 3 || p[2]&0x0C == byte(w.first.bits>>8)&0x0C
}

// weak is err for what may be sound by chance only: then it is no such file.
func (w *walker) weak(err error) error {
	if !w.tagged && w.info.frames == 0 && w.frames < minFrames && media.Broken(err) {
		if _, unread := block.IsUnreadable(err); !unread {
			return filetype.ErrNot
		}
	}
	return media.Plays(w.Exam, err, w.first.length(w.frames), w.first.length(w.info.frames))
}

// enough compares the frames that are there with those that are announced.
func (w *walker) enough() error {
	total := w.info.frames
	// Some writers count the frame that announces them.
	counted := w.frames == total-1 && (w.info.bytes == 0 || w.off >= w.start+w.info.bytes)
	if total == 0 && w.frames >= minFrames || total > 0 && w.frames > 0 && (w.frames >= total || counted) {
		return nil
	}
	if total == 0 && !w.tagged {
		return filetype.ErrNot
	}
	expected := fmt.Sprintf("frame %d of %d", w.frames+1, total)
	if total == 0 {
		if w.frames > 0 {
			return nil
		}
		expected = "a frame"
	}
	p, err := w.Upto(w.off, headerSize)
	if len(p) < headerSize {
		return w.weak(w.Lost(w.off, w.off+headerSize, expected, err))
	}
	// The last frame may be cut: no other one follows it.
	w.R.GoodUntil = min(w.R.GoodUntil, w.last)
	return w.weak(cursor.Corrupt("frames", w.off, expected, fmt.Sprintf("% x", p[:headerSize])))
}

// back reads the tags behind the frames.
func (w *walker) back() error {
	for range 4 {
		p, err := w.Upto(w.off, 32)
		if len(p) < 3 {
			if _, unread := block.IsUnreadable(err); unread || w.Context().Err() != nil {
				return w.Lost(w.off, w.off+3, "what follows the frames", err)
			}
			return nil
		}
		n := int64(0)
		switch {
		case bytes.HasPrefix(p, []byte("TAG")):
			n = 128
			if p, err = w.Need(w.off, int(n), "tag"); err != nil {
				return err
			}
			w.tag.Merge(tag.ID3v1(p))
		case len(p) >= 32 && tag.APESize(p) > 0:
			if n = tag.APESize(p); n <= maxAPE {
				if p, err = w.Need(w.off, int(n), "tag"); err != nil {
					return err
				}
				w.tag.Merge(tag.APE(p))
				w.loud = w.loud || bytes.Contains(p[:n], []byte("MP3GAIN")) || bytes.Contains(bytes.ToUpper(p[:n]), []byte("REPLAYGAIN"))
			}
			if err := w.Each(block.Between(w.off, w.off+n), "tag", nil); err != nil {
				return err
			}
		default:
			return nil
		}
		w.off += n
		w.ended = true
		w.R.GoodUntil = w.off
		if n == 128 {
			return nil
		}
	}
	return nil
}

func (w *walker) verdict() error {
	length := w.first.length(w.frames)
	said := media.Followed("MP3", fmt.Sprintf("%d frames, %s", w.frames, media.Clock(length)))
	if w.info.hasMusic && w.info.music != w.music && !w.Listing {
		if !w.loud {
			return w.Report(filetype.Damaged, w.off, badMusic.New(finding.At(0, w.off), finding.Expected(fmt.Sprintf("%04x", w.info.music), fmt.Sprintf("%04x", w.music))))
		}
		return w.Whole(filetype.Consistent, w.off, gained.New(), said)
	}
	if w.info.frames == 0 && !w.ended && !w.Listing {
		settled, err := media.Settled(w.Exam, w.off)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(w.Exam, w.off, "MP3")
		}
	}
	return w.Whole(filetype.Consistent, w.off, said)
}

// cover decodes the picture in the tag.
func cover(ctx context.Context, src block.Source, size int) (image.Image, error) {
	var found block.Extent
	_, err := exam.Kind{Format: "MP3", Buffer: bufferSize, Walk: func(e *exam.Exam) error {
		w := &walker{Exam: e}
		err := w.front()
		found = w.tag.Cover
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
