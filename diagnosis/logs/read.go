package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"
)

const (
	peekSize    = 64 << 10
	maxUnpacked = 16 << 30 // bytes out of one packed input
	maxNesting  = 2        // packed files in packed files
)

// ErrTooLarge says that a packed input unpacks to more than is read.
var ErrTooLarge = errors.New("logs: a packed input of more than 16 GiB")

// Read reads r to its end and hands over its blocks in order. A block is the receiver's; [Block.Free] gives
// its buffer back. The error is the context's, the reader's (what was read before it was handed over), or
// that of emit.
func Read(ctx context.Context, r io.Reader, emit func(*Block) error) error {
	s := &stream{ctx: ctx, emit: emit, free: make(chan memory, 32), line: 1}
	return s.read(r, 0)
}

// stream is one input on its way.
type stream struct {
	ctx      context.Context
	emit     func(*Block) error
	free     chan memory
	line     int64 // number of the next line
	offset   int64 // of the next byte
	unpacked bool
	size     int // of buffers
}

func (s *stream) read(r io.Reader, depth int) error {
	b := bufio.NewReaderSize(r, peekSize)
	head, err := b.Peek(peekSize)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return err
	}
	s.size = blockSize
	if err != nil { // this is all of it
		s.size = len(head) + 1
	}
	if kind := packing(head); kind != nil && depth < maxNesting {
		return s.readPacked(b, kind, depth)
	}
	switch {
	case isExport(head):
		return s.readExport(b)
	case isJSON(head):
		return s.readJSON(b)
	}
	if order := utf16Order(head); order != nil {
		return s.readUTF16(b, order)
	}
	return s.readPlain(b, !validHead(head) && isLatin1(head))
}

// validHead reports whether head is UTF-8, but for a character that its end may cut.
func validHead(head []byte) bool {
	for n := 0; n < utf8.UTFMax && len(head) > 0; n++ {
		if utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return len(head) == 0
}

// readPlain reads bytes that are text as they are.
func (s *stream) readPlain(r *bufio.Reader, latin1 bool) error {
	var carry []byte
	inside := false
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		use := s.take()
		buf := use.text
		n := copy(buf, carry)
		m, err := io.ReadFull(r, buf[n:])
		last := err != nil
		if !last {
			_, err = r.Peek(1)
			last = err != nil
		}
		text := buf[:n+m]
		own := 0
		if inside {
			own = min(half, len(text))
		}
		b := &Block{Text: text, From: own, To: len(text), Inside: inside, Line: s.line, Unpacked: s.unpacked,
			Last:   last,
			offset: s.offset, buffer: buf, spans: use.lines, free: s.free}
		carry = carry[:0]
		if !last {
			if i := bytes.LastIndexByte(text, '\n'); i >= 0 && i+1 >= own {
				carry = append(carry, text[i+1:]...)
				b.Text, b.To, inside = text[:i+1], i+1, false
			} else {
				carry = append(carry, text[len(text)-overlap:]...)
				b.To, b.Open, inside = len(text)-half, true, true
			}
		}
		s.line += int64(bytes.Count(text[:len(text)-len(carry)], newline))
		s.offset += int64(len(text) - len(carry))
		if len(text) > 0 {
			if err := s.hand(b, latin1); err != nil {
				return err
			}
		}
		if last {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && m < len(buf)-n {
				return unexpected(r, err)
			}
			return err
		}
	}
}

// unexpected tells the end of an input from a packed one that breaks off: bufio passes on io.EOF for the
// first, and gzip's own error for the second, which io.ReadFull hides when bytes came before it.
func unexpected(r io.Reader, err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	var one [1]byte
	if _, err := io.ReadFull(r, one[:]); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// hand passes a plain block on, rewritten where that is needed.
func (s *stream) hand(b *Block, latin1 bool) error {
	if latin1 {
		b.latin1()
	} else if dirty(b.Text) {
		b.cleaned()
	}
	return s.emit(b)
}

func (s *stream) take() memory {
	select {
	case m := <-s.free:
		return m
	default:
		return memory{text: make([]byte, s.size)}
	}
}

// latin1 rewrites a block of Latin-1 as UTF-8.
func (b *Block) latin1() {
	b.cleaned()
	old, lines := b.Text, b.lines
	text := make([]byte, 0, len(old)+len(old)/8)
	from, to, next := 0, 0, 0
	for i, c := range old {
		for next < len(lines) && lines[next].at <= i {
			lines[next].at = len(text)
			next++
		}
		if i == b.From {
			from = len(text)
		}
		if i == b.To {
			to = len(text)
		}
		text = utf8.AppendRune(text, rune(c))
	}
	if b.From >= len(old) {
		from = len(text)
	}
	if b.To >= len(old) {
		to = len(text)
	}
	b.Text, b.From, b.To = text, from, to
}
