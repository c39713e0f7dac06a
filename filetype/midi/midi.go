package midi

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
)

// maxTrack is the longest track whose events are followed, in bytes.
const maxTrack = 4 << 20

var kind = exam.Kind{Format: "MIDI", Buffer: maxTrack, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "midi",
		Class:      filetype.Audio,
		Extensions: []string{"mid", "midi", "kar"},
		Signatures: []probe.Probe{{ID: "midi.head", Bytes: []byte("MThd\x00\x00\x00\x06\x00")}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

const headSize = 14

// track is what the events of one say.
type track struct {
	title  string
	ticks  uint64
	tempo  uint32 // microseconds for a quarter, the first that is set
	rights string
	events int
}

func walk(e *exam.Exam) error {
	p, err := e.Head(8)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:8]) != "MThd\x00\x00\x00\x06" {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, headSize, "head"); err != nil {
		return err
	}
	format, tracks, division := binary.BigEndian.Uint16(p[8:]), int64(binary.BigEndian.Uint16(p[10:])), binary.BigEndian.Uint16(p[12:])
	if format > 2 || tracks == 0 || division == 0 || format == 0 && tracks != 1 {
		return filetype.ErrNot
	}
	e.R.GoodUntil = headSize
	off, longest, tempo, events := int64(headSize), uint64(0), uint32(500000), 0
	for i := range tracks {
		e.Units(i, tracks, "tracks")
		if p, err = e.Need(off, 8, "track"); err != nil {
			return err
		}
		if string(p[:4]) != "MTrk" {
			return cursor.Corrupt("tracks", off, "MTrk", fmt.Sprintf("%q", p[:4]))
		}
		body := block.Extent{Offset: off + 8, Length: int64(binary.BigEndian.Uint32(p[4:]))}
		if body.Length > maxTrack {
			return cursor.Corrupt("track", off+4, fmt.Sprintf("up to %d bytes", maxTrack), body.Length)
		}
		if p, err = e.Need(body.Offset, int(body.Length), "track"); err != nil {
			return err
		}
		t, err := parseTrack(body.Offset, p)
		if err != nil {
			return err
		}
		if i == 0 {
			e.R.Hints.Title = t.title
			e.R.Hints.Author = t.rights
		}
		if t.tempo > 0 && i == 0 {
			tempo = t.tempo
		}
		longest, events = max(longest, t.ticks), events+t.events
		e.Member(t.title, body.Length, fmt.Sprintf("%d events", t.events))
		off = body.End()
		e.R.GoodUntil = off
	}
	length := media.Span(longest, uint64(tempo), uint64(division)*1e6)
	if division&0x8000 != 0 { // frames a second and ticks a frame
		length = media.Span(longest, 1, uint64(-int8(division>>8))*uint64(division&0xFF))
	}
	e.Fact("Title", e.R.Hints.Title)
	e.Fact("Length", "about "+media.Clock(length.Round(time.Second)))
	return e.Whole(filetype.Consistent, off, media.Followed("MIDI", fmt.Sprintf("%d tracks, %d events", tracks, events)))
}

// parseTrack follows the events of a track, which stands at off.
func parseTrack(off int64, p []byte) (t track, err error) {
	at, status := 0, byte(0)
	bad := func(expected string) error {
		found := "the end"
		if at < len(p) {
			found = fmt.Sprintf("%02X", p[at])
		}
		return cursor.Corrupt("track", off+int64(at), expected, found)
	}
	number := func() (v uint64, ok bool) {
		for range 4 {
			if at >= len(p) {
				return 0, false
			}
			b := p[at]
			at++
			v = v<<7 | uint64(b&0x7F)
			if b < 0x80 {
				return v, true
			}
		}
		return 0, false
	}
	for {
		delta, ok := number()
		if !ok || at >= len(p) {
			return t, bad("the time of an event and the event")
		}
		t.ticks += delta
		t.events++
		b := p[at]
		if b >= 0x80 {
			at++
		}
		switch {
		case b == 0xFF:
			if at >= len(p) {
				return t, bad("a kind")
			}
			kind := p[at]
			at++
			n, ok := number()
			if !ok || n > uint64(len(p)-at) {
				return t, bad("the data of an event")
			}
			data := p[at : at+int(n)]
			at += int(n)
			switch kind {
			case 0x2F:
				if at != len(p) {
					return t, bad("the end of the track")
				}
				return t, nil
			case 0x03:
				if t.title == "" {
					t.title = exif.Text(string(data[:min(len(data), 256)]))
				}
			case 0x02:
				if t.rights == "" {
					t.rights = exif.Text(string(data[:min(len(data), 256)]))
				}
			case 0x51:
				if len(data) == 3 && t.tempo == 0 {
					t.tempo = uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
				}
			}
		case b == 0xF0 || b == 0xF7:
			n, ok := number()
			if !ok || n > uint64(len(p)-at) {
				return t, bad("the data of an event")
			}
			at += int(n)
			status = 0
		case b >= 0xF0:
			at--
			return t, bad("an event")
		default:
			if b >= 0x80 {
				status = b
			}
			n := 2
			if s := status & 0xF0; s == 0xC0 || s == 0xD0 {
				n = 1
			}
			if status == 0 {
				return t, bad("an event that says what it is")
			}
			for range n {
				if at >= len(p) || p[at] >= 0x80 {
					return t, bad("a number below 128")
				}
				at++
			}
		}
	}
}
