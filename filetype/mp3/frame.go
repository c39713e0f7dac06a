package mp3

import (
	"encoding/binary"
	"time"

	"salvor/filetype/internal/media"
)

// header is that of a frame.
type header struct {
	bits    uint32
	version int // 1 for MPEG-1, 2 for MPEG-2, 25 for MPEG-2.5
	layer   int
	size    int    // of the frame, in bytes, with its header
	rate    uint32 // samples a second
	samples uint32 // in the frame
	bitrate int    // thousand bits a second
	mono    bool
	sum     bool // a CRC-16 follows the header
}

// bitrates are in thousand bits a second, by the index in the header.
var bitrates = [5][15]int{
	{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}, // MPEG-1 layer I
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},    // MPEG-1 layer II
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},     // MPEG-1 layer III
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},    // MPEG-2 layer I
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},         // MPEG-2 layers II and III
}

const headerSize = 4

// sameKind masks what is the same in all headers of a stream: sync, version, layer, rate.
const sameKind = 0xFFFE0C00

// parseHeader reads the four bytes of a header. Frames of a free bit rate are not followed.
func parseHeader(p []byte) (h header, ok bool) {
	b := binary.BigEndian.Uint32(p)
	if b>>21 != 0x7FF {
		return h, false
	}
	version, layer, rate, bitrate := b>>19&3, 4-int(b>>17&3), b>>10&3, b>>12&15
	if version == 1 || layer == 4 || rate == 3 || bitrate == 15 || bitrate == 0 || b&3 == 2 {
		return h, false
	}
	h = header{bits: b, layer: layer, mono: b>>6&3 == 3, sum: b>>16&1 == 0}
	h.rate = [3]uint32{44100, 48000, 32000}[rate]
	row := layer - 1
	switch version {
	case 3:
		h.version = 1
	case 2:
		h.version, h.rate = 2, h.rate/2
	default:
		h.version, h.rate = 25, h.rate/4
	}
	if h.version != 1 {
		row = min(layer+2, 4)
	}
	h.bitrate = bitrates[row][bitrate]
	padding := int(b >> 9 & 1)
	switch {
	case layer == 1:
		h.samples = 384
		h.size = (12*h.bitrate*1000/int(h.rate) + padding) * 4
	case layer == 3 && h.version != 1:
		h.samples = 576
		h.size = 72*h.bitrate*1000/int(h.rate) + padding
	default:
		h.samples = 1152
		h.size = 144*h.bitrate*1000/int(h.rate) + padding
	}
	return h, h.size > headerSize+h.side()
}

// side returns the size of the side information of layer III, with the CRC before it.
func (h *header) side() int {
	n := 0
	switch {
	case h.layer != 3:
		return 2
	case h.version == 1 && !h.mono:
		n = 32
	case h.version == 1 || !h.mono:
		n = 17
	default:
		n = 9
	}
	if h.sum {
		n += 2
	}
	return n
}

// alike reports whether both headers may be of one stream.
func (h *header) alike(o *header) bool {
	return h.bits&sameKind == o.bits&sameKind && h.mono == o.mono
}

// sumFits computes the CRC-16 of a frame of layer III that carries one; true where none does.
func (h *header) sumFits(p []byte) bool {
	if !h.sum || h.layer != 3 || len(p) < headerSize+h.side() {
		return true
	}
	crc := uint16(0xFFFF)
	step := func(b byte) {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
	}
	step(p[2])
	step(p[3])
	for _, b := range p[6 : headerSize+h.side()] {
		step(b)
	}
	return crc == binary.BigEndian.Uint16(p[4:])
}

// leans reports whether the frame needs sound of those before it, as only a stream that begins in the middle has in
// its first frame.
func (h *header) leans(p []byte) bool {
	at := headerSize
	if h.sum {
		at += 2
	}
	if h.layer != 3 || len(p) < at+2 {
		return false
	}
	if h.version == 1 {
		return p[at] != 0 || p[at+1]&0x80 != 0
	}
	return p[at] != 0
}

// length returns how long n frames like h play.
func (h *header) length(n int64) time.Duration {
	return media.Span(uint64(n), uint64(h.samples), uint64(h.rate))
}

// info is what the frame without sound that begins many files says.
type info struct {
	frames, bytes int64 // of the file, the first without this frame; 0 when it does not say
	music         uint16
	hasMusic      bool // music is a CRC-16 over all frames but this
}

// parseInfo reads a Xing, Info or VBRI header out of the first frame.
func parseInfo(h *header, p []byte) (n info, ok bool) {
	if h.layer != 3 {
		return n, false
	}
	side := h.side()
	if h.sum {
		side -= 2
	}
	at := headerSize + side
	if len(p) >= 36+18 && string(p[36:40]) == "VBRI" {
		return info{bytes: int64(binary.BigEndian.Uint32(p[46:])), frames: int64(binary.BigEndian.Uint32(p[50:]))}, true
	}
	if len(p) < at+8 || string(p[at:at+4]) != "Xing" && string(p[at:at+4]) != "Info" {
		return n, false
	}
	flags := binary.BigEndian.Uint32(p[at+4:])
	p = p[at+8:]
	for bit, size := range []int{4, 4, 100, 4} {
		if flags>>bit&1 == 0 {
			continue
		}
		if len(p) < size {
			return n, true
		}
		switch bit {
		case 0:
			n.frames = int64(binary.BigEndian.Uint32(p))
		case 1:
			n.bytes = int64(binary.BigEndian.Uint32(p))
		}
		p = p[size:]
	}
	// 36 bytes of the encoder: its name (9), ..., size of the music (4), its CRC (2), CRC of this frame (2).
	if len(p) >= 36 && (string(p[:4]) == "LAME" || string(p[:4]) == "Lavf" || string(p[:4]) == "Lavc") {
		n.music = binary.BigEndian.Uint16(p[32:])
		n.hasMusic = n.music != 0
	}
	return n, true
}

// musicSum is the check of LAME.
var musicSum = media.NewSum16(0x8005, true)
