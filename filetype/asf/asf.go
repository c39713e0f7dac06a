package asf

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/tag"
)

const bufferSize = 256 << 10

var kind = exam.Kind{Format: "ASF", Buffer: bufferSize, Walk: walk}

// The ids of objects, as they stand in a file.
const (
	idHeader      = "\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"
	idData        = "\x36\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"
	idProperties  = "\xA1\xDC\xAB\x8C\x47\xA9\xCF\x11\x8E\xE4\x00\xC0\x0C\x20\x53\x65"
	idStream      = "\x91\x07\xDC\xB7\xB7\xA9\xCF\x11\x8E\xE6\x00\xC0\x0C\x20\x53\x65"
	idDescription = "\x33\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"
	idIndex       = "\x90\x08\x00\x33\xB1\xE5\xCF\x11\x89\xF4\x00\xA0\xC9\x03\x49\xCB"
	idIndex2      = "\xD3\x29\xE2\xD6\xDA\x35\xD1\x11\x90\x34\x00\xA0\xC9\x03\x49\xBE"
	idIndex3      = "\xF8\x03\xB1\xFE\xAD\x12\x64\x4C\x84\x0F\x2A\x1D\x2F\x7A\xD4\x8C"
	idVideo       = "\xC0\xEF\x19\xBC\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B"
	idAudio       = "\x40\x9E\x69\xF8\x4D\x5B\xCF\x11\xA8\xFD\x00\x80\x5F\x5C\x44\x2B"
)

const (
	objectHead = 24
	dataHead   = 50
	maxHeader  = 64 << 20
)

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "asf",
		Class:      filetype.Video,
		Extensions: []string{"wmv", "wma", "asf"},
		Signatures: []probe.Probe{{ID: "asf.header", Bytes: []byte(idHeader)}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	size    int64 // of the file, as it says
	packets int64
	packet  int64 // size of one
	length  time.Duration
	live    bool // it was written as a stream: it tells neither size nor packets
	video   bool
	audio   bool
	tag     tag.Tag
	created time.Time
}

// object reads the head of an object.
func (w *walker) object(off int64, what string) (id string, e block.Extent, err error) {
	p, err := w.Need(off, objectHead, what)
	if err != nil {
		return "", e, err
	}
	size := binary.LittleEndian.Uint64(p[16:])
	if size < objectHead || size > 1<<60 {
		return string(p[:16]), e, cursor.Corrupt(what, off+16, "a size of at least 24", size)
	}
	return string(p[:16]), block.Extent{Offset: off, Length: int64(size)}, nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(30)
	if err != nil {
		return err
	}
	if len(p) < 30 || string(p[:16]) != idHeader || p[28] != 1 || p[29] != 2 {
		return filetype.ErrNot
	}
	w := &walker{Exam: e}
	_, head, err := w.object(0, "header")
	if err != nil || head.Length > maxHeader {
		return filetype.ErrNot
	}
	e.Want = head.End()
	n := int64(binary.LittleEndian.Uint32(p[24:]))
	if err := w.header(head, n); err != nil {
		return err
	}
	w.tell()
	if e.Listing {
		return nil
	}
	e.R.GoodUntil = head.End()
	if w.packet == 0 {
		return cursor.Corrupt("header", 0, "the properties of the file", "none")
	}
	if !w.live {
		e.Want = max(e.Want, w.size)
	}
	packets, end, err := w.data(head.End())
	played := media.Span(uint64(packets), uint64(w.length), uint64(max(w.packets, 1))*1e9)
	if err != nil {
		return media.Plays(e, err, played, w.length)
	}
	if end, err = w.indexes(end); err != nil {
		return err
	}
	if w.live {
		settled, err := media.Settled(e, end)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(e, end, "ASF")
		}
	}
	return e.Whole(filetype.Consistent, end, media.Followed("ASF", fmt.Sprintf("%d packets, %s", packets, media.Clock(w.length))))
}

// header reads the n objects of the header.
func (w *walker) header(head block.Extent, n int64) error {
	off := head.Offset + 30
	for i := int64(0); off < head.End(); i++ {
		id, e, err := w.object(off, "object of the header")
		if err != nil {
			return err
		}
		if e.End() > head.End() || i >= n {
			return cursor.Corrupt("header", off, fmt.Sprintf("%d objects up to %#x", n, head.End()), e)
		}
		p, err := w.Need(off, int(min(e.Length, 32<<10)), "object of the header")
		if err != nil {
			return err
		}
		switch id {
		case idProperties:
			if err := w.properties(off, p); err != nil {
				return err
			}
		case idStream:
			w.stream(p)
		case idDescription:
			w.description(p)
		}
		if !w.Listing {
			if err := w.Each(e, "object of the header", nil); err != nil {
				return err
			}
		}
		off = e.End()
		w.R.GoodUntil = off
	}
	return nil
}

// properties reads the object that tells size and packets.
func (w *walker) properties(off int64, p []byte) error {
	c := cursor.New("properties of the file", off, p)
	c.Skip(objectHead + 16)
	w.size = int64(c.Uint64() & (1<<62 - 1))
	created := c.Uint64() // since 1601, in 100 ns
	w.packets = int64(c.Uint64() & (1<<62 - 1))
	play := c.Uint64()
	c.Skip(8)
	preroll, flags := c.Uint64(), c.Uint32()
	least, most := c.Uint32(), c.Uint32()
	if err := c.Err(); err != nil {
		return err
	}
	w.live = flags&1 != 0
	if least != most || least < 12 || least > 1<<24 {
		return cursor.Corrupt("properties of the file", off+92, "one size of all packets", fmt.Sprintf("%d to %d", least, most))
	}
	w.packet = int64(least)
	if play < 1<<55 {
		w.length = max(0, time.Duration(play)*100-time.Duration(min(preroll, 1<<30))*time.Millisecond)
	}
	const epoch = 116444736000000000 // of Unix, in that count
	if created > epoch && created < epoch+1<<58 {
		w.created = time.Unix(0, 0).UTC().Add(time.Duration(min((created-epoch), 1<<56) * 100))
	}
	return nil
}

func (w *walker) stream(p []byte) {
	if len(p) < 78 {
		return
	}
	note := ""
	switch string(p[24:40]) {
	case idVideo:
		w.video = true
		if len(p) >= 78+11+20 {
			note = exif.Text(string(p[78+27 : min(len(p), 78+31)]))
			w.Fact("Picture", media.Pixels(binary.LittleEndian.Uint32(p[78:]), binary.LittleEndian.Uint32(p[82:])))
		}
		w.Member("pictures", -1, note)
	case idAudio:
		w.audio = true
		if len(p) >= 78+8 {
			note = fmt.Sprintf("codec %#x, %d Hz, %s", binary.LittleEndian.Uint16(p[78:]), binary.LittleEndian.Uint32(p[82:]), media.Channels(int(binary.LittleEndian.Uint16(p[80:]))))
		}
		w.Member("sound", -1, note)
	}
}

// description reads title and author.
func (w *walker) description(p []byte) {
	if len(p) < 34 {
		return
	}
	at := 34
	for i, name := range []string{"TITLE", "ARTIST"} {
		n := int(binary.LittleEndian.Uint16(p[24+2*i:]))
		if at+n > len(p) {
			return
		}
		w.tag.Set(name, tag.UTF16(p[at:at+n], binary.LittleEndian))
		at += n
	}
}

func (w *walker) tell() {
	w.tag.Tell(w.Exam)
	w.R.Hints.Taken = w.created
	w.R.Extension = "wmv"
	if w.audio && !w.video {
		w.R.Extension, w.R.Class = "wma", filetype.Audio
	}
	if w.length > 0 {
		w.Fact("Length", media.Clock(w.length))
	}
}

// data reads the packets and returns how many are whole and where they end.
func (w *walker) data(off int64) (int64, int64, error) {
	id, e, err := w.object(off, "data")
	if err != nil {
		return 0, off, err
	}
	if id != idData || e.Length < dataHead {
		return 0, off, cursor.Corrupt("data", off, "the object with the packets", fmt.Sprintf("% x", id))
	}
	if e.Length == dataHead && !w.live && w.packets > 0 {
		return 0, off, cursor.Corrupt("data", off, fmt.Sprintf("%d packets", w.packets), "none")
	}
	if !w.live {
		if n := (e.Length - dataHead) / w.packet; n != w.packets || (e.Length-dataHead)%w.packet != 0 {
			return 0, off, cursor.Corrupt("data", off+16, fmt.Sprintf("%d packets of %d bytes", w.packets, w.packet), fmt.Sprintf("%d bytes", e.Length-dataHead))
		}
		w.Want = max(w.Want, e.End())
	}
	if _, err := w.Need(off, dataHead, "data"); err != nil {
		return 0, off, err
	}
	at := off + dataHead
	for n := int64(0); ; n++ {
		if !w.live && n == w.packets {
			w.R.GoodUntil = at
			return n, at, nil
		}
		p, err := w.Upto(at, 3)
		if len(p) < 3 {
			if _, unread := block.IsUnreadable(err); !unread && w.live && n > 0 && (len(p) == 0 || p[0] != 0x82) {
				return n, at, w.Context().Err()
			}
			return n, at, w.Lost(at+int64(len(p)), at+w.packet, "packet", err)
		}
		// Error correction of two bytes, which must be zero but for a number, begins nearly every packet.
		if p[0] != 0x82 || p[1] != 0 || p[2] != 0 {
			if w.live && n > 0 {
				return n, at, nil
			}
			if p[0]&0x80 != 0 {
				return n, at, cursor.Corrupt("packet", at, "82 00 00", fmt.Sprintf("% x", p[:3]))
			}
		}
		// The packet before may be cut: that this one follows shows that it is not.
		if p[0] == 0x82 {
			w.R.GoodUntil = at
		}
		if err := w.Each(block.Extent{Offset: at, Length: w.packet}, "packet", nil); err != nil {
			return n, at, err
		}
		at += w.packet
	}
}

// indexes reads the objects behind the packets.
func (w *walker) indexes(off int64) (int64, error) {
	for range 1000 {
		p, err := w.Upto(off, 16)
		if len(p) < 16 {
			_, unread := block.IsUnreadable(err)
			if unread || off < w.size && !w.live {
				return off, w.Lost(off+int64(len(p)), off+objectHead, "index", err)
			}
			return off, w.Context().Err()
		}
		switch string(p[:16]) {
		case idIndex, idIndex2, idIndex3:
		default:
			if off < w.size && !w.live {
				return off, cursor.Corrupt("index", off, "an index, as the size of the file tells", fmt.Sprintf("% x", p[:16]))
			}
			return off, nil
		}
		_, e, err := w.object(off, "index")
		if err == nil {
			err = w.Each(e, "index", nil)
		}
		if err != nil {
			return off, err
		}
		off = e.End()
		w.R.GoodUntil = off
	}
	return off, nil
}
