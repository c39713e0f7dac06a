package container

import (
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// MaxDepth is how many containers may stand in each other, and how long a chain of backing files may be.
const MaxDepth = 16

// Recognised reports whether a signature of the format stands in src. What cannot be read is no sign of anything.
func Recognised(f *Format, src block.Source) bool {
	for i := range f.Signatures {
		p := &f.Signatures[i]
		at := p.At
		if at < 0 {
			at += src.Size()
		}
		if at < 0 {
			continue
		}
		b := make([]byte, len(p.Bytes))
		if n, _ := src.ReadAt(b, at); p.Matches(b[:n]) {
			return true
		}
	}
	return false
}

// Open opens the disk in src, whose file name is name, by the first row of the table that knows it; nil when none
// does. What stands in the disk of a container may be a container again, which [Open] does not look at.
//
// Errors: a [*BrokenError] when a format knows the image and cannot use it, a [*LockedError], an [*UnsupportedError], those of ctx.
func Open(ctx context.Context, formats []Format, src block.Source, name string, open Opener) (*Image, error) {
	var first error
	for i := range formats {
		f := &formats[i]
		if !Recognised(f, src) {
			continue
		}
		image, err := f.Open(ctx, src, name, open)
		if err == nil {
			return image, nil
		}
		var locked *LockedError
		var unsupported *UnsupportedError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, cursor.ErrNot):
		case errors.As(err, &locked), errors.As(err, &unsupported):
			return nil, err
		case first == nil:
			first = &BrokenError{Format: f.Name, Title: f.Title, Err: err}
		}
	}
	return nil, first
}

// BrokenError says that an image is of a format and cannot be opened.
type BrokenError struct {
	Format, Title string
	Err           error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("container: %s: %v", e.Title, e.Err) }

// Unwrap returns what the format said.
func (e *BrokenError) Unwrap() error { return e.Err }
