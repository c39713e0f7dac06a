package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"salvor/block"
	"salvor/unpack"
)

// packing tells by its first bytes how a file is packed; nil when it is not. LZMA alone and Brotli have no mark that
// no text begins with.
func packing(head []byte) *unpack.Kind {
	_, kind := unpack.Recognise("", head)
	switch {
	case kind == nil || kind.Name == "lzma":
		return nil
	case kind.Name == "bzip2" && (len(head) < 10 || string(head[4:10]) != "1AY&SY"): // the mark of its first block
		return nil
	}
	return kind
}

// readPacked unpacks r while what comes out is read.
func (s *stream) readPacked(r io.Reader, kind *unpack.Kind, depth int) error {
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		result, err := kind.Run(ctx, &backward{r: r}, in, maxUnpacked)
		var limit *unpack.LimitError
		switch {
		case errors.As(err, &limit):
			err = ErrTooLarge
		case err == nil && result.Broken != nil:
			err = fmt.Errorf("%s: %w", kind.Name, result.Broken)
		}
		in.CloseWithError(err) // io.EOF where there is none
		done <- err
	}()
	s.unpacked = true
	err := s.read(out, depth+1)
	stop()
	out.CloseWithError(io.ErrClosedPipe)
	<-done
	return err
}

// behind is how much of what was read can be read again, in bytes: what the unpacking reads ahead, and as much.
const behind = 2 << 20

// backward gives a reader as a source to those who read forward, and look back a little.
type backward struct {
	r     io.Reader
	kept  []byte // the last of what was read
	start int64  // of kept
	err   error
}

// Size is not known before the end.
func (b *backward) Size() int64 { return math.MaxInt64 }

// ReadAt reads what stands next, or a little before it.
func (b *backward) ReadAt(p []byte, at int64) (n int, err error) {
	for {
		if at < b.start {
			return n, fmt.Errorf("logs: byte %d is gone, the first that is there is %d", at, b.start)
		}
		if have := b.start + int64(len(b.kept)) - at; have > 0 {
			m := copy(p[n:], b.kept[int64(len(b.kept))-have:])
			n, at = n+m, at+int64(m)
		}
		if n == len(p) {
			return n, nil
		}
		if b.err != nil {
			return n, b.err
		}
		if len(b.kept) >= behind {
			keep := copy(b.kept, b.kept[len(b.kept)-behind/2:])
			b.start += int64(len(b.kept) - keep)
			b.kept = b.kept[:keep]
		}
		at0 := len(b.kept)
		b.kept = append(b.kept, make([]byte, min(peekSize, max(len(p)-n, 4096)))...)
		m, err := b.r.Read(b.kept[at0:])
		b.kept, b.err = b.kept[:at0+m], err
	}
}

// Unpack returns the begin of what is in a packed file, by the file's begin, at most limit bytes; ok is false when
// it is not packed in a way that [Read] unpacks.
func Unpack(head []byte, limit int) (begin []byte, ok bool) {
	kind := packing(head)
	if kind == nil {
		return nil, false
	}
	out := firstBytes{limit: limit}
	// What breaks is the end of the head, or that there is more than is wanted.
	_, _ = kind.Run(context.Background(), block.Bytes(head), &out, math.MaxInt64)
	return out.b, true
}

// firstBytes keeps the first bytes that are written.
type firstBytes struct {
	b     []byte
	limit int
}

var errEnough = errors.New("logs: enough")

func (f *firstBytes) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), f.limit-len(f.b))]...)
	if len(f.b) == f.limit {
		return 0, errEnough
	}
	return len(p), nil
}
