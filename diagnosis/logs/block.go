package logs

import (
	"bytes"
	"sort"
	"time"
)

// Sizes, in bytes.
const (
	blockSize = 1 << 20
	overlap   = 16 << 10 // what two blocks of one long line share
	half      = overlap / 2
)

// Block is a piece of an input: whole lines, or a part of a line that is longer than a block.
type Block struct {
	Text []byte // lines, each with its end as it stood; the last may have none
	// From and To bound what is this block's own: what begins outside of them belongs to a neighbour.
	From, To int
	// Inside and Open say that Text begins and ends inside of a line.
	Inside, Open bool
	Line         int64 // the number of the first line, from 1
	Unpacked     bool  // places count unpacked bytes
	Last         bool  // of its input

	offset int64 // of Text[0] in the input, where lines is nil
	lines  []span
	seen   int   // up to here line ends were counted
	before int64 // and are so many
	buffer []byte
	spans  []span // the memory of lines
	free   chan memory
}

// memory is what blocks use again.
type memory struct {
	text  []byte
	lines []span
}

// Free gives the block's buffer back; the block must not be used any more.
func (b *Block) Free() {
	if b.free == nil || b.buffer == nil {
		return
	}
	select {
	case b.free <- memory{b.buffer, b.spans}:
	default:
	}
	b.Text, b.buffer, b.lines, b.spans = nil, nil, nil, nil
}

// span is where a line of a block that was rewritten stands in the input.
type span struct {
	at     int   // its first byte in Text
	offset int64 // in the input
	length int64
	number int64
	when   int64 // microseconds since 1970; 0 when the line's text has to say it
}

// Place is for one goroutine. It returns where Text[start:end], which is inside of one line, stands in the input: its first byte, how
// many bytes, and the number of the line. In a block that was rewritten it is the place of the whole line.
func (b *Block) Place(start, end int) (offset, length, line int64) {
	if b.lines == nil {
		if start < b.seen { // most callers walk forward
			b.seen, b.before = 0, 0
		}
		b.before += int64(bytes.Count(b.Text[b.seen:start], newline))
		b.seen = start
		return b.offset + int64(start), int64(end - start), b.Line + b.before
	}
	s := b.span(start)
	return s.offset, s.length, s.number
}

// When returns the time that the input tells beside the text of the line at start; zero when it does not.
func (b *Block) When(start int) time.Time {
	if b.lines == nil {
		return time.Time{}
	}
	if s := b.span(start); s.when != 0 {
		return time.UnixMicro(s.when).UTC()
	}
	return time.Time{}
}

func (b *Block) span(at int) span {
	i := sort.Search(len(b.lines), func(i int) bool { return b.lines[i].at > at })
	if i == 0 {
		return span{}
	}
	return b.lines[i-1]
}

var newline = []byte{'\n'}

// add appends a rewritten line.
func (b *Block) add(text []byte, s span) {
	s.at = len(b.Text)
	b.lines = append(b.lines, s)
	b.Text = append(append(b.Text, text...), '\n')
}
