package jpeg

import (
	"encoding/binary"

	"salvor/filetype"
)

// bitReader reads entropy-coded data: it drops the zero behind each FF and stops before a marker.
type bitReader struct {
	s      *filetype.Stream
	p      []byte   // the stream's window
	i      int      // bytes of p that are in acc or dropped
	past   [16]byte // the last bytes before p
	acc    uint64   // the next bits, from the top; zeros behind them
	n      uint     // how many
	marker byte     // that the data ran into; the stream stands before its FF
	err    error    // of the source, behind the bits that are there
}

// open begins reading where the stream stands.
func (b *bitReader) open(s *filetype.Stream) { *b = bitReader{s: s} }

// recent returns the last bytes that are in acc or dropped.
func (b *bitReader) recent() (past [16]byte) {
	if b.i >= len(past) {
		copy(past[:], b.p[b.i-len(past):b.i])
	} else {
		copy(past[:], b.past[b.i:])
		copy(past[len(past)-b.i:], b.p[:b.i])
	}
	return past
}

// remember keeps the end of what was consumed, for pos.
func (b *bitReader) remember() {
	b.past = b.recent()
	b.s.Discard(b.i)
	b.p, b.i = nil, 0
}

// fill brings in as many bits as are there and fit: at least 57, unless a marker or an error stands behind.
func (b *bitReader) fill() {
	if b.i+8 <= len(b.p) {
		v := binary.BigEndian.Uint64(b.p[b.i:])
		if inv := ^v; (inv-0x0101010101010101)&^inv&0x8080808080808080 == 0 { // no byte is FF
			k := (64 - b.n) >> 3
			b.acc |= v >> b.n &^ (1<<(64-b.n-8*k) - 1)
			b.n += 8 * k
			b.i += int(k)
			return
		}
	}
	for b.n <= 56 && b.marker == 0 && b.err == nil {
		if b.i == len(b.p) {
			b.remember()
			if b.p, b.err = b.s.Window(); b.err != nil {
				return
			}
		}
		c := b.p[b.i]
		if c == 0xFF {
			if b.i+1 == len(b.p) {
				b.remember()
				if _, b.err = b.s.Peek(2); b.err != nil {
					return
				}
				b.p, b.err = b.s.Window()
			}
			switch m := b.p[b.i+1]; m {
			case 0:
				b.i++
			case 0xFF: // a fill byte before a marker
				b.i++
				continue
			default:
				b.marker = m
				return
			}
		}
		b.i++
		b.acc |= uint64(c) << (56 - b.n)
		b.n += 8
	}
}

// skip consumes k bits, at most those that are there.
func (b *bitReader) skip(k uint) {
	b.acc <<= k
	b.n -= k
}

// want makes k bits available, at most 57, and reports whether they are there.
func (b *bitReader) want(k uint) bool {
	if b.n < k {
		b.fill()
	}
	return b.n >= k
}

// take consumes k bits, at most 16, which are there.
func (b *bitReader) take(k uint) uint32 {
	v := uint32(b.acc >> 32 >> (32 - k))
	b.skip(k)
	return v
}

// pos returns the offset of the byte that holds the next bit.
func (b *bitReader) pos() int64 {
	at := func(i int) byte {
		if i >= 0 {
			return b.p[i]
		}
		if i += len(b.past); i >= 0 {
			return b.past[i]
		}
		return 1
	}
	i := b.i
	for range (b.n + 7) / 8 {
		if i--; at(i) == 0 && at(i-1) == 0xFF {
			i--
		}
	}
	return b.s.Offset() + int64(i)
}

// close leaves the stream before the marker that the data ran into.
func (b *bitReader) close() { b.remember() }

// table decodes the Huffman codes of one table.
type table struct {
	look   [1 << lookBits]uint16 // length << 8 | symbol of codes up to lookBits long; 0 for longer ones
	limit  [17]uint32            // first code behind those of each length, moved to the top of 16 bits
	offset [17]int32             // what to add to a code of each length for its index in symbols
	symbol []byte
}

const lookBits = 10

// parseTable builds the table of counts and symbols of a DHT segment; bad says what is wrong with them.
func parseTable(counts, symbols []byte) (t *table, bad string) {
	t = &table{symbol: symbols}
	code, at := uint32(0), 0
	for l := 1; l <= 16; l++ {
		n := int(counts[l-1])
		t.offset[l] = int32(at) - int32(code)
		if code+uint32(n) > 1<<l {
			return nil, "more codes than fit"
		}
		for range n {
			if l <= lookBits {
				first := code << (lookBits - l)
				for j := range uint32(1) << (lookBits - l) {
					t.look[first+j] = uint16(l)<<8 | uint16(symbols[at])
				}
			}
			code++
			at++
		}
		t.limit[l] = code << (16 - l)
		code <<= 1
	}
	return t, ""
}

// decode returns the next symbol and the length of its code, without consuming it; length 0 when no code
// fits. The length may be more than the bits that are there, which is for the caller to see.
func (t *table) decode(acc uint64) (symbol byte, length uint) {
	if e := t.look[acc>>(64-lookBits)]; e != 0 {
		return byte(e), uint(e >> 8)
	}
	top := uint32(acc >> 48)
	for l := lookBits + 1; l <= 16; l++ {
		if top < t.limit[l] {
			return t.symbol[int32(top>>(16-l))+t.offset[l]], uint(l)
		}
	}
	return 0, 0
}
