package imaging

import (
	"errors"
	"io"

	"salvor/block"
)

// CopySource returns the medium as far as it was copied: what m calls finished is read from image, in which the
// medium's first byte stands at offset; bad sectors are unreadable as Bad, and all that was not read yet as
// NotCopied. What m becomes later does not change the answer.
func CopySource(image block.Source, m *Map, offset int64) block.Source {
	why := block.NewMap(m.Size(), block.Why(0))
	for e, s := range m.All() {
		switch s {
		case Finished:
		case BadSector:
			why.Set(e, block.Bad)
		default:
			why.Set(e, block.NotCopied)
		}
	}
	return &copySource{image: block.Section(image, block.Extent{Offset: offset, Length: m.Size()}), why: why}
}

// copySource has the places of the medium, not those of the image: it stands for the medium.
type copySource struct {
	image block.Source
	why   *block.Map[block.Why]
}

func (c *copySource) Size() int64 { return c.why.Size() }

func (c *copySource) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= c.Size() {
		return 0, io.EOF
	}
	for e, why := range c.why.Within(block.Extent{Offset: off, Length: int64(len(p))}) {
		n := e.Offset - off
		if why == 0 {
			m, err := c.image.ReadAt(p[n:n+e.Length], e.Offset)
			if int64(m) < e.Length {
				return int(n) + m, err
			}
			continue
		}
		_, whole := c.why.At(e.Offset)
		return int(n), block.NewUnreadable(whole, why, nil)
	}
	if left := c.Size() - off; int64(len(p)) > left {
		return int(left), io.EOF
	}
	return len(p), nil
}

func (c *copySource) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for e, why := range c.why.Within(within) {
		if why == 0 {
			out = append(out, block.UnreadableIn(c.image, e)...)
			continue
		}
		out = append(out, block.Unreadable{Extent: e, Why: why})
	}
	return out
}

// gone reports whether err says that the source itself is no longer there.
func gone(err error) bool {
	u, ok := block.IsUnreadable(err)
	if !ok {
		return false
	}
	for _, r := range u.Ranges {
		if r.Why == block.Gone {
			return true
		}
	}
	return false
}

// timedOut reports whether err says that a read did not end in time.
func timedOut(err error) bool {
	u, ok := block.IsUnreadable(err)
	return ok && len(u.Ranges) > 0 && u.Ranges[0].Why == block.Timeout
}

// ErrGone is the error of a run whose source disappeared.
var ErrGone = errors.New("the source is gone")
