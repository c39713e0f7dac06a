package rescue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
)

// The kinds of refusal of a copy into an image.
const (
	codeSameFile = "rescue.image.source"
	codeNoMap    = "rescue.image.unknown"
	codeOther    = "rescue.image.other"
	codeSwapped  = "rescue.image.swapped"
	codeErase    = "rescue.target.erase"
)

// refuse ends a copy that would harm what it is to save.
func (c *imageCopy) refuse(opened *host.Opened) error {
	if err := host.CheckSafe(c.Source); err != nil {
		return err
	}
	for _, path := range []string{c.Image, c.Map, c.Sums} {
		if host.SameFile(c.Source, path) {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeSameFile,
				Why:  fmt.Sprintf("%s is the source itself: writing there would destroy what is to be saved", path),
				Next: "name another file, on another disk if you can"}
		}
		inside, err := host.Contains(opened.Real, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("rescue: %w", err)
		}
		if inside {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeSameFile,
				Why:  fmt.Sprintf("%s lies on the source %s itself: writing there would destroy what is to be saved", path, c.Source),
				Next: "name a file on another disk"}
		}
	}
	return nil
}

// readMap reads the map of an earlier run, its own or that of GNU ddrescue.
func (c *imageCopy) readMap() error {
	size := c.source.Size()
	had, err := host.ReadFile(c.Map, func(r io.Reader, _ io.ReaderAt, n int64) error {
		if n == 0 {
			return nil
		}
		m, err := imaging.ReadMap(r)
		if err == nil {
			c.m, c.had = m, true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rescue: the map %s: %w", c.Map, err)
	}
	switch {
	case !had || c.m == nil:
		c.m = imaging.NewMap(size)
	case c.VerifySize && c.m.Size() != size:
		return &host.RefusedError{Exit: host.ExitRefused, Code: codeOther,
			Why:  fmt.Sprintf("the map %s is about %d bytes, and %s has %d", c.Map, c.m.Size(), c.Source, size),
			Next: "name the map that belongs to this source; without --verify-input-size a map that is smaller is made longer"}
	case c.CompleteOnly:
		known := block.SetOf(block.Extent{Length: min(size, c.m.Size())})
		c.m = c.m.Fit(size)
		c.Plan.Domain = &known
	default:
		var end int64
		for e, s := range c.m.All() {
			if s == imaging.Finished {
				end = e.End()
			}
		}
		if end > size {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeOther,
				Why:  fmt.Sprintf("the map %s is about a larger medium: it has read %s beyond the end of %s", c.Map, host.Bytes(end-size), c.Source),
				Next: "name the map that belongs to this source, or no map at all"}
		}
		c.m = c.m.Fit(size)
	}
	c.bound()
	return c.checkIdentity()
}

// bound sets what is copied, and where it goes.
func (c *imageCopy) bound() {
	c.Plan.Domain = c.bounds(c.m.Size(), c.Plan.Domain)
	if c.OutputPosition >= 0 {
		c.shift = c.OutputPosition - c.Position
	}
}

// identityPrefix begins the heading line of the map that says which source it is about.
const identityPrefix = "Salvor source: "

// identityLine says which source the map is about, so that the map of another one is noticed.
func (c *imageCopy) identityLine() string {
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return strings.Join(strings.Fields(s), "_")
	}
	return fmt.Sprintf("%ssize %d serial %s first %s last %s", identityPrefix, c.id.Size, or(c.id.Serial), or(c.id.First), or(c.id.Last))
}

// checkIdentity refuses a map that says it is about another source.
func (c *imageCopy) checkIdentity() error {
	is := strings.Fields(c.identityLine())
	for _, line := range c.m.Comments {
		was := strings.Fields(line)
		if !strings.HasPrefix(line, identityPrefix) || len(was) != len(is) {
			continue
		}
		for i := range was {
			if was[i] != is[i] && was[i] != "-" && is[i] != "-" {
				return &host.RefusedError{Exit: host.ExitRefused, Code: codeOther,
					Why:  fmt.Sprintf("the map %s is about another source: %s %s, and %s has %s", c.Map, was[i-1], was[i], c.Source, is[i]),
					Next: "name the map that belongs to this source, or copy into a new file with a new map"}
			}
		}
	}
	return nil
}

// checkSame reads some of what was read before again, the first and the last of it among them, and refuses a source whose
// content is another one.
func (c *imageCopy) checkSame(ctx context.Context, src block.Source) error {
	_, err := host.ReadFile(c.Sums, func(r io.Reader, at io.ReaderAt, size int64) error {
		some, err := imaging.SampleSums(at, size, checkedSums)
		if err != nil {
			return err
		}
		some = slices.DeleteFunc(some, func(s imaging.Sum) bool {
			st, run := c.m.At(s.Offset)
			return st != imaging.Finished || !run.Contains(s.Extent)
		})
		v, err := imaging.Verify(ctx, src, sequence(some))
		if err != nil {
			return err
		}
		for _, f := range imaging.Grown(v) {
			c.events.Finding(wireFinding(f))
		}
		if !v.Changed.Empty() {
			return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.source.changed",
				Why:  fmt.Sprintf("%s is not what it was when it was copied before: the hash of its bytes at %v is another one", c.Source, v.Changed.Extents()[0]),
				Next: "if this is the right source, something wrote to it, or it gives other bytes each time: copy it into a new file, and keep this one"}
		}
		return nil
	})
	return err
}

// checkSwapped refuses what looks as if source and target were swapped: a target that holds something, and of which no
// map says that it is a copy of this source, beside a source that is blank.
func (c *imageCopy) checkSwapped(ctx context.Context) error {
	if c.had {
		return nil
	}
	target, err := host.Open(ctx, c.target(), host.OpenOptions{})
	if err != nil {
		return nil // nothing that could be lost, or what opening it for writing tells
	}
	defer target.Close()
	if blank(target.Source) || !blank(block.WithContext(ctx, c.source)) {
		return ctx.Err()
	}
	return &host.RefusedError{Exit: host.ExitRefused, Code: codeSwapped,
		Why:  fmt.Sprintf("the source %s is blank, and the target %s is not: source and target are most likely swapped", c.Source, c.Image),
		Next: "name the disk that is to be saved first, and what it is copied to second; to copy a blank disk all the same, name a new file"}
}

// Of a source, so many places of so many bytes each say whether it is blank.
const (
	blankPlaces = 64
	blankBytes  = 64 << 10
)

// blank reports whether a source holds nothing but zeros or 0xFF, as far as a sample shows it. What cannot be read is not
// blank.
func blank(src block.Source) bool {
	p := make([]byte, blankBytes)
	last := max(src.Size()-blankBytes, 0)
	for i := range int64(blankPlaces) {
		n, err := src.ReadAt(p, last/(blankPlaces-1)*i)
		if i == blankPlaces-1 {
			n, err = src.ReadAt(p, last)
		}
		if n == 0 || err != nil && int64(n) < min(blankBytes, src.Size()) {
			return false
		}
		if p[0] != 0 && p[0] != 0xFF || !bytes.Equal(p[1:n], p[:n-1]) {
			return false
		}
	}
	return true
}
