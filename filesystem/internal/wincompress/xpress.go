package wincompress

import "encoding/binary"

const (
	xpressLengths = 256 // bytes of the code lengths before each block
	xpressBlock   = 64 << 10
	xpressBits    = 15
)

// XPRESS decompresses src, which has the Huffman form of XPRESS, until dst is full.
func XPRESS(dst, src []byte) error {
	var c code
	lengths := make([]byte, 512)
	for at := 0; at < len(dst); {
		if len(src) < xpressLengths+4 {
			return corrupt("an XPRESS block without its code")
		}
		for i, v := range src[:xpressLengths] {
			lengths[2*i], lengths[2*i+1] = v&15, v>>4
		}
		if err := c.build(lengths, xpressBits); err != nil {
			return err
		}
		n, used, err := xpressBody(dst, at, min(len(dst), at+xpressBlock), src[xpressLengths:], &c)
		if err != nil {
			return err
		}
		at = n
		src = src[xpressLengths+used:]
	}
	return nil
}

// xpressBody decompresses one block to dst[at:end] and returns its end and how much of src it took. Words are
// read ahead as compressors expect it, since whole bytes stand between them.
func xpressBody(dst []byte, at, end int, src []byte, c *code) (n, used int, err error) {
	if len(src) < 4 {
		return at, 0, corrupt("an XPRESS block that is too short")
	}
	bits := uint32(binary.LittleEndian.Uint16(src))<<16 | uint32(binary.LittleEndian.Uint16(src[2:]))
	extra, pos := 16, 4
	// drop takes n bits and refills.
	drop := func(n int) {
		bits <<= n
		if extra -= n; extra < 0 {
			if pos+2 <= len(src) {
				bits |= uint32(binary.LittleEndian.Uint16(src[pos:])) << -extra
			}
			pos += 2
			extra += 16
		}
	}
	for at < end {
		e := c.table[bits>>(32-xpressBits)]
		if e == 0 {
			return at, pos, corrupt("an XPRESS code that is none")
		}
		symbol := int(e >> 5)
		drop(int(e & 31))
		if symbol < 256 {
			dst[at] = byte(symbol)
			at++
			continue
		}
		length, width := symbol&15, (symbol-256)>>4
		if length == 15 {
			if pos >= len(src) {
				return at, pos, corrupt("the end inside of an XPRESS match")
			}
			length = int(src[pos])
			pos++
			if length == 255 {
				if pos+2 > len(src) {
					return at, pos, corrupt("the end inside of an XPRESS match")
				}
				length = int(binary.LittleEndian.Uint16(src[pos:]))
				pos += 2
				if length == 0 {
					if pos+4 > len(src) {
						return at, pos, corrupt("the end inside of an XPRESS match")
					}
					length = int(min(binary.LittleEndian.Uint32(src[pos:]), 1<<30))
					pos += 4
				}
				if length < 15 {
					return at, pos, corrupt("an XPRESS length that is too small")
				}
				length -= 15
			}
			length += 15
		}
		offset := 1 << width
		if width > 0 {
			offset |= int(bits >> (32 - width))
			drop(width)
		}
		// A match may reach into the next block.
		if at, err = repeat(dst, at, offset, length+3); err != nil {
			return at, pos, err
		}
		if pos > len(src)+4 {
			return at, pos, corrupt("an XPRESS block over the end")
		}
	}
	if pos > len(src)+4 {
		return at, pos, corrupt("an XPRESS block over the end")
	}
	return at, min(pos, len(src)), nil
}
