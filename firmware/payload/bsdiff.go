package payload

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"

	"salvor/cursor"
)

const (
	structPatch = "payload: bsdiff patch"
	patchHeader = 32
	maxIdle     = 1 << 20
)

// patcher makes new bytes from a patch and the old ones.
type patcher struct {
	control, diff, extra io.Reader
	size                 int64 // of what comes out
}

// compression opens one of the streams of a patch.
func compression(kind byte, p []byte) (io.Reader, error) {
	switch kind {
	case 0:
		return bytes.NewReader(p), nil
	case 1:
		return bzip2.NewReader(bytes.NewReader(p)), nil
	case 2:
		return brotli.NewReader(bytes.NewReader(p)), nil
	}
	return nil, cursor.Corrupt(structPatch, 0, "a compression that is known", kind)
}

// openPatch reads the header of a patch.
func openPatch(p []byte) (*patcher, error) {
	if len(p) < patchHeader {
		return nil, cursor.Corrupt(structPatch, 0, "a header of 32 bytes", len(p))
	}
	kinds := []byte{1, 1, 1}
	switch {
	case bytes.HasPrefix(p, []byte("BSDIFF40")):
	case bytes.HasPrefix(p, []byte("BSDF2")):
		kinds = p[5:8]
	default:
		return nil, cursor.Corrupt(structPatch, 0, "BSDIFF40 or BSDF2", fmt.Sprintf("%q", p[:8]))
	}
	control, diff, size := number(p[8:]), number(p[16:]), number(p[24:])
	if room := int64(len(p) - patchHeader); control < 0 || diff < 0 || size < 0 || control > room || diff > room-control {
		return nil, cursor.Corrupt(structPatch, 8, fmt.Sprintf("sizes up to %d", len(p)-patchHeader), fmt.Sprintf("%d and %d", control, diff))
	}
	body := p[patchHeader:]
	x := &patcher{size: size}
	var errs [3]error
	x.control, errs[0] = compression(kinds[0], body[:control])
	x.diff, errs[1] = compression(kinds[1], body[control:control+diff])
	x.extra, errs[2] = compression(kinds[2], body[control+diff:])
	return x, errors.Join(errs[:]...)
}

// number is one with its sign in the highest bit.
func number(p []byte) int64 {
	v := binary.LittleEndian.Uint64(p)
	if n := int64(v &^ (1 << 63)); v>>63 != 0 {
		return -n
	} else {
		return n
	}
}

// run writes the new bytes to w, in order.
func (x *patcher) run(ctx context.Context, old io.ReaderAt, oldSize int64, w io.Writer) error {
	var (
		triple  [24]byte
		at      int64 // in the old content
		made    int64
		idle    int // triples that made nothing
		buf     = make([]byte, 256<<10)
		oldPart = make([]byte, len(buf))
	)
	bad := func(expected, found any) error { return cursor.Corrupt(structPatch, -1, expected, found) }
	for made < x.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(x.control, triple[:]); err != nil {
			return bad("the next control triple", err)
		}
		add, extra, seek := number(triple[:]), number(triple[8:]), number(triple[16:])
		if add < 0 || extra < 0 || add > x.size-made || extra > x.size-made-add {
			return bad(fmt.Sprintf("at most %d more bytes", x.size-made), fmt.Sprintf("%d and %d", add, extra))
		}
		if add == 0 && extra == 0 {
			if idle++; idle > maxIdle {
				return bad("control triples that make something", fmt.Sprintf("%d that make nothing", idle))
			}
		}
		for left := add; left > 0; {
			n := int(min(left, int64(len(buf))))
			if _, err := io.ReadFull(x.diff, buf[:n]); err != nil {
				return bad(fmt.Sprintf("%d bytes of difference", n), err)
			}
			if err := addOld(buf[:n], oldPart[:n], old, at, oldSize); err != nil {
				return err
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			left, at = left-int64(n), at+int64(n)
		}
		if _, err := io.CopyN(w, x.extra, extra); err != nil {
			return bad(fmt.Sprintf("%d extra bytes", extra), err)
		}
		made += add + extra
		if at += seek; at < -maxMade || at > oldSize+maxMade {
			return bad("a place in the old content", at)
		}
	}
	return nil
}

// addOld adds the old bytes at a place to p. What lies outside of the old content counts as zeros.
func addOld(p, part []byte, old io.ReaderAt, at, size int64) error {
	first, last := max(at, 0), min(at+int64(len(p)), size)
	if first >= last {
		return nil
	}
	part = part[:last-first]
	if n, err := old.ReadAt(part, first); n < len(part) {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("payload: old content: %w", err)
	}
	for i, b := range part {
		p[first-at+int64(i)] += b
	}
	return nil
}
