package block

import (
	"context"
	"errors"
	"io"
)

// Source is read-only access to a fixed number of bytes. It is safe for concurrent use.
//
// ReadAt is strict: it stops before the first byte that cannot be read and returns n < len(p) together
// with an [*UnreadableError] that names the smallest range already known to hold the failure. At the end
// of the source it returns n < len(p) with [io.EOF]. It never returns a full n beside an error, since
// [io.ReadFull] would drop that error. A negative offset is an error.
//
// A Source over a device makes one attempt for each call: retrying and bisecting belong to imaging.
type Source interface {
	io.ReaderAt
	// Size returns the number of bytes, which does not change while the source is open.
	Size() int64
}

// ErrNegativeOffset is returned by ReadAt for an offset below zero.
var ErrNegativeOffset = errors.New("block: negative offset")

// unreadabler is the optional interface behind [UnreadableIn].
type unreadabler interface {
	Unreadable(within Extent) []Unreadable
}

// originer is the optional interface behind [Origin].
type originer interface {
	Origin(within Extent) []Run
}

// UnreadableIn returns the ranges inside within that src already knows to be unreadable, in order and
// without overlap, with the reason of each. An empty answer does not promise that a read succeeds.
func UnreadableIn(src Source, within Extent) []Unreadable {
	if u, ok := src.(unreadabler); ok {
		return u.Unreadable(within)
	}
	return nil
}

// Origin returns where the bytes of within stand on the medium below src. The Logical offsets of the
// answer are offsets in src. A source that is itself a medium answers with a single run onto itself.
// Bytes that stand nowhere (zero fill, lost ranges) are runs of the matching kind.
func Origin(src Source, within Extent) []Run {
	within = within.Intersect(Extent{0, src.Size()})
	if within.Length == 0 {
		return nil
	}
	if o, ok := src.(originer); ok {
		return o.Origin(within)
	}
	return []Run{{Logical: within.Offset, Physical: within.Offset, Length: within.Length, Kind: Data}}
}

// Bytes returns a Source over p, which must not change afterwards.
func Bytes(p []byte) Source { return byteSource(p) }

type byteSource []byte

func (b byteSource) Size() int64 { return int64(len(b)) }

func (b byteSource) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, ErrNegativeOffset
	}
	if off >= int64(len(b)) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WithContext returns a Source whose reads fail with ctx's error once ctx is done, so that a parser which
// goes on reading comes to its end. Origin and Unreadable answer as src does.
func WithContext(ctx context.Context, src Source) Source {
	return &contextSource{ctx: ctx, src: src}
}

type contextSource struct {
	ctx context.Context
	src Source
}

func (c *contextSource) Size() int64 { return c.src.Size() }

func (c *contextSource) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.src.ReadAt(p, off)
}

func (c *contextSource) Unreadable(within Extent) []Unreadable { return UnreadableIn(c.src, within) }
func (c *contextSource) Origin(within Extent) []Run            { return Origin(c.src, within) }

// Reader returns a sequential reader over src from offset 0 to its end. Unlike [io.SectionReader] it
// keeps the errors of src.
func Reader(src Source) *io.SectionReader { return io.NewSectionReader(src, 0, src.Size()) }
