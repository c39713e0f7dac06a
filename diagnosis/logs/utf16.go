package logs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// maxRewritten bounds a line that is rewritten, in bytes of the input; longer ones come in pieces.
const maxRewritten = 64 << 10

// utf16Order tells UTF-16 by its mark, or by NULs in every other place; nil when it is none.
func utf16Order(head []byte) binary.ByteOrder {
	switch { // with a mark, but a line's end has a NUL in it
	case bytes.IndexByte(head, 0) < 0:
		return nil
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return binary.BigEndian
	}
	head = head[:min(len(head), 4096)&^1]
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	units := len(head) / 2
	switch {
	case units < 8:
		return nil
	case zeros[1]*10 > units*6 && zeros[0]*20 < units:
		return binary.LittleEndian
	case zeros[0]*10 > units*6 && zeros[1]*20 < units:
		return binary.BigEndian
	}
	return nil
}

// readUTF16 rewrites lines of UTF-16 as UTF-8.
func (s *stream) readUTF16(r *bufio.Reader, order binary.ByteOrder) error {
	out := rewriter{stream: s}
	var line []byte
	var high rune // the first half of a character of two units
	start := s.offset
	buf := make([]byte, peekSize)
	for {
		n, err := io.ReadFull(r, buf)
		for at := 0; at+2 <= n; at += 2 {
			c := rune(order.Uint16(buf[at:]))
			s.offset += 2
			switch {
			case c == '\n' || s.offset-start >= maxRewritten:
				if err := out.line(line, start, s.offset-start, 0, c == '\n'); err != nil {
					return err
				}
				line, start, high = line[:0], s.offset, 0
			case c < utf8.RuneSelf && high == 0:
				line = append(line, byte(c))
			case c == 0xfeff && s.offset == 2:
				start = s.offset
			case utf16.IsSurrogate(c) && high == 0:
				high = c
			case high != 0:
				line, high = utf8.AppendRune(line, utf16.DecodeRune(high, c)), 0
			default:
				line = utf8.AppendRune(line, c)
			}
		}
		if err == nil {
			continue
		}
		if len(line) > 0 {
			if err := out.line(line, start, s.offset-start, 0, false); err != nil {
				return err
			}
		}
		return errors.Join(notEnd(err), out.flush())
	}
}

// rewriter gathers rewritten lines into blocks.
type rewriter struct {
	stream *stream
	block  *Block
	full   *Block // not yet passed on: it may be the last
}

// line adds a line whose bytes stand at offset; ends says that the input's line ends with it.
func (w *rewriter) line(text []byte, offset, length, when int64, ends bool) error {
	s := w.stream
	if w.block == nil {
		w.block = &Block{Text: make([]byte, 0, blockSize/4), Line: s.line, Unpacked: s.unpacked, lines: []span{}}
	}
	text = bytes.TrimSuffix(text, []byte{'\r'})
	if dirty(text) {
		text = appendClean(nil, text)
	}
	w.block.add(text, span{offset: offset, length: length, number: s.line, when: when})
	if ends {
		s.line++
	}
	if len(w.block.Text) < blockSize/4-maxRewritten {
		return nil
	}
	return w.next()
}

// next passes on what is full, when another block has become so.
func (w *rewriter) next() error {
	b := w.full
	w.full, w.block = w.block, nil
	if b == nil {
		return nil
	}
	if err := w.stream.ctx.Err(); err != nil {
		return err
	}
	b.To = len(b.Text)
	return w.stream.emit(b)
}

// flush passes on all that there is.
func (w *rewriter) flush() error {
	if w.block != nil {
		if err := w.next(); err != nil {
			return err
		}
	}
	if w.full == nil {
		return nil
	}
	w.full.Last = true
	return w.next()
}
