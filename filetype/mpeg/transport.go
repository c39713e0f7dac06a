package mpeg

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/finding"
)

const (
	syncByte   = 0x47
	packetSize = 188
	// minPackets is how many packets must follow each other before they are taken for a film.
	minPackets = 10
	maxPIDs    = 1 << 13
)

// streamTypes names the kinds of streams that tables announce.
var streamTypes = map[byte]string{1: "MPEG-1 pictures", 2: "MPEG-2 pictures", 3: "MPEG sound", 4: "MPEG sound", 0x0F: "AAC sound", 0x10: "MPEG-4 pictures",
	0x11: "AAC sound", 0x1B: "H.264 pictures", 0x24: "H.265 pictures", 0x80: "PCM sound", 0x81: "AC-3 sound", 0x83: "TrueHD sound", 0x90: "subtitles", 6: "private data"}

// tsWalker goes through the packets of a transport stream.
type tsWalker struct {
	*exam.Exam
	off      int64
	front    int64 // bytes before the mark of a packet: 0, or 4 in M2TS
	packets  int64
	counters [maxPIDs]uint8 // last counter plus 1; 0 when there was none
	tables   [maxPIDs]bool  // PIDs of tables of streams
	seen     [maxPIDs]bool
	named    bool // the table of programs was read
	firstPCR int64
	lastPCR  int64
	missing  int64 // places where packets are missing
	firstGap int64
}

// size returns the size of a packet with what stands before it.
func (w *tsWalker) size() int64 { return packetSize + w.front }

// transport goes through a transport stream; strict says that it must begin with its tables.
func transport(e *exam.Exam, strict bool) error {
	w := &tsWalker{Exam: e, firstPCR: -1}
	w.seen[0x1FFF] = true // packets that hold nothing
	p, err := e.Head(3*(packetSize+4) + 5)
	if err != nil {
		return err
	}
	switch {
	case marks(p, 0, packetSize):
	case marks(p, 4, packetSize+4):
		w.front = 4
		e.R.Extension = "m2ts"
	default:
		return filetype.ErrNot
	}
	if strict && (len(p) < 8 || p[w.front+1] != 0x40 || p[w.front+2] != 0 && p[w.front+2] != 0x11) {
		return filetype.ErrNot
	}
	err = w.follow()
	length := w.length()
	if err != nil && w.packets < minPackets {
		if _, unread := block.IsUnreadable(err); !unread && e.Context().Err() == nil {
			return filetype.ErrNot
		}
	}
	if err == nil && (w.packets < minPackets || strict && !w.named) {
		return filetype.ErrNot
	}
	if w.missing > 0 {
		e.R.Findings = append(e.R.Findings, gaps.New(finding.At(w.firstGap, 0), finding.Expected(nil, w.missing)))
	}
	if err != nil {
		return media.Plays(e, err, length, 0)
	}
	e.Fact("Length", media.Clock(length))
	settled, err := media.Settled(e, w.off)
	if err != nil {
		return err
	}
	if !settled {
		return media.BrokenOff(e, w.off, "MPEG-TS")
	}
	return e.Whole(filetype.Consistent, w.off, media.Followed("MPEG-TS", fmt.Sprintf("%d packets, %s", w.packets, media.Clock(length))))
}

// marks reports whether the marks of the first packets stand in p, as far as it goes, at from and each step behind.
func marks(p []byte, from, step int) bool {
	if len(p) <= from {
		return false
	}
	for at := from; at < len(p); at += step {
		if p[at] != syncByte {
			return false
		}
	}
	return true
}

func (w *tsWalker) length() time.Duration {
	return media.Span(uint64(max(w.lastPCR-w.firstPCR, 0)), 1, 90000)
}

// follow goes through the packets.
func (w *tsWalker) follow() error {
	for {
		p, err := w.Upto(w.off, int(w.size()))
		if int64(len(p)) < w.size() {
			_, unread := block.IsUnreadable(err)
			if unread || w.Context().Err() != nil || int64(len(p)) > w.front && p[w.front] == syncByte {
				return w.Lost(w.off+int64(len(p)), w.off+w.size(), "packet", err)
			}
			return nil
		}
		for int64(len(p)) >= w.size() {
			if p[w.front] != syncByte {
				return nil
			}
			if pid := binary.BigEndian.Uint16(p[w.front+1:]) & 0x1FFF; !w.seen[pid] {
				if q, _ := w.Upto(w.off, int(2*w.size())); w.packets >= minPackets && int64(len(q)) > w.size()+w.front && q[w.size()+w.front] != syncByte {
					return nil // a byte that looks like a mark, behind the film
				}
				w.seen[pid] = true
				break // the window may have moved
			}
			w.packet(p[w.front:w.size()])
			w.packets++
			w.off += w.size()
			p = p[w.size():]
		}
		w.R.GoodUntil = w.off
	}
}

// packet looks at one packet.
func (w *tsWalker) packet(p []byte) {
	pid, control, counter := binary.BigEndian.Uint16(p[1:])&0x1FFF, p[3]>>4&3, p[3]&15
	payload := p[4:]
	jump := false
	if control&2 != 0 {
		n := int(p[4])
		if n >= packetSize-4 {
			return
		}
		if n > 0 {
			jump = p[5]&0x80 != 0
			if p[5]&0x10 != 0 && n >= 7 {
				clock := int64(binary.BigEndian.Uint32(p[6:]))<<1 | int64(p[10]>>7)
				if w.firstPCR < 0 {
					w.firstPCR = clock
				}
				w.lastPCR = max(w.lastPCR, clock)
			}
		}
		payload = p[5+n:]
	}
	if pid == 0x1FFF {
		return
	}
	if last := w.counters[pid]; control&1 != 0 && last > 0 && !jump && counter != last&15 && counter != (last-1)&15 {
		if w.missing == 0 {
			w.firstGap = w.off
		}
		w.missing++
	}
	if control&1 != 0 {
		w.counters[pid] = counter + 1
	}
	if control&1 != 0 && p[1]&0x40 != 0 && (pid == 0 && !w.named || w.tables[pid]) {
		w.table(pid, payload)
	}
}

var psiSum = media.NewSum32(0x04C11DB7)

// table reads the table of programs, or of the streams of one, when it fits the packet and its check is right.
func (w *tsWalker) table(pid uint16, p []byte) {
	if len(p) < 1 || len(p) < 1+int(p[0])+12 {
		return
	}
	p = p[1+int(p[0]):]
	n := 3 + int(binary.BigEndian.Uint16(p[1:])&0xFFF)
	if n < 12 || n > len(p) || psiSum.Update(1<<32-1, p[:n]) != 0 {
		return
	}
	switch {
	case pid == 0 && p[0] == 0:
		w.named = true
		for q := p[8 : n-4]; len(q) >= 4; q = q[4:] {
			if binary.BigEndian.Uint16(q) != 0 {
				w.tables[binary.BigEndian.Uint16(q[2:])&0x1FFF] = true
			}
		}
	case p[0] == 2 && n >= 16:
		w.tables[pid] = false
		q := p[12 : n-4]
		if skip := int(binary.BigEndian.Uint16(p[10:]) & 0xFFF); skip <= len(q) {
			q = q[skip:]
		}
		for len(q) >= 5 {
			name := streamTypes[q[0]]
			if name == "" {
				name = fmt.Sprintf("stream of type %#x", q[0])
			}
			w.Member(name, -1, "")
			skip := 5 + int(binary.BigEndian.Uint16(q[3:])&0xFFF)
			if skip > len(q) {
				break
			}
			q = q[skip:]
		}
	}
}
