package payload

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/guard"
)

// maxAhead is how many bytes an operation may make that is unpacked while others are written.
const maxAhead = 32 << 20

// piece is an extent of a partition with the operation that makes it.
type piece struct {
	at   block.Extent
	from int64 // in what the operation makes
	op   *Operation
}

// assemble writes the content of a partition that needs no old one, from front to back.
func (p *Payload) assemble(ctx context.Context, x *Partition, w *limited) error {
	var list []piece
	for i := range x.Operations {
		o := &x.Operations[i]
		var from int64
		for _, e := range o.Dst {
			if e.Length > 0 {
				list = append(list, piece{e, from, o})
			}
			from += e.Length
		}
	}
	slices.SortFunc(list, func(a, b piece) int { return cmp.Compare(a.at.Offset, b.at.Offset) })
	var end int64
	for _, x := range list {
		if x.at.Offset != end {
			return cursor.Corrupt("payload: operations", x.at.Offset, fmt.Sprintf("one that makes the bytes from %d", end), x.at)
		}
		end = x.at.End()
	}
	if end < x.NewSize {
		return cursor.Corrupt("payload: operations", end, fmt.Sprintf("%d bytes", x.NewSize), fmt.Sprintf("%d", end))
	}
	ahead := p.unpackAhead(ctx, list)
	defer ahead.stop()
	var last *Operation
	var made bytes.Buffer
	for i, x := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b, ok, err := ahead.take(i); ok {
			if err == nil {
				_, err = w.Write(b)
			}
			if err != nil {
				return err
			}
			continue
		}
		plain := *x.op
		plain.DataHash = nil // it was computed already
		switch {
		case x.op.Type == Zero || x.op.Type == Discard:
			if err := zeros(w, x.at.Length); err != nil {
				return err
			}
			continue
		case len(x.op.Dst) == 1:
			if err := p.Apply(ctx, nil, &plain, w); err != nil {
				return err
			}
			continue
		case x.op.Length() > maxMade:
			return &UnsupportedError{What: fmt.Sprintf("an operation that makes %d bytes in pieces", x.op.Length())}
		}
		if x.op != last {
			made.Reset()
			if err := p.Apply(ctx, nil, &plain, &made); err != nil {
				return err
			}
			last = x.op
		}
		if _, err := w.Write(made.Bytes()[x.from : x.from+x.at.Length]); err != nil {
			return err
		}
	}
	return nil
}

// unpacker unpacks the next operations while others are written, in order, and holds only as many as there are processors.
type unpacker struct {
	p      *Payload
	ctx    context.Context
	cancel context.CancelFunc
	list   []piece
	next   int // of list, that is not yet begun
	slots  int
	under  map[int]*unpacked
	all    sync.WaitGroup
}

// unpacked is an operation that is being unpacked, until done is closed.
type unpacked struct {
	b    bytes.Buffer
	err  error
	done chan struct{}
}

func (p *Payload) unpackAhead(ctx context.Context, list []piece) *unpacker {
	u := &unpacker{p: p, list: list, slots: guard.Workers(), under: map[int]*unpacked{}}
	u.ctx, u.cancel = context.WithCancel(ctx)
	return u
}

// fits reports whether a piece is one operation that is packed and not too large.
func (u *unpacker) fits(i int) bool {
	switch x := &u.list[i]; x.op.Type {
	case ReplaceBzip2, ReplaceXZ, ReplaceZstd:
		return len(x.op.Dst) == 1 && x.at.Length <= maxAhead
	}
	return false
}

// take returns what piece i makes, and begins those behind it. ok is false for a piece that is not unpacked ahead.
func (u *unpacker) take(i int) (b []byte, ok bool, err error) {
	if !u.fits(i) {
		return nil, false, nil
	}
	for u.next = max(u.next, i); u.next < len(u.list) && len(u.under) < u.slots && u.next < i+4*u.slots; u.next++ {
		if u.fits(u.next) {
			u.begin(u.next)
		}
	}
	x := u.under[i]
	delete(u.under, i)
	<-x.done
	return x.b.Bytes(), true, x.err
}

func (u *unpacker) begin(i int) {
	x := &unpacked{done: make(chan struct{})}
	u.under[i] = x
	plain := *u.list[i].op
	plain.DataHash = nil
	u.all.Go(func() {
		defer close(x.done)
		x.err = u.p.Apply(u.ctx, nil, &plain, &x.b)
	})
}

// stop ends what is under way, and waits for it.
func (u *unpacker) stop() {
	u.cancel()
	u.all.Wait()
}

// limited gives the first bytes of a partition to a hash and to a scratch: blocks may go beyond the partition's end.
type limited struct {
	left int64
	to   interface{ Write([]byte) (int, error) }
	also firmware.Scratch // may be nil
}

func (l *limited) Write(p []byte) (int, error) {
	n := len(p)
	p = p[:min(int64(n), l.left)]
	l.left -= int64(len(p))
	if _, err := l.to.Write(p); err != nil {
		return 0, err
	}
	if l.also != nil {
		if _, err := l.also.Write(p); err != nil {
			return 0, err
		}
	}
	return n, nil
}
