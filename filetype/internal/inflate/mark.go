package inflate

import (
	"context"

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
}

// Offset returns up to where the stream was read.
func (m *Mark) Offset() int64 { return m.at }

// Follow inflates as [Inflater.Run] does, and gives keep a mark about each [filetype.MarkEvery] bytes, when out
// has been given all content before the mark. from is such a mark, at whose offset s stands, or nil for the beginning of the stream.
func (f *Inflater) Follow(ctx context.Context, s *filetype.Stream, from *Mark, keep func(*Mark), out func([]byte) error) (Result, error) {
	f.ctx, f.r, f.out = ctx, reader{s: s}, out
	f.at, f.mark, f.base, f.next, f.walk = 0, 0, 0, 0, 0
	f.forced, f.last, f.stage = false, false, between
	f.keep, f.pause = keep, s.Offset()+filetype.MarkEvery
	if from != nil {
		f.r.acc, f.r.n = from.acc, from.n
		f.lit, f.dist = from.lit, from.dist
		f.last, f.stage, f.rest = from.last, from.stage, from.rest
		f.at = copy(f.buf[:], from.window)
		f.mark, f.base = f.at, from.out-int64(f.at)
	}
	return f.blocks()
}

// paused makes a mark.
func (f *Inflater) paused() error {
	if err := f.flush(); err != nil {
		return err
	}
	// Whole bytes that are held are read again.
	part := f.r.n % 8
	m := &Mark{at: f.r.reached() - int64(f.r.n/8), acc: f.r.acc & (1<<part - 1), n: part, lit: f.lit, dist: f.dist, last: f.last, stage: f.stage, rest: f.rest,
		window: append([]byte(nil), f.buf[max(0, f.at-windowSize):f.at]...), out: f.base + int64(f.at)}
	f.pause = f.r.reached() + filetype.MarkEvery
	f.keep(m)
	return nil
}
