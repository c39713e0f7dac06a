package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/region"
	"salvor/unpack"
)

// maxMade bounds what is held of one operation, in bytes. update_engine's own operations take 2 MiB, and patches at most
// some hundred.
const maxMade = 256 << 20

// ErrNeedsOld says that an operation needs the old content of the partition, and none was given.
var ErrNeedsOld = errors.New("payload: the operation needs the old content of the partition")

// UnsupportedError says that an operation is of a kind that is not read.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "payload: " + e.What + " is not read" }

// OldError says that the old content is not the one that an operation was made for.
type OldError struct{ Expected, Found []byte }

func (e *OldError) Error() string {
	return fmt.Sprintf("payload: the old content has the SHA-256 %x, and the operation is for one with %x", e.Found, e.Expected)
}

// Length is how many bytes the operation makes: those of Dst.
func (o *Operation) Length() int64 { return total(o.Dst) }

func total(list []block.Extent) (n int64) {
	for _, e := range list {
		n += e.Length
	}
	return n
}

// stream is the source of extents of another, one behind the other.
func stream(src block.Source, list []block.Extent) block.Source {
	runs := make([]block.Run, 0, len(list))
	var at int64
	for _, e := range list {
		runs = append(runs, block.Run{Logical: at, Physical: e.Offset, Length: e.Length})
		at += e.Length
	}
	return block.Join(src, runs, at)
}

// Data is the data of an operation.
func (p *Payload) Data(o *Operation) block.Source {
	return block.Section(p.src, block.Extent{Offset: p.Base + o.Data.Offset, Length: o.Data.Length})
}

// Apply writes the new bytes of an operation to w, in the order of its Dst, [Operation.Length] in all. old is the old
// content of the partition, and may be nil for operations that need none. Data and old content are held against their
// hashes, where the manifest has them, before anything is written. Errors are [ErrNeedsOld], [*OldError], [*UnsupportedError],
// [*cursor.CorruptError] for broken data, and those of reading, of w and of ctx.
func (p *Payload) Apply(ctx context.Context, old block.Source, o *Operation, w io.Writer) error {
	if len(o.DataHash) > 0 {
		h := sha256.New()
		if err := region.Sum(ctx, p.src, h, block.Extent{Offset: p.Base + o.Data.Offset, Length: o.Data.Length}); err != nil {
			return fmt.Errorf("payload: data of %v: %w", o.Type, err)
		}
		if got := h.Sum(nil); !bytes.Equal(got, o.DataHash) {
			return cursor.Corrupt("payload: data of "+o.Type.String(), p.Base+o.Data.Offset, fmt.Sprintf("SHA-256 %x", o.DataHash), fmt.Sprintf("%x", got))
		}
	}
	if !o.Type.NeedsOld() {
		return p.replace(ctx, o, w)
	}
	if o.Type != SourceCopy && o.Type != SourceBsdiff && o.Type != BrotliBsdiff {
		return &UnsupportedError{What: o.Type.String()}
	}
	if old == nil {
		return ErrNeedsOld
	}
	from := stream(old, o.Src)
	if len(o.SourceHash) > 0 {
		h := sha256.New()
		if err := region.Sum(ctx, from, h, block.Extent{Length: from.Size()}); err != nil {
			return fmt.Errorf("payload: old content: %w", err)
		}
		if got := h.Sum(nil); !bytes.Equal(got, o.SourceHash) {
			return &OldError{Expected: o.SourceHash, Found: got}
		}
	}
	if o.Type == SourceCopy {
		if from.Size() != o.Length() {
			return cursor.Corrupt("payload: SOURCE_COPY", -1, fmt.Sprintf("%d bytes", o.Length()), from.Size())
		}
		return region.Scan(ctx, from, block.Extent{Length: from.Size()}, func(b []byte) error { _, err := w.Write(b); return err })
	}
	data, err := cursor.Read(p.src, structPatch, p.Base+o.Data.Offset, o.Data.Length, maxMade)
	if err != nil {
		return err
	}
	patch, err := openPatch(data)
	if err != nil {
		return err
	}
	want := o.Length()
	if patch.size > want || o.DstLength > 0 && patch.size != o.DstLength {
		return cursor.Corrupt(structPatch, 24, fmt.Sprintf("%d bytes", want), patch.size)
	}
	oldSize := from.Size()
	if o.SrcLength > 0 {
		oldSize = min(oldSize, o.SrcLength)
	}
	if err := patch.run(ctx, from, oldSize, w); err != nil {
		return err
	}
	return zeros(w, want-patch.size)
}

// replace writes the bytes of an operation that needs no old content.
func (p *Payload) replace(ctx context.Context, o *Operation, w io.Writer) error {
	want := o.Length()
	data := p.Data(o)
	kind := ""
	switch o.Type {
	case Zero, Discard:
		return zeros(w, want)
	case Replace:
		if data.Size() > want {
			return cursor.Corrupt("payload: REPLACE", p.Base+o.Data.Offset, fmt.Sprintf("at most %d bytes", want), data.Size())
		}
		if err := region.Scan(ctx, data, block.Extent{Length: data.Size()}, func(b []byte) error { _, err := w.Write(b); return err }); err != nil {
			return err
		}
		return zeros(w, want-data.Size())
	case ReplaceBzip2:
		kind = "bzip2"
	case ReplaceXZ:
		kind = "xz"
	case ReplaceZstd:
		kind = "zstd"
	}
	if want > maxMade {
		return &UnsupportedError{What: fmt.Sprintf("an operation that makes %d bytes", want)}
	}
	var b bytes.Buffer
	r, err := unpack.ByName(kind).Run(ctx, data, &b, want)
	var limit *unpack.LimitError
	switch {
	case errors.As(err, &limit):
		return cursor.Corrupt("payload: "+o.Type.String(), p.Base+o.Data.Offset, fmt.Sprintf("at most %d bytes", want), "more")
	case err != nil:
		return err
	case r.Broken != nil:
		return cursor.Corrupt("payload: "+o.Type.String(), p.Base+o.Data.Offset, "whole "+kind+" data", r.Broken)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return zeros(w, want-r.Size)
}

func zeros(w io.Writer, n int64) error {
	buf := make([]byte, max(min(n, 1<<20), 0))
	for n > 0 {
		m, err := w.Write(buf[:min(n, int64(len(buf)))])
		if err != nil {
			return err
		}
		n -= int64(m)
	}
	return nil
}
