package rescue

import (
	"context"
	"errors"
	"io"
	"slices"
	"sort"

	"salvor/block"
	"salvor/finding"
	"salvor/host"
	"salvor/unpack"
)

// What a look takes out of a compressed image, in bytes: it may write nowhere, so that what comes out is kept in
// memory, without its zeros.
const (
	lookUnpacked = 1 << 30   // at most, zeros included
	lookMemory   = 192 << 20 // of them, those that are kept
)

// lookInto replaces a compressed source by the beginning of the image in it.
func lookInto(ctx context.Context, o *host.Opened, kind *unpack.Kind, l *Looked) (block.Source, error) {
	p := &pages{}
	r, err := kind.Run(ctx, o.Source, p, lookUnpacked)
	var limit *unpack.LimitError
	l.Packed = true
	switch {
	case errors.As(err, &limit), errors.Is(err, errMemory):
		l.Size += max(0, kind.Announced(o.Source)-p.size) // the search adds what came out
		l.Cut = true
	case err != nil:
		return nil, err
	case r.Broken != nil:
		l.Notes = append(l.Notes, wireFinding(packedBroken.New(finding.Arg("count", r.Size), finding.Arg("why", r.Broken))))
		l.Cut = true
	}
	o.Name = kind.ImageName(o.Name)
	return p, nil
}

// errMemory says that no more of an image is kept.
var errMemory = errors.New("enough")

const pageBytes = 64 << 10

// pages is what came out of a compressed image, without the pieces that are zero.
type pages struct {
	size int64
	used int64
	at   []int64 // where each piece begins
	data [][]byte
}

func (p *pages) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		piece := b[done:min(len(b), done+pageBytes)]
		if slices.ContainsFunc(piece, func(c byte) bool { return c != 0 }) {
			if p.used+int64(len(piece)) > lookMemory {
				return done, errMemory
			}
			p.used += int64(len(piece))
			p.at, p.data = append(p.at, p.size), append(p.data, slices.Clone(piece))
		}
		p.size += int64(len(piece))
		done += len(piece)
	}
	return done, nil
}

func (p *pages) Size() int64 { return p.size }

func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(b) == 0 {
		return 0, nil
	}
	if off >= p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-off))
	clear(b[:n])
	i := sort.Search(len(p.at), func(i int) bool { return p.at[i]+int64(len(p.data[i])) > off })
	for ; i < len(p.at) && p.at[i] < off+int64(n); i++ {
		from := max(p.at[i], off)
		copy(b[from-off:n], p.data[i][from-p.at[i]:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
