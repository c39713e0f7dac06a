package fsimage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// maxExtents is how many stretches of proven bytes are told one by one.
const maxExtents = 64

// maxFill is how much filling counts as covered, in bytes: up to the end of an erase block, as makers fill. More of it may
// be the place of something that never came, as programs leave it that make room for a download first.
const maxFill = 1 << 20

// leastFill is how many bytes of one value are filling, where something else follows.
const leastFill = 16

// Region is a stretch of an image, with its name for people.
type Region struct {
	Name string
	block.Extent
}

// Cut is the failed check of an image that is longer than what is there, by the region that it ends in.
func Cut(want, have int64, regions ...Region) firmware.Check {
	name := "image"
	for _, r := range regions {
		if r.Has(have) {
			name = r.Name
		}
	}
	return firmware.Cut(name, want, have)
}

// Proven are the passed checks that cover a set, one for each stretch, in order. Of too many stretches the longest are
// told, so that too little counts as proven rather than too much.
func Proven(what, method string, s block.Set) []firmware.Check {
	e := s.Extents()
	if len(e) > maxExtents {
		slices.SortFunc(e, func(a, b block.Extent) int { return cmp.Compare(b.Length, a.Length) })
		e = e[:maxExtents]
		slices.SortFunc(e, func(a, b block.Extent) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	var out []firmware.Check
	for _, x := range e {
		out = append(out, firmware.Check{What: what, Method: method, State: firmware.Passed, Extent: x, Strong: true})
	}
	return out
}

// Failed is the check of a structure that is broken, or could not be read.
func Failed(what, method string, e block.Extent, err error) firmware.Check {
	c := firmware.Check{What: what, Method: method, State: firmware.Failed, Extent: e}
	broken, ok := cursor.IsCorrupt(err)
	if !ok {
		c.State, c.Why = firmware.Cannot, err.Error()
		return c
	}
	c.Expected, c.Found = broken.Expected, broken.Found
	if broken.Offset >= 0 {
		c.Why = fmt.Sprintf("at %#x", broken.Offset)
	}
	return c
}

// Behind tells what stands behind the end of an image: filling, another part, or filling and a part.
func Behind(ctx context.Context, src block.Source, end int64, part *firmware.Part, o *firmware.Opening) {
	rest := block.Between(end, src.Size())
	if rest.Length <= 0 {
		return
	}
	for rest.Length > 0 {
		fill := Fill(ctx, src, rest)
		if fill.Length < rest.Length {
			fill.Length = max(fill.End()&^3-fill.Offset, 0) // what begins with bytes of that value begins on a word
		}
		value := []byte{0}
		if _, err := src.ReadAt(value, rest.Offset); err != nil || fill.Length < min(leastFill, rest.Length) {
			break
		}
		c := region.Padding(ctx, src, "filling behind the image", fill, value[0])
		c.Strong = c.Strong && fill.Length <= maxFill
		part.Checks = append(part.Checks, c)
		rest = block.Between(fill.End(), rest.End())
	}
	if rest.Length > 0 {
		child := region.Part(src, "behind the image", firmware.Data, rest)
		child.Announced = 0
		o.Inner(ctx, child)
		part.Children = append(part.Children, child)
	}
}

// Fill returns the bytes at the start of e that have one value, 0x00 or 0xFF: none when the first has another.
func Fill(ctx context.Context, src block.Source, e block.Extent) block.Extent {
	out := block.Extent{Offset: e.Offset}
	var same []byte
	err := region.Scan(ctx, src, e, func(p []byte) error {
		if same == nil {
			if p[0] != 0 && p[0] != 0xFF {
				return errEnd
			}
			same = bytes.Repeat(p[:1], 4096)
		}
		for len(p) > 0 {
			n := min(len(p), len(same))
			if !bytes.Equal(p[:n], same[:n]) {
				for p[0] == same[0] {
					p, out.Length = p[1:], out.Length+1
				}
				return errEnd
			}
			p, out.Length = p[n:], out.Length+int64(n)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnd) {
		out.Length = 0 // what cannot be read has no value
	}
	return out
}

// Filling checks bytes that nothing uses and that have one of some values. Where most of them have others, something else
// was written there, of which nothing is known; a few others are damage.
func Filling(ctx context.Context, src block.Source, what string, e block.Extent, values ...byte) (c firmware.Check, known bool) {
	if e.Length <= 0 {
		return c, false
	}
	var count [256]int64
	err := region.Scan(ctx, src, e, func(p []byte) error {
		for _, v := range values {
			count[v] += int64(bytes.Count(p, []byte{v}))
		}
		return nil
	})
	best := values[0]
	for _, v := range values {
		if count[v] > count[best] {
			best = v
		}
	}
	if err == nil && e.Length-count[best] > max(e.Length/64, 1) || e.Length == 1 && count[best] == 0 {
		return c, false
	}
	return region.Padding(ctx, src, what, e, best), true
}

var errEnd = errors.New("another value")

// Release reads the name and version of a system from its os-release(5), "" without one.
func Release(p []byte) string {
	found := map[string]string{}
	for line := range strings.Lines(string(p)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && len(value) < 200 {
			found[key] = strings.Trim(value, `"'`)
		}
	}
	if v := found["PRETTY_NAME"]; v != "" {
		return v
	}
	return strings.TrimSpace(found["NAME"] + " " + found["VERSION_ID"])
}
