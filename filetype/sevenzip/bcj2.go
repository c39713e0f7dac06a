package sevenzip

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// bcj2Streams is how many streams go into the filter: the program without the targets of its calls and jumps, the
// targets of calls, those of jumps, and which of the opcodes have one there.
const bcj2Streams = 4

// bcj2 puts the targets of calls and jumps back into a program for x86.
type bcj2 struct {
	program, calls, jumps, choices *bufio.Reader

	low, code uint32 // of the range decoder: its range, and where it stands
	odds      [256 + 2]uint32
	before    byte
	written   uint32
	rest      []byte // of a target that is written
	target    [4]byte
}

func newBCJ2(in []io.Reader) (io.Reader, error) {
	buffered := func(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 16<<10) }
	b := &bcj2{program: buffered(in[0]), calls: buffered(in[1]), jumps: buffered(in[2]), choices: buffered(in[3]), low: 0xFFFFFFFF}
	for i := range b.odds {
		b.odds[i] = 1 << 10
	}
	var head [5]byte
	if _, err := io.ReadFull(b.choices, head[:]); err != nil {
		return b, err
	}
	if head[0] != 0 {
		return b, errors.New("a stream of choices that begins with no zero")
	}
	b.code = binary.BigEndian.Uint32(head[1:])
	return b, nil
}

// choice decodes whether the opcode with these odds has its target elsewhere.
func (b *bcj2) choice(odds *uint32) (bool, error) {
	bound := b.low >> 11 * *odds
	yes := b.code >= bound
	if yes {
		b.low -= bound
		b.code -= bound
		*odds -= *odds >> 5
	} else {
		b.low = bound
		*odds += (1<<11 - *odds) >> 5
	}
	if b.low < 1<<24 {
		c, err := b.choices.ReadByte()
		if err != nil {
			return false, unexpected(err)
		}
		b.low <<= 8
		b.code = b.code<<8 | uint32(c)
	}
	return yes, nil
}

// unexpected turns the end of one of the streams into an error: only that of the program may end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Read gives the next bytes of the program.
func (b *bcj2) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(b.rest) > 0 {
			k := copy(p[n:], b.rest)
			b.rest = b.rest[k:]
			n += k
			continue
		}
		c, err := b.program.ReadByte()
		if err != nil {
			return n, err
		}
		p[n] = c
		n++
		b.written++
		before := b.before
		b.before = c
		if c&0xFE != 0xE8 && (before != 0x0F || c&0xF0 != 0x80) {
			continue
		}
		odds, from := &b.odds[257], b.jumps
		switch c {
		case 0xE8:
			odds, from = &b.odds[before], b.calls
		case 0xE9:
			odds = &b.odds[256]
		}
		yes, err := b.choice(odds)
		if err != nil {
			return n, err
		}
		if !yes {
			continue
		}
		if _, err := io.ReadFull(from, b.target[:]); err != nil {
			return n, unexpected(err)
		}
		b.written += 4
		v := binary.BigEndian.Uint32(b.target[:]) - b.written
		binary.LittleEndian.PutUint32(b.target[:], v)
		b.rest = b.target[:]
		b.before = b.target[3]
	}
	return n, nil
}
