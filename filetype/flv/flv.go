package flv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

var kind = exam.Kind{Format: "FLV", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "flv",
		Loose:      true,
		Class:      filetype.Video,
		Extensions: []string{"flv"},
		Signatures: []probe.Probe{{ID: "flv.head", Bytes: []byte("FLV\x01\x00\x00\x00\x00\x09\x00\x00\x00\x00"), Mask: []byte("\xFF\xFF\xFF\xFF\xFA\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

const (
	headSize = 13
	tagHead  = 11
)

// notes are what the film says of itself.
type notes struct{ duration, size, width, height float64 }

// parseNotes finds the numbers of the notes; each stands behind its name and a type of 0.
func parseNotes(p []byte) (n notes) {
	for _, f := range []struct {
		name string
		to   *float64
	}{{"duration", &n.duration}, {"filesize", &n.size}, {"width", &n.width}, {"height", &n.height}} {
		key := append([]byte{0, byte(len(f.name))}, f.name...)
		if i := bytes.Index(p, append(key, 0)); i >= 0 && i+len(key)+9 <= len(p) {
			if v := math.Float64frombits(binary.BigEndian.Uint64(p[i+len(key)+1:])); v > 0 && v < 1e15 {
				*f.to = v
			}
		}
	}
	return n
}

// tag is the head of one.
type tag struct {
	kind byte
	size int64 // of the data
	time uint32
}

// parseTag reads the eleven bytes of a head.
func parseTag(p []byte) (g tag, ok bool) {
	g = tag{kind: p[0] & 0x1F, size: int64(p[1])<<16 | int64(p[2])<<8 | int64(p[3]),
		time: uint32(p[4])<<16 | uint32(p[5])<<8 | uint32(p[6]) | uint32(p[7])<<24}
	return g, p[0]&0xC0 == 0 && (g.kind == 8 || g.kind == 9 || g.kind == 18) && p[8] == 0 && p[9] == 0 && p[10] == 0
}

func walk(e *exam.Exam) error {
	p, err := e.Head(headSize)
	if err != nil {
		return err
	}
	if len(p) < headSize || string(p[:4]) != "FLV\x01" || p[4]&0xFA != 0 || string(p[5:13]) != "\x00\x00\x00\x09\x00\x00\x00\x00" {
		return filetype.ErrNot
	}
	off, tags, last, note := int64(headSize), int64(0), uint32(0), notes{}
	e.R.GoodUntil = off
	length := func() time.Duration { return time.Duration(last) * time.Millisecond }
	fail := func(err error) error {
		return media.Plays(e, err, length(), time.Duration(note.duration*float64(time.Second)))
	}
	for {
		p, err := e.Upto(off, tagHead)
		if len(p) < tagHead {
			_, unread := block.IsUnreadable(err)
			if unread || e.Context().Err() != nil || tags == 0 || len(p) > 0 && begins(p) || note.size > float64(off) {
				return fail(e.Lost(off+int64(len(p)), max(off+tagHead, int64(note.size)), "tag", err))
			}
			break
		}
		g, ok := parseTag(p)
		if !ok {
			if tags == 0 {
				return filetype.ErrNot
			}
			if note.size > float64(off) {
				return fail(cursor.Corrupt("film", off, fmt.Sprintf("a tag, up to %#x", int64(note.size)), fmt.Sprintf("% x", p[:tagHead])))
			}
			break
		}
		if tags == 0 && g.kind == 18 {
			if p, err = e.Need(off, int(min(tagHead+g.size, 64<<10)), "notes"); err != nil {
				return fail(err)
			}
			note = parseNotes(p)
			e.Want = int64(note.size)
			if note.width > 0 && note.height > 0 {
				e.Fact("Picture", media.Pixels(int64(note.width), int64(note.height)))
			}
			if e.Listing && note.duration > 0 {
				e.Fact("Length", media.Clock(time.Duration(note.duration*float64(time.Second))))
				return nil
			}
		}
		body := block.Extent{Offset: off + tagHead, Length: g.size}
		if err := e.Each(body, "tag", nil); err != nil {
			return fail(err)
		}
		if p, err = e.Need(body.End(), 4, "size of a tag"); err != nil {
			return fail(err)
		}
		if n := int64(binary.BigEndian.Uint32(p)); n != tagHead+g.size {
			if tags == 0 {
				return filetype.ErrNot
			}
			return fail(cursor.Corrupt("film", body.End(), fmt.Sprintf("the size %d of the tag", tagHead+g.size), n))
		}
		tags++
		last = max(last, g.time)
		off = body.End() + 4
		e.R.GoodUntil = off
	}
	if e.Listing {
		e.Fact("Length", media.Clock(length()))
		return nil
	}
	if note.size != float64(off) {
		settled, err := media.Settled(e, off)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(e, off, "FLV")
		}
	}
	return e.Whole(filetype.Consistent, off, media.Followed("FLV", fmt.Sprintf("%d tags, %s", tags, media.Clock(length()))))
}

// begins reports whether p, at the end of the source, is the beginning of a tag.
func begins(p []byte) bool {
	if p[0] != 8 && p[0] != 9 && p[0] != 18 {
		return false
	}
	for i := 8; i < len(p) && i < tagHead; i++ {
		if p[i] != 0 {
			return false
		}
	}
	return true
}
