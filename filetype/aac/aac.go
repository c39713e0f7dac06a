package aac

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
)

const (
	bufferSize = 256 << 10
	headerSize = 7
	// minFrames is how many frames of one kind must follow each other before they are taken for sound.
	minFrames = 5
)

var kind = exam.Kind{Format: "AAC", Buffer: bufferSize, Walk: walk}

// Formats returns the row of this package. A frame in the middle of a stream cannot be told from its first one; sound is
// carved where frames begin at a sector.
func Formats() []filetype.Format {
	sync := func(id string, second byte) probe.Probe {
		return probe.Probe{ID: "aac." + id, Bytes: []byte{0xFF, second, 0x40}, Mask: []byte{0xFF, 0xFF, 0xC2}, Align: 4096}
	}
	return []filetype.Format{{
		Name:       "aac",
		Loose:      true,
		Class:      filetype.Audio,
		Extensions: []string{"aac", "adts"},
		Signatures: []probe.Probe{sync("mpeg4", 0xF1), sync("mpeg2", 0xF9), sync("mpeg4-sum", 0xF0), sync("mpeg2-sum", 0xF8),
			{ID: "aac.id3-3", Bytes: []byte("ID3\x03")}, {ID: "aac.id3-4", Bytes: []byte("ID3\x04")}},
		Ceiling: filetype.Consistent, // no check, or one of 16 bits over parts
		Carve:   true,
		Plain:   true,
		Examine: kind.Examine,
		Preview: kind.Preview,
	}}
}

var rates = [16]uint32{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// header is that of a frame.
type header struct {
	bits     uint32 // what is the same in all frames
	rate     uint32
	channels int
	size     int // of the frame, in bytes, with its header
	blocks   int // of 1024 samples
}

// parseHeader reads the seven bytes of a header.
func parseHeader(p []byte) (h header, ok bool) {
	b := binary.BigEndian.Uint32(p)
	if b>>20 != 0xFFF || b>>17&3 != 0 {
		return h, false
	}
	h = header{bits: b & 0xFFFEFDC0, rate: rates[b>>10&15], channels: int(b >> 6 & 7)}
	h.size = int(p[3]&3)<<11 | int(p[4])<<3 | int(p[5])>>5
	h.blocks = int(p[6]&3) + 1
	least := headerSize + 1
	if b>>16&1 == 0 {
		least += 2
	}
	return h, h.rate > 0 && h.size > least
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	off    int64
	tag    tag.Tag
	tagged bool
	first  header
	frames int64
	blocks int64
	ended  bool
}

func walk(e *exam.Exam) error {
	w := &walker{Exam: e}
	if err := w.front(); err != nil {
		return err
	}
	err := w.follow()
	w.tag.Tell(e)
	length := w.length()
	if w.frames > 0 {
		e.Fact("Sound", fmt.Sprintf("AAC, %d Hz, %s", w.first.rate, media.Channels(w.first.channels)))
		e.Fact("Length", media.Clock(length))
	}
	if err != nil {
		return media.Plays(e, err, length, 0)
	}
	if !w.ended {
		settled, err := media.Settled(e, w.off)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(e, w.off, "AAC")
		}
	}
	return e.Whole(filetype.Consistent, w.off, media.Followed("AAC", fmt.Sprintf("%d frames, %s", w.frames, media.Clock(length))))
}

func (w *walker) length() time.Duration {
	return media.Span(uint64(w.blocks), 1024, uint64(w.first.rate))
}

// front reads the tag before the frames.
func (w *walker) front() error {
	p, err := w.Head(10)
	if err != nil {
		return err
	}
	if w.off = tag.ID3Size(p); w.off == 0 {
		return nil
	}
	w.Want = w.off
	w.tagged = true
	if p, err = w.Need(0, int(min(w.off, bufferSize)), "tag"); err != nil {
		return err
	}
	w.tag = tag.ID3(p)
	if err := w.Each(block.Between(0, w.off), "tag", nil); err != nil {
		return err
	}
	w.Want = 0
	return nil
}

// follow goes through the frames, and the tag behind them.
func (w *walker) follow() error {
	for {
		p, err := w.Upto(w.off, headerSize)
		if len(p) < headerSize {
			if _, unread := block.IsUnreadable(err); unread || w.Context().Err() != nil {
				return w.Lost(w.off+int64(len(p)), w.off+headerSize, "frame", err)
			}
			if w.frames == 0 && w.tagged || w.begins(p) {
				return w.weak(w.Lost(w.off, w.off+headerSize, "frame", err))
			}
			break
		}
		h, ok := parseHeader(p)
		if !ok || w.frames > 0 && h.bits != w.first.bits {
			if w.frames == 0 {
				return filetype.ErrNot
			}
			break
		}
		if w.frames == 0 {
			w.first = h
		}
		if _, err := w.Need(w.off, h.size, "frame"); err != nil {
			return w.weak(err)
		}
		w.frames++
		w.blocks += int64(h.blocks)
		w.off += int64(h.size)
		w.R.GoodUntil = w.off
	}
	if w.frames < minFrames {
		return filetype.ErrNot
	}
	p, err := w.Upto(w.off, 128)
	if len(p) >= 3 && string(p[:3]) == "TAG" {
		if len(p) < 128 {
			return w.Lost(w.off+int64(len(p)), w.off+128, "tag", err)
		}
		w.tag.Merge(tag.ID3v1(p))
		w.off += 128
		w.ended = true
	}
	return nil
}

// begins reports whether p, at the end of the source, is the beginning of a header: one byte is none.
func (w *walker) begins(p []byte) bool {
	if w.frames == 0 || len(p) < 2 {
		return false
	}
	var q [4]byte
	binary.BigEndian.PutUint32(q[:], w.first.bits)
	mask := [4]byte{0xFF, 0xFE, 0xFD, 0xC0}
	for i := range min(len(p), 4) {
		if p[i]&mask[i] != q[i] {
			return false
		}
	}
	return true
}

// weak is err for what may be sound by chance only: then it is no such file.
func (w *walker) weak(err error) error {
	if _, corrupt := cursor.IsCorrupt(err); w.frames < minFrames && !w.tagged && w.Context().Err() == nil {
		if _, unread := block.IsUnreadable(err); corrupt || !unread {
			return filetype.ErrNot
		}
	}
	return err
}
