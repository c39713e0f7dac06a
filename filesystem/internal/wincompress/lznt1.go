package wincompress

import "encoding/binary"

const lznt1Chunk = 4096

// LZNT1 decompresses src into dst and returns how many bytes it gave. It ends with src, with a chunk whose
// header is zero, or when dst is full.
func LZNT1(dst, src []byte) (int, error) {
	at := 0
	for len(src) >= 2 && at < len(dst) {
		head := binary.LittleEndian.Uint16(src)
		if head == 0 {
			break
		}
		n := int(head&0xFFF) + 1
		if head&0x7000 != 0x3000 {
			return at, corrupt("an LZNT1 chunk without its mark")
		}
		if n > len(src)-2 {
			return at, corrupt("an LZNT1 chunk over the end")
		}
		body := src[2 : 2+n]
		src = src[2+n:]
		room := dst[at:min(len(dst), at+lznt1Chunk)]
		if head&0x8000 == 0 {
			if n > len(room) {
				return at, corrupt("a stored LZNT1 chunk that is too long")
			}
			copy(room, body)
			// Only the last chunk may be shorter than others.
			at += n
			continue
		}
		m, err := lznt1Body(room, body)
		if err != nil {
			return at + m, err
		}
		at += m
		if m < len(room) && len(src) >= 2 && binary.LittleEndian.Uint16(src) != 0 {
			clear(room[m:])
			at += len(room) - m
		}
	}
	return at, nil
}

// lznt1Body decompresses the items of one chunk.
func lznt1Body(dst, src []byte) (int, error) {
	at := 0
	shift := 12 // bits of the length
	for i := 0; i < len(src); {
		flags := src[i]
		i++
		for bit := 0; bit < 8 && i < len(src); bit++ {
			if flags>>bit&1 == 0 {
				if at == len(dst) {
					return at, corrupt("an LZNT1 chunk that is too long")
				}
				dst[at] = src[i]
				at++
				i++
				continue
			}
			if i+2 > len(src) {
				return at, corrupt("half an LZNT1 match")
			}
			v := int(binary.LittleEndian.Uint16(src[i:]))
			i += 2
			for shift > 4 && at > 1<<(16-shift) {
				shift--
			}
			var err error
			if at, err = repeat(dst, at, v>>shift+1, v&(1<<shift-1)+3); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}
