package lzfse

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

// DecodeLZVN decodes a stream of LZVN opcodes into dst. It returns how many bytes were written: len(dst), or
// fewer when the stream ends before with its mark of end. Bytes behind that mark are not regarded.
//
// Errors: a [*cursor.CorruptError] with the place in src; dst holds what was decoded up to there.
func DecodeLZVN(dst, src []byte) (int, error) {
	at, out, distance := 0, 0, 0
	bad := func(expected, found string) (int, error) {
		return out, cursor.Corrupt("LZVN stream", int64(at), expected, found)
	}
	for out < len(dst) {
		if at >= len(src) {
			return bad("an opcode", "the end of the stream")
		}
		op := src[at]
		size, literals, match := 1, 0, 0
		switch {
		case op == 0x06:
			return out, nil
		case op == 0x0E || op == 0x16:
			at++
			continue
		case op >= 0xF0:
			match = int(op & 0x0F)
			if match == 0 {
				size = 2
				if at+size > len(src) {
					return bad("a length of match", "the end of the stream")
				}
				match = int(src[at+1]) + 16
			}
		case op >= 0xE0:
			literals = int(op & 0x0F)
			if literals == 0 {
				size = 2
				if at+size > len(src) {
					return bad("a number of literals", "the end of the stream")
				}
				literals = int(src[at+1]) + 16
			}
		case op>>4 == 0xD || op>>4 == 0x7 || op < 0x40 && op&7 == 6:
			return bad("an opcode that is defined", fmt.Sprintf("0x%02x", op))
		case op>>5 == 0x5:
			size, literals = 3, int(op>>3&3)
			if at+size > len(src) {
				return bad("a distance", "the end of the stream")
			}
			v := int(binary.LittleEndian.Uint16(src[at+1:]))
			match, distance = (int(op&7)<<2|v&3)+3, v>>2
		default:
			literals, match = int(op>>6), int(op>>3&7)+3
			switch op & 7 {
			case 6: // the distance before
			case 7:
				size = 3
				if at+size > len(src) {
					return bad("a distance", "the end of the stream")
				}
				distance = int(binary.LittleEndian.Uint16(src[at+1:]))
			default:
				size = 2
				if at+size > len(src) {
					return bad("a distance", "the end of the stream")
				}
				distance = int(op&7)<<8 | int(src[at+1])
			}
		}
		if at+size+literals > len(src) {
			return bad(fmt.Sprintf("%d literals", literals), "the end of the stream")
		}
		n := copy(dst[out:], src[at+size:at+size+literals])
		if out += n; n < literals || match > 0 && out == len(dst) {
			return out, nil
		}
		if match > 0 {
			if distance == 0 || distance > out {
				return bad(fmt.Sprintf("a distance of 1 to %d", out), fmt.Sprint(distance))
			}
			out += repeat(dst, out, distance, match)
		}
		at += size + literals
	}
	return out, nil
}

// repeat copies n bytes, as far as they fit, from distance bytes before at, which may overlap what it writes.
func repeat(dst []byte, at, distance, n int) int {
	n = min(n, len(dst)-at)
	for done := 0; done < n; {
		// What was copied repeats itself, so that each round copies twice as much.
		done += copy(dst[at+done:at+n], dst[at-distance:at+done])
	}
	return n
}
