package inflate

import (
	"context"
	"slices"
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
	alphabets *alphabets
	last      bool
	stage     stage
	rest      uint32
	window    []stretch // the last [windowSize] bytes of the content, or some more
	out       int64
	look      bool
}

// alphabets are the tables of one block, as all its marks have them.
type alphabets struct{ lit, dist table }

// stretch is a piece of the content. Marks that stand near each other have most of their windows in common.
type stretch struct {
	p     []byte
	plain int // bytes of p that text has
}

// pool keeps inflaters, whose memory is large beside what one place of a search takes.
var pool = sync.Pool{New: func() any { return new(Inflater) }}

// Get returns an inflater, to be given back with [Put].
func Get() *Inflater { return pool.Get().(*Inflater) }

// Put gives back an inflater.
func Put(f *Inflater) {
	f.ctx, f.r, f.out, f.keep, f.slack = nil, reader{}, nil, nil, block.Set{}
	f.alphabets, f.window = nil, nil
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
	f.alphabets, f.window, f.entered = nil, nil, 0
	if from != nil {
		f.r.acc, f.r.n = from.acc, from.n
		f.lit, f.dist, f.alphabets = from.alphabets.lit, from.alphabets.dist, from.alphabets
		f.last, f.stage, f.rest = from.last, from.stage, from.rest
		for _, w := range from.window {
			f.at += copy(f.buf[f.at:], w.p)
		}
		if keep != nil {
			f.window, f.entered = slices.Clone(from.window), from.out
		}
		f.mark, f.base, f.seen = f.at, from.out-int64(f.at), f.at
		f.look = from.look
	}
	return f.blocks()
}

// paused makes a mark.
func (f *Inflater) paused() error {
	if err := f.give(); err != nil {
		return err
	}
	f.enter(f.buf[max(int(f.entered-f.base), f.at-windowSize, 0):f.at])
	f.entered = f.base + int64(f.at)
	// Whole bytes that are held are read again.
	if out := f.base + int64(f.at); !f.look && out >= lookLeast && out < 2*lookLeast {
		f.look, f.seen = isText(f.buf[:f.at]), f.at
	}
	part := f.r.n % 8
	if f.alphabets == nil {
		f.alphabets = &alphabets{f.lit, f.dist}
	}
	size, text := 0, 0
	for _, w := range f.window {
		size, text = size+len(w.p), text+w.plain
	}
	m := &Mark{look: mostlyText(text, size), at: f.r.reached() - int64(f.r.n/8), acc: f.r.acc & (1<<part - 1), n: part, alphabets: f.alphabets,
		last: f.last, stage: f.stage, rest: f.rest, window: slices.Clone(f.window), out: f.base + int64(f.at)}
	f.pause = f.r.reached() + filetype.MarkEvery
	f.keep(m)
	return nil
}

// enter adds new content to the window, and lets go of what stands farther back than a copy reaches.
func (f *Inflater) enter(p []byte) {
	if len(p) == 0 {
		return
	}
	f.window = append(f.window, stretch{slices.Clone(p), plain(p)})
	size, first := 0, len(f.window)
	for first > 0 && size < windowSize {
		first--
		size += len(f.window[first].p)
	}
	f.window = slices.Delete(f.window, 0, first)
}

// Content that is text goes on as text: data of another place inflates for long, and to anything.
const (
	lookAt    = 512     // bytes of content that are looked at together
	lookLeast = 4 << 10 // bytes that say what the content is
)

// isText reports whether p is enough to say that the content is text, and says so.
func isText(p []byte) bool { return mostlyText(plain(p), len(p)) }

// mostlyText is [isText] for size bytes, text of which text has.
func mostlyText(text, size int) bool { return size >= lookLeast && text*100 >= size*99 }

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
