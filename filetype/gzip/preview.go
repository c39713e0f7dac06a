package gzip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/inflate"
)

// errEnough ends the unpacking for a preview.
var errEnough = errors.New("gzip: enough for a preview")

var previewKind = exam.Kind{Format: "gzip file", Walk: func(e *exam.Exam) error {
	p, err := e.Head(4)
	if err != nil {
		return err
	}
	if len(p) < 4 || string(p[:3]) != magic || p[3]&flagUnknown != 0 {
		return filetype.ErrNot
	}
	w := &walker{ctx: e.Context(), src: e.Source(), s: filetype.NewStream(e.Context(), e.Source(), 0)}
	h, err := readHeader(w.s)
	if err != nil {
		return e.Context().Err()
	}
	e.Fact("Name", exif.Text(h.name))
	if !h.time.IsZero() {
		e.Fact("Time", h.time.Format(time.RFC3339))
	}
	var head []byte
	_, err = w.inflater.Run(w.ctx, w.s, inflate.Ignored, func(p []byte) error {
		head = append(head, p[:min(len(p), filetype.MaxPreviewText-len(head))]...)
		if len(head) == filetype.MaxPreviewText {
			return errEnough
		}
		return nil
	})
	if err == nil {
		e.Fact("Content", fmt.Sprintf("%d bytes", len(head)))
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		e.Fact("Holds", "a tar archive")
	} else {
		e.Text(head)
	}
	return e.Context().Err()
}}

// preview gives the name and the first of the content.
func preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	return previewKind.Preview(ctx, src)
}
