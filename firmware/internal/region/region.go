// Package region makes the checks that most firmware formats need of a region of an image: a digest over it, and that
// it is filled with one value.
//
// It promises that a region which ends behind the source, or cannot be read, is never passed, and that memory does not
// grow with the region.
package region

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

const chunk = 1 << 20

// Scan calls visit for the bytes of e in order, in pieces of up to 1 MiB that are only valid until it returns. The end of
// the source inside of e is an [io.ErrUnexpectedEOF].
func Scan(ctx context.Context, src block.Source, e block.Extent, visit func([]byte) error) error {
	buf := make([]byte, max(min(chunk, e.Length), 0))
	for at, end := e.Offset, e.End(); at < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n > 0 {
			if err := visit(buf[:n]); err != nil {
				return err
			}
			at += int64(n)
		}
		switch {
		case at >= end:
			return nil
		case err == nil && n > 0:
		case err == nil || errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
	return nil
}

// Sum writes the bytes of each extent to h.
func Sum(ctx context.Context, src block.Source, h hash.Hash, over ...block.Extent) error {
	for _, e := range over {
		if err := Scan(ctx, src, e, func(p []byte) error { h.Write(p); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// Digest checks a digest over e, with a hash that nothing was written to, or what stands in front of e by the format.
func Digest(ctx context.Context, src block.Source, what, method string, e block.Extent, h hash.Hash, want []byte) firmware.Check {
	if err := Sum(ctx, src, h, e); err != nil {
		return Unread(what, method, e, hex.EncodeToString(want), src.Size(), err)
	}
	return firmware.Digest(what, method, e, want, h.Sum(nil))
}

// Unread is the check over e that could not be made, since reading ended with err.
func Unread(what, method string, e block.Extent, expected string, size int64, err error) firmware.Check {
	c := firmware.Check{What: what, Method: method, State: firmware.Cannot, Extent: e, Strong: true, Expected: expected, Why: err.Error()}
	if errors.Is(err, io.ErrUnexpectedEOF) && e.End() > size {
		c.Why = "the file ends inside of it"
	}
	return c
}

// errOther ends a scan at the first byte that is another.
var errOther = errors.New("another value")

// Padding checks that every byte of e is value.
func Padding(ctx context.Context, src block.Source, what string, e block.Extent, value byte) firmware.Check {
	c := firmware.Check{What: what, Method: "padding", State: firmware.Passed, Extent: e, Strong: true, Expected: fmt.Sprintf("%d bytes of %#02x", e.Length, value)}
	c.Found = c.Expected
	fill := bytes.Repeat([]byte{value}, 4096)
	at := e.Offset
	err := Scan(ctx, src, e, func(p []byte) error {
		for len(p) > 0 {
			n := min(len(p), len(fill))
			if !bytes.Equal(p[:n], fill[:n]) {
				i := 0
				for p[i] == value {
					i++
				}
				c.State, c.Found = firmware.Failed, fmt.Sprintf("%#02x at %d", p[i], at+int64(i))
				return errOther
			}
			p, at = p[n:], at+int64(n)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errOther) {
		return Unread(what, "padding", e, c.Expected, src.Size(), err)
	}
	return c
}

// Filled checks whether e is filled with zeros, or with FF as erased flash is. The check is a passed one; where e is
// neither there is none, since a format that leaves room for others promises nothing of it.
func Filled(ctx context.Context, src block.Source, what string, e block.Extent) (firmware.Check, bool) {
	first := make([]byte, 1)
	if e.Length <= 0 || e.End() > src.Size() {
		return firmware.Check{}, false
	}
	if n, _ := src.ReadAt(first, e.Offset); n == 0 || first[0] != 0 && first[0] != 0xFF {
		return firmware.Check{}, false
	}
	c := Padding(ctx, src, what, e, first[0])
	return c, c.State == firmware.Passed
}

// Part is a part that stands in src as it is, as much of it as is there.
func Part(src block.Source, name string, role firmware.Role, e block.Extent) *firmware.Part {
	here := e.Intersect(block.Extent{Length: src.Size()})
	if here.Length == 0 {
		here.Offset = min(e.Offset, src.Size())
	}
	return &firmware.Part{Name: name, Role: role, Offset: here.Offset, Size: here.Length, Announced: e.Length, Source: block.Section(src, here)}
}

// NotHere turns the end of a source that is too short, or a header that cannot be, into "not this format".
func NotHere(err error) error {
	if _, short := cursor.IsCorrupt(err); short {
		return fmt.Errorf("%w: %w", cursor.ErrNot, err)
	}
	return err
}

// maxZeros is how many zeros behind an image are taken for filling up to a page or an erase block, in bytes.
const maxZeros = 64 << 10

// Missed is the check of the empty rest behind an image that others are put behind, as a root file system behind a kernel. It is
// no proof where the rest is long and the image a file of its own: those who download take the room first, so that what never
// came is zeros.
func Missed(o *firmware.Opening, c firmware.Check) firmware.Check {
	if _, itself := o.File(); itself && c.Extent.Length > maxZeros && strings.HasSuffix(c.Expected, " of 0x00") {
		c.State, c.Why = firmware.Cannot, fmt.Sprintf("%d bytes of zeros stand behind the image: the empty rest of a partition, or what a download that was not finished never got", c.Extent.Length)
	}
	return c
}

// Behind adds what stands behind the end of an image: the empty rest of a partition, which is checked to be empty, or
// another part, which is opened.
func Behind(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, e block.Extent) {
	if e.Length <= 0 || ctx.Err() != nil {
		return
	}
	head := make([]byte, min(e.Length, 64))
	n, err := src.ReadAt(head, e.Offset) // what cannot be read is told by whoever reads it
	var other *firmware.Check
	for _, value := range []byte{0, 0xFF} {
		if (err == nil || n == len(head)) && bytes.Count(head, []byte{value}) >= len(head)*3/4 {
			c := Padding(ctx, src, "unused rest of the partition", e, value)
			if other = &c; c.State == firmware.Passed {
				part.Checks = append(part.Checks, c)
				return
			}
		}
	}
	// A file system may begin with zeros too.
	rest := Part(src, "behind the image", firmware.Data, e)
	if o.Inner(ctx, rest); rest.Format == "" && other != nil {
		part.Checks = append(part.Checks, *other)
		return
	}
	part.Children = append(part.Children, rest)
}
