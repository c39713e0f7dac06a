package lzfse

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

// Limits of a block, by the reference.
const (
	maxMatches  = 10000
	maxLiterals = 4 * maxMatches
)

const plainHeader = 772 // bytes of the header of a bvx1 block, with its padding

// Decode decodes an LZFSE stream into dst. It returns how many bytes were written: len(dst), or fewer when the
// stream ends before with its mark of end. Bytes behind that mark, and blocks that dst has no room for, are not
// regarded.
//
// Errors: a [*cursor.CorruptError] with the place in src; dst holds what was decoded up to there.
func Decode(dst, src []byte) (int, error) {
	d := decoder{dst: dst, src: src}
	for d.out < len(dst) {
		end, err := d.block()
		if err != nil || end {
			return d.out, err
		}
	}
	return d.out, nil
}

type decoder struct {
	dst, src []byte
	at, out  int
	literals []byte
}

func (d *decoder) corrupt(expected, found any) error {
	return cursor.Corrupt("LZFSE stream", int64(d.at), expected, found)
}

// take returns n bytes at an offset of the block at d.at.
func (d *decoder) take(off, n int) ([]byte, error) {
	if off < 0 || n < 0 || n > len(d.src)-d.at-off || off > len(d.src)-d.at {
		return nil, d.corrupt(fmt.Sprintf("a block of at least %d bytes", off+n), fmt.Sprintf("%d bytes", len(d.src)-d.at))
	}
	return d.src[d.at+off : d.at+off+n], nil
}

// block decodes one block and reports whether it was the last.
func (d *decoder) block() (end bool, err error) {
	magic, err := d.take(0, 4)
	if err != nil {
		return false, err
	}
	if string(magic) == "bvx$" {
		return true, nil
	}
	head, err := d.take(0, 8)
	if err != nil {
		return false, err
	}
	raw := int(binary.LittleEndian.Uint32(head[4:]))
	switch string(magic) {
	case "bvx-":
		p, err := d.take(8, min(raw, len(d.src)-d.at-8))
		if err != nil {
			return false, err
		}
		n := copy(d.dst[d.out:], p)
		d.out += n
		if n == len(p) && len(p) < raw {
			return false, d.corrupt(fmt.Sprintf("%d raw bytes", raw), len(p))
		}
		d.at += 8 + raw
	case "bvxn":
		p, err := d.take(8, 4)
		if err != nil {
			return false, err
		}
		payload, err := d.take(12, int(binary.LittleEndian.Uint32(p)))
		if err != nil {
			return false, err
		}
		n, err := DecodeLZVN(d.dst[d.out:min(len(d.dst), d.out+raw)], payload)
		d.out += n
		if c, ok := cursor.IsCorrupt(err); ok {
			return false, d.corrupt(c.Expected, fmt.Sprintf("%s at %d of an LZVN block", c.Found, c.Offset))
		}
		if n < raw && d.out < len(d.dst) {
			return false, d.corrupt(fmt.Sprintf("%d bytes in an LZVN block", raw), n)
		}
		d.at += 12 + len(payload)
	case "bvx1", "bvx2":
		var b block
		if string(magic) == "bvx1" {
			err = b.plain(d)
		} else {
			err = b.packed(d)
		}
		if err == nil {
			err = d.compressed(&b, raw)
		}
		if err != nil {
			return false, err
		}
	default:
		return false, d.corrupt("the magic of a block, bvx", fmt.Sprintf("%q", magic))
	}
	return false, nil
}

// block is the header of a compressed block.
type block struct {
	header                      int // bytes
	literals, matches           int
	literalBytes, matchBytes    int
	literalUnused, matchUnused  int // 0 to -7
	literalState                [4]int
	stateL, stateM, stateD      int
	freqL, freqM, freqD, freqLi []uint16
}

// split hands out the frequencies of all symbols.
func (b *block) split(f []uint16) {
	b.freqL, f = f[:symbolsL], f[symbolsL:]
	b.freqM, f = f[:symbolsM], f[symbolsM:]
	b.freqD, b.freqLi = f[:symbolsD], f[symbolsD:]
}

// plain reads the header of a bvx1 block.
func (b *block) plain(d *decoder) error {
	p, err := d.take(0, plainHeader)
	if err != nil {
		return err
	}
	c := cursor.New("LZFSE block", int64(d.at), p)
	c.Skip(12) // magic, bytes decoded, bytes of both payloads
	b.header = plainHeader
	b.literals, b.matches = int(c.Uint32()), int(c.Uint32())
	b.literalBytes, b.matchBytes = int(c.Uint32()), int(c.Uint32())
	b.literalUnused = int(int32(c.Uint32()))
	for i := range b.literalState {
		b.literalState[i] = int(c.Uint16())
	}
	b.matchUnused = int(int32(c.Uint32()))
	b.stateL, b.stateM, b.stateD = int(c.Uint16()), int(c.Uint16()), int(c.Uint16())
	f := make([]uint16, symbols)
	for i := range f {
		f[i] = c.Uint16()
	}
	b.split(f)
	return c.Err()
}

// packed reads the header of a bvx2 block.
func (b *block) packed(d *decoder) error {
	p, err := d.take(8, 24)
	if err != nil {
		return err
	}
	v0, v1, v2 := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:]), binary.LittleEndian.Uint64(p[16:])
	field := func(v uint64, at, n int) int { return int(v >> at & (1<<n - 1)) }
	b.literals, b.literalBytes, b.matches = field(v0, 0, 20), field(v0, 20, 20), field(v0, 40, 20)
	b.literalUnused = field(v0, 60, 3) - 7
	for i := range b.literalState {
		b.literalState[i] = field(v1, 10*i, 10)
	}
	b.matchBytes, b.matchUnused = field(v1, 40, 20), field(v1, 60, 3)-7
	b.header = field(v2, 0, 32)
	b.stateL, b.stateM, b.stateD = field(v2, 32, 10), field(v2, 42, 10), field(v2, 52, 10)
	if b.header < 32 {
		return d.corrupt("a header of at least 32 bytes", b.header)
	}
	tables, err := d.take(32, b.header-32)
	if err != nil {
		return err
	}
	f, ok := frequencies(tables)
	if !ok {
		return d.corrupt("a table of frequencies that ends with its header", "another length")
	}
	b.split(f)
	return nil
}

// frequencies reads the numbers of a bvx2 header: a prefix code, the lowest bits first.
func frequencies(p []byte) ([]uint16, bool) {
	out := make([]uint16, symbols)
	if len(p) == 0 {
		return out, true
	}
	var acc uint32
	n := 0
	for i := range out {
		for n <= 24 && len(p) > 0 {
			acc |= uint32(p[0]) << n
			p = p[1:]
			n += 8
		}
		v, size := frequency(acc)
		if size > n {
			return nil, false
		}
		out[i] = v
		acc >>= size
		n -= size
	}
	return out, n < 8 && len(p) == 0
}

// frequency decodes one number from the low bits of v.
func frequency(v uint32) (f uint16, size int) {
	switch {
	case v&1 == 0: // 00: 0, 10: 1
		return uint16(v >> 1 & 1), 2
	case v&3 == 1: // 001: 2, 101: 3
		return uint16(v>>2&1) + 2, 3
	case v&7 == 3: // five bits: 4 to 7
		return uint16(v>>3&3) + 4, 5
	case v&15 == 7: // eight bits: 8 to 23
		return uint16(v>>4&15) + 8, 8
	}
	return uint16(v>>4&0x3ff) + 24, 14
}

// compressed decodes the payloads of b into raw bytes.
func (d *decoder) compressed(b *block, raw int) error {
	literalEnd := b.header + b.literalBytes
	if b.literals > maxLiterals || b.matches > maxMatches || b.literals%4 != 0 {
		return d.corrupt(fmt.Sprintf("at most %d literals, by fours, and %d matches", maxLiterals, maxMatches),
			fmt.Sprintf("%d and %d", b.literals, b.matches))
	}
	if _, err := d.take(b.header, b.literalBytes); err != nil {
		return err
	}
	if _, err := d.take(literalEnd, b.matchBytes); err != nil {
		return err
	}
	if b.stateL >= statesL || b.stateM >= statesM || b.stateD >= statesD || max(b.literalState[0], b.literalState[1],
		b.literalState[2], b.literalState[3]) >= statesLiteral {
		return d.corrupt("states inside of their tables", "others")
	}
	if err := d.readLiterals(b, d.src[d.at+b.header:d.at+literalEnd]); err != nil {
		return err
	}
	if err := d.readMatches(b, d.src[d.at+literalEnd:d.at+literalEnd+b.matchBytes], raw); err != nil {
		return err
	}
	d.at += literalEnd + b.matchBytes
	return nil
}

func (d *decoder) readLiterals(b *block, p []byte) error {
	table, ok := symbolTable(statesLiteral, b.freqLi)
	if !ok {
		return d.corrupt(fmt.Sprintf("frequencies of literals that add up to at most %d", statesLiteral), "more")
	}
	in, ok := newStream(p, b.literalUnused)
	if !ok {
		return d.corrupt("a payload of literals whose last bits are zero", "others")
	}
	if cap(d.literals) < b.literals {
		d.literals = make([]byte, maxLiterals)
	}
	d.literals = d.literals[:b.literals]
	state := b.literalState
	for i := 0; i < b.literals; i += 4 {
		in.fill()
		for k := range state {
			e := table[state[k]]
			d.literals[i+k] = e.symbol
			state[k] = int(e.delta) + int(in.pull(e.bits))
			if uint(state[k]) >= statesLiteral {
				return d.corrupt("a state inside of its table", state[k])
			}
		}
	}
	if in.empty > 0 {
		return d.corrupt("a payload of literals that holds them all", fmt.Sprintf("%d bits too few", in.empty))
	}
	return nil
}

func (d *decoder) readMatches(b *block, p []byte, raw int) error {
	tableL, okL := valueTable(statesL, b.freqL, bitsL[:])
	tableM, okM := valueTable(statesM, b.freqM, bitsM[:])
	tableD, okD := valueTable(statesD, b.freqD, bitsD[:])
	if !okL || !okM || !okD {
		return d.corrupt("frequencies of lengths and distances that fit their tables", "more")
	}
	in, ok := newStream(p, b.matchUnused)
	if !ok {
		return d.corrupt("a payload of matches whose last bits are zero", "others")
	}
	begin, distance := d.out, 0
	literals := d.literals
	step := func(t []value, state *int) int {
		e := t[*state]
		w := in.pull(e.total)
		*state = int(e.delta) + int(w>>e.extra)
		return int(e.base) + int(w&(1<<e.extra-1))
	}
	for range b.matches {
		in.fill()
		l, m := step(tableL, &b.stateL), step(tableM, &b.stateM)
		if n := step(tableD, &b.stateD); n > 0 {
			distance = n
		}
		if uint(b.stateL) >= statesL || uint(b.stateM) >= statesM || uint(b.stateD) >= statesD {
			return d.corrupt("states inside of their tables", "others")
		}
		if in.empty > 0 || l > len(literals) {
			return d.corrupt(fmt.Sprintf("%d matches", b.matches), "a payload that ends before")
		}
		d.out += copy(d.dst[d.out:], literals[:l])
		literals = literals[l:]
		if d.out == len(d.dst) {
			return nil
		}
		if m > 0 {
			if distance == 0 || distance > d.out {
				return d.corrupt(fmt.Sprintf("a distance of 1 to %d", d.out), distance)
			}
			d.out += repeat(d.dst, d.out, distance, m)
		}
	}
	if n := d.out - begin; n != raw && d.out < len(d.dst) {
		return d.corrupt(fmt.Sprintf("a block of %d bytes", raw), n)
	}
	return nil
}
