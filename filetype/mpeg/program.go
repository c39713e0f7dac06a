package mpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

// The ids behind 00 00 01.
const (
	// minUnits is how many packs and packets must follow each other before they are taken for a film.
	minUnits = 5

	idEnd    = 0xB9
	idPack   = 0xBA
	idSystem = 0xBB
)

// psWalker goes through the packets of a program stream.
type psWalker struct {
	*exam.Exam
	off     int64
	packs   int64
	packets int64
	first   int64 // clock of the first and the last pack, in 1/90000 s
	last    int64
	clock   int64 // of the last pack that was read
	jump    int64 // where the clock goes back, or far ahead; 0 for nowhere
	ended   bool
	pictures,
	sound map[byte]bool
}

// program goes through a program stream; strict says that a system header must follow its first pack.
func program(e *exam.Exam, strict bool) error {
	p, err := e.Head(14)
	if err != nil {
		return err
	}
	if len(p) < 12 || string(p[:4]) != "\x00\x00\x01\xBA" {
		return filetype.ErrNot
	}
	if _, _, ok := parsePack(p); !ok {
		return filetype.ErrNot
	}
	w := &psWalker{Exam: e, first: -1, pictures: map[byte]bool{}, sound: map[byte]bool{}}
	err = w.follow(strict)
	length := w.length()
	if w.packs+w.packets < minUnits {
		if _, unread := block.IsUnreadable(err); !unread && e.Context().Err() == nil {
			return filetype.ErrNot
		}
	}
	if err != nil {
		return media.Plays(e, err, length, 0)
	}
	e.Fact("Length", media.Clock(length))
	for range w.pictures {
		e.Member("pictures", -1, "")
	}
	for range w.sound {
		e.Member("sound", -1, "")
	}
	if !w.ended {
		settled, err := media.Settled(e, w.off)
		if err != nil {
			return err
		}
		// Packs fill sectors, so that the fill of a medium behind the last one says nothing of it.
		if !settled || w.off < e.Size() && (w.jump > 0 || w.off%sector == 0) {
			err := media.BrokenOff(e, w.off, "MPEG-PS")
			if w.jump > 0 { // where the clock jumps, another film may begin
				e.R.GoodUntil = w.jump
			}
			return err
		}
	}
	return e.Whole(filetype.Consistent, w.off, media.Followed("MPEG-PS", fmt.Sprintf("%d packs, %s", w.packs, media.Clock(length))))
}

func (w *psWalker) length() time.Duration {
	return media.Span(uint64(max(w.last-w.first, 0)), 1, 90000)
}

const (
	second = 90000 // of the clock
	sector = 512
)

// parsePack reads the head of a pack: its size and its clock. p holds at least 12 bytes; ok is false for other bytes.
func parsePack(p []byte) (size int, clock int64, ok bool) {
	b := p[4:]
	switch {
	case b[0]&0xC4 == 0x44 && b[2]&4 != 0 && b[4]&4 != 0: // MPEG-2
		if len(p) < 14 || p[12]&3 != 3 {
			return 14, 0, len(p) < 14
		}
		clock = int64(b[0]>>3&7)<<30 | int64(b[0]&3)<<28 | int64(b[1])<<20 | int64(b[2]>>3)<<15 | int64(b[2]&3)<<13 | int64(b[3])<<5 | int64(b[4]>>3)
		return 14 + int(p[13]&7), clock, true
	case b[0]&0xF1 == 0x21 && b[2]&1 != 0 && b[4]&1 != 0: // MPEG-1
		clock = int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
		return 12, clock, true
	}
	return 0, 0, false
}

// maxStuffing is the most zeros between two packs, which discs have to fill their sectors: few, so that a film behind this
// one is not taken for a part of it.
const maxStuffing = 64

// stuffing returns how many zeros stand before the next pack; 0 when none follows.
func (w *psWalker) stuffing() (int64, error) {
	p, err := w.Upto(w.off, maxStuffing)
	if cerr := w.Context().Err(); cerr != nil {
		return 0, cerr
	}
	if u, unread := block.IsUnreadable(err); unread && len(bytes.Trim(p, "\x00")) == 0 {
		return 0, w.Lost(w.off+int64(len(p)), w.off+int64(len(p))+1, "pack", u)
	}
	n := 0
	for n < min(len(p), maxStuffing) && p[n] == 0 {
		n++
	}
	if n < 2 || n+2 > len(p) || p[n] != 1 || p[n+1] != idPack {
		return 0, nil
	}
	return int64(n - 2), nil
}

// follow goes through the packs and packets.
func (w *psWalker) follow(strict bool) error {
	for {
		p, err := w.Upto(w.off, 14)
		if len(p) < 6 {
			_, unread := block.IsUnreadable(err)
			begins := len(p) >= 3 && p[0] == 0 && p[1] == 0 && p[2] == 1
			if len(p) >= 4 && string(p[:4]) == "\x00\x00\x01\xB9" {
				w.off += 4
				w.ended = true
				w.R.GoodUntil = w.off
				return nil
			}
			if unread || w.Context().Err() != nil || begins {
				return w.Lost(w.off+int64(len(p)), w.off+6, "packet", err)
			}
			return nil
		}
		if p[0] != 0 || p[1] != 0 || p[2] != 1 || p[3] < idEnd {
			n, err := w.stuffing()
			if n == 0 || err != nil {
				return err
			}
			w.off += n
			continue
		}
		n := int64(0)
		switch id := p[3]; id {
		case idEnd:
			w.off += 4
			w.ended = true
			w.R.GoodUntil = w.off
			return nil
		case idPack:
			if len(p) < 12 {
				return w.Lost(w.off+int64(len(p)), w.off+14, "pack", err)
			}
			size, clock, ok := parsePack(p)
			if !ok {
				return nil
			}
			if w.first < 0 {
				w.first, w.clock = clock, clock
			}
			if w.jump == 0 && (clock < w.clock-second || clock > w.clock+30*second) {
				w.jump = w.off
			}
			w.clock = clock
			w.last = max(w.last, clock)
			w.packs++
			n = int64(size)
		default:
			if strict && w.packets == 0 && id != idSystem {
				return filetype.ErrNot
			}
			if id >= 0xE0 && id <= 0xEF && w.Listing {
				w.pictures[id] = true
			} else if id >= 0xC0 && id <= 0xDF && w.Listing {
				w.sound[id] = true
			}
			w.packets++
			n = 6 + int64(binary.BigEndian.Uint16(p[4:]))
		}
		if int64(len(p)) < n {
			if err := w.Each(block.Extent{Offset: w.off, Length: n}, "packet", nil); err != nil {
				return err
			}
		}
		w.off += n
		w.R.GoodUntil = w.off
	}
}
