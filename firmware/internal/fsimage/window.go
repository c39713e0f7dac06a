package fsimage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"salvor/block"
	"salvor/cursor"
)

// windowSize is how much is read at once, in bytes.
const windowSize = 1 << 20

// Window reads structures that stand one behind the other, many of them with one read.
type Window struct {
	src block.Source
	buf []byte
	at  int64
}

// NewWindow returns one over src.
func NewWindow(src block.Source) *Window { return &Window{src: src} }

// Bytes returns the n bytes at off, which are valid until the next call. The end of the source before them is a
// [*cursor.CorruptError].
func (w *Window) Bytes(structure string, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || n > 64*windowSize || off+n > w.src.Size() {
		return nil, cursor.Corrupt(structure, off, fmt.Sprintf("%d bytes", n), fmt.Sprintf("the end of the image at %d", w.src.Size()))
	}
	if off < w.at || off+n > w.at+int64(len(w.buf)) {
		want := min(max(n, windowSize), w.src.Size()-off)
		if int64(cap(w.buf)) < want {
			w.buf = make([]byte, want)
		}
		w.buf = w.buf[:want]
		m, err := w.src.ReadAt(w.buf, off)
		w.buf, w.at = w.buf[:m], off
		if int64(m) < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("%s: %w", structure, err)
		}
	}
	p := w.buf[off-w.at:]
	return p[:n:n], nil
}

// Raw32 is the CRC-32 as Linux's crc32_le computes it from a start value on: without turning the result.
func Raw32(start uint32, p []byte) uint32 { return ^crc32.Update(^start, crc32.IEEETable, p) }

// Castagnoli is the CRC-32C as Linux's crc32c computes it from a start value on.
func Castagnoli(start uint32, p []byte) uint32 {
	return ^crc32.Update(^start, crc32.MakeTable(crc32.Castagnoli), p)
}
