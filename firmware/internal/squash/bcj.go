package squash

import (
	"encoding/binary"
	"fmt"
)

// undo turns the absolute addresses that a filter wrote into branches back into relative ones, in place.
func (f filter) undo(p []byte) error {
	switch f.id {
	case 4:
		undoX86(p, f.start)
	case 5:
		undoPowerPC(p, f.start)
	case 6:
		undoIA64(p, f.start)
	case 7:
		undoARM(p, f.start)
	case 8:
		undoThumb(p, f.start)
	case 9:
		undoSPARC(p, f.start)
	case 10:
		undoARM64(p, f.start)
	default:
		return fmt.Errorf("xz: filter %#x is not known", f.id)
	}
	return nil
}

// undoX86 follows CALL and JMP with 32 bits of distance. mask remembers which of the three bytes before were opcodes,
// since a byte can be both.
func undoX86(p []byte, start uint32) {
	if len(p) < 5 {
		return
	}
	sign := func(b byte) bool { return b == 0 || b == 0xFF }
	allowed := [8]bool{true, true, true, false, true}
	number := [8]uint{0, 1, 2, 2, 3, 3, 3, 3}
	mask := uint32(0)
	before := -1
	i := 0
	for ; i <= len(p)-5; i++ {
		if p[i]&0xFE != 0xE8 {
			continue
		}
		gap := i - before
		if before = i; gap > 3 {
			mask = 0
		} else {
			mask = mask << (gap - 1) & 7
			if mask != 0 {
				if b := p[i+4-int(number[mask])]; !allowed[mask] || sign(b) {
					mask = mask<<1 | 1
					continue
				}
			}
		}
		if !sign(p[i+4]) {
			mask = mask<<1 | 1
			continue
		}
		v := le.Uint32(p[i+1:])
		for {
			v -= start + uint32(i) + 5
			if mask == 0 {
				break
			}
			shift := number[mask] * 8
			if !sign(byte(v >> (24 - shift))) {
				break
			}
			v ^= 1<<(32-shift) - 1
		}
		v &= 0x01FFFFFF
		v |= -(v & 0x01000000)
		le.PutUint32(p[i+1:], v)
		i += 4
	}
}

func undoPowerPC(p []byte, start uint32) {
	be := binary.BigEndian
	for i := 0; i+4 <= len(p); i += 4 {
		if v := be.Uint32(p[i:]); v&0xFC000003 == 0x48000001 {
			be.PutUint32(p[i:], 0x48000001|(v&0x03FFFFFC-(start+uint32(i)))&0x03FFFFFC)
		}
	}
}

func undoARM(p []byte, start uint32) {
	for i := 0; i+4 <= len(p); i += 4 {
		if p[i+3] == 0xEB {
			v := (le.Uint32(p[i:])&0x00FFFFFF)<<2 - (start + uint32(i) + 8)
			le.PutUint32(p[i:], 0xEB000000|v>>2&0x00FFFFFF)
		}
	}
}

func undoThumb(p []byte, start uint32) {
	for i := 0; i+4 <= len(p); i += 2 {
		a, b := uint32(le.Uint16(p[i:])), uint32(le.Uint16(p[i+2:]))
		if a&0xF800 != 0xF000 || b&0xF800 != 0xF800 {
			continue
		}
		v := ((a&0x7FF)<<11|b&0x7FF)<<1 - (start + uint32(i) + 4)
		v >>= 1
		le.PutUint16(p[i:], uint16(0xF000|v>>11&0x7FF))
		le.PutUint16(p[i+2:], uint16(0xF800|v&0x7FF))
		i += 2
	}
}

func undoARM64(p []byte, start uint32) {
	for i := 0; i+4 <= len(p); i += 4 {
		pc := start + uint32(i)
		v := le.Uint32(p[i:])
		switch {
		case v>>26 == 0x25: // BL
			le.PutUint32(p[i:], 0x94000000|(v-pc>>2)&0x03FFFFFF)
		case v&0x9F000000 == 0x90000000: // ADRP
			d := v>>29&3 | v>>3&0x001FFFFC
			if (d+0x00020000)&0x001C0000 != 0 {
				continue // too far: the filter left it as it was
			}
			d -= pc >> 12
			v &= 0x9000001F
			v |= (d & 3) << 29
			v |= (d & 0x0003FFFC) << 3
			v |= -(d & 0x00020000) & 0x00E00000
			le.PutUint32(p[i:], v)
		}
	}
}

func undoSPARC(p []byte, start uint32) {
	be := binary.BigEndian
	for i := 0; i+4 <= len(p); i += 4 {
		v := be.Uint32(p[i:])
		if v>>22 != 0x100 && v>>22 != 0x1FF {
			continue
		}
		v = v<<2 - (start + uint32(i))
		v >>= 2
		be.PutUint32(p[i:], (0x40000000-v&0x00400000)|0x40000000|v&0x003FFFFF)
	}
}

// undoIA64 follows the branches in the slots of a bundle of 16 bytes; its template says which slots are branches.
func undoIA64(p []byte, start uint32) {
	slots := [32]byte{16: 4, 17: 4, 18: 6, 19: 6, 22: 7, 23: 7, 24: 4, 25: 4, 28: 4, 29: 4}
	for i := 0; i+16 <= len(p); i += 16 {
		for slot := range 3 {
			if slots[p[i]&0x1F]>>slot&1 == 0 {
				continue
			}
			bit := 5 + 41*slot
			at, shift := i+bit>>3, bit&7
			var v uint64
			for j := range 6 {
				v |= uint64(p[at+j]) << (8 * j)
			}
			norm := v >> shift
			if norm>>37&0xF != 5 || norm>>9&7 != 0 {
				continue
			}
			d := uint32(norm>>13) & 0xFFFFF
			d |= uint32(norm>>36&1) << 20
			d = d<<4 - (start + uint32(i))
			d >>= 4
			norm &^= uint64(0x8FFFFF) << 13
			norm |= uint64(d&0xFFFFF) << 13
			norm |= uint64(d&0x100000) << (36 - 20)
			v = v&(1<<shift-1) | norm<<shift
			for j := range 6 {
				p[at+j] = byte(v >> (8 * j))
			}
		}
	}
}
