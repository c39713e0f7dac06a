package zip

import (
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/inflate"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

// corruptData is compressed data that breaks the rules of its method.
type corruptData struct {
	off  int64
	good int64 // up to where the data is the member's beyond doubt
	what string
}

func (e *corruptData) Error() string { return e.what }

// errTooLong ends a sink whose member has more content than it may have.
var errTooLong = errors.New("more content than declared")

// inflate decodes the content of the member of h that starts at off and ends, at the latest, at limit; sink gets it. It
// returns the offset behind the last byte of the stream, and notes which of its bytes could be written otherwise.
// Errors: *corruptData, those of sink, and those that say that bytes are not there.
func (x *exam) inflate(h *header, off, limit int64, sink func([]byte) error) (int64, error) {
	if x.inflater == nil {
		x.inflater = new(inflate.Inflater)
	}
	limit = min(limit, x.w.Size())
	s := filetype.NewStream(x.ctx, block.Section(x.w.Source(), block.Extent{Length: limit}), off)
	ask := inflate.Named
	if x.weak {
		ask = inflate.Ignored // it cannot be proven any more
	}
	res, err := x.inflater.Run(x.ctx, s, ask, sink)
	if c, ok := cursor.IsCorrupt(err); ok {
		return c.Offset, &corruptData{c.Offset, x.inflater.Sound(), fmt.Sprintf("%v; expected %v", c.Found, c.Expected)}
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = window.ErrEnd
			if limit < x.w.Size() {
				err = &corruptData{limit, x.inflater.Sound(), "the stream does not end within the member"}
			}
		}
		return s.Offset(), err
	}
	switch {
	case ask == inflate.Ignored:
	case res.Forced:
		for e := range res.Slack.All() {
			x.uncovered(e)
		}
	default:
		x.weaken(looseBits.New(finding.Arg("name", show(h.name))))
	}
	return s.Offset(), nil
}
