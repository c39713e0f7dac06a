package inflate

import (
	"context"
	"sync"

	"salvor/block"
	"salvor/filetype"
)

// stage says what the next byte of a stream is part of.
type stage uint8

const (
	between  stage = iota // the head of a block, or the end
	inStored              // a block that is not compressed
	inCodes
)

// Mark is the state of an inflater in the middle of a stream. It does not change.
type Mark struct {
	at        int64
	acc       uint64
	n         uint
	lit, dist table
	last      bool
	stage     stage
	rest      uint32
	window    []byte
	out       int64
	look      bool
}

// pool keeps inflaters, whose memory is large beside what one place of a search takes.
var pool = sync.Pool{New: func() any { return new(Inflater) }}

// Get returns an inflater, to be given back with [Put].
func Get() *Inflater { return pool.Get().(*Inflater) }

// Put gives back an inflater.
func Put(f *Inflater) {
	f.ctx, f.r, f.out, f.keep, f.slack = nil, reader{}, nil, nil, block.Set{}
	pool.Put(f)
}

// Offset returns up to where the stream was read.
func (m *Mark) Offset() int64 { return m.at }

// Follow inflates as [Inflater.Run] does, and gives keep a mark about each [filetype.MarkEvery] bytes, when out
// has been given all content before the mark. from is such a mark, at whose offset s stands, or nil for the beginning of the stream.
func (f *Inflater) Follow(ctx context.Context, s *filetype.Stream, from *Mark, keep func(*Mark), out func([]byte) error) (Result, error) {
	f.ctx, f.r, f.out = ctx, reader{s: s}, out
	f.at, f.mark, f.base, f.next, f.walk = 0, 0, 0, 0, 0
	f.forced, f.last, f.stage = false, false, between
	f.keep, f.pause, f.look = keep, s.Offset()+filetype.MarkEvery, false
	if from != nil {
		f.r.acc, f.r.n = from.acc, from.n
		f.lit, f.dist = from.lit, from.dist
		f.last, f.stage, f.rest = from.last, from.stage, from.rest
		f.at = copy(f.buf[:], from.window)
		f.mark, f.base, f.seen = f.at, from.out-int64(f.at), f.at
		f.look = from.look
	}
	return f.blocks()
}

// paused makes a mark.
func (f *Inflater) paused() error {
	if err := f.flush(); err != nil {
		return err
	}
	// Whole bytes that are held are read again.
	if out := f.base + int64(f.at); !f.look && out >= lookLeast && out < 2*lookLeast {
		f.look, f.seen = isText(f.buf[:f.at]), f.at
	}
	part := f.r.n % 8
	window := append([]byte(nil), f.buf[max(0, f.at-windowSize):f.at]...)
	m := &Mark{look: isText(window), at: f.r.reached() - int64(f.r.n/8), acc: f.r.acc & (1<<part - 1), n: part, lit: f.lit, dist: f.dist, last: f.last, stage: f.stage, rest: f.rest,
		window: window, out: f.base + int64(f.at)}
	f.pause = f.r.reached() + filetype.MarkEvery
	f.keep(m)
	return nil
}

// Content that is text goes on as text: data of another place inflates for long, and to anything.
const (
	lookAt    = 512     // bytes of content that are looked at together
	lookLeast = 4 << 10 // bytes that say what the content is
)

// isText reports whether p is enough to say that the content is text, and says so.
func isText(p []byte) bool { return len(p) >= lookLeast && plain(p)*100 >= len(p)*99 }

// goesOn looks at the content since it was last asked.
func (f *Inflater) goesOn() bool {
	p := f.buf[max(f.seen, 0):f.at]
	f.seen = f.at
	return plain(p)*10 >= len(p)*9
}

// plainBytes has a 1 for each byte that text has.
var plainBytes = func() (t [256]uint8) {
	for c := range t {
		if c >= ' ' && c < 0x7F || c == '\n' || c == '\r' || c == '\t' || c >= 0xC2 && c < 0xF5 {
			t[c] = 1
		}
	}
	return t
}()

// plain counts the bytes that text has.
func plain(p []byte) (n int) {
	for _, c := range p {
		n += int(plainBytes[c])
	}
	return n
}
