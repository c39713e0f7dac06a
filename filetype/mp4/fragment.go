package mp4

import (
	"fmt"
	"sort"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// maxRuns is how many samples one run of a fragment may have.
const maxRuns = 1 << 22

// fragments walks the movie fragments.
func (x *exam) fragments() error {
	last := uint32(0)
	for _, m := range x.moofs {
		x.fragmented = true
		err := x.children(m.body, m.end, func(b box) error {
			switch b.kind {
			case "mfhd":
				c, err := x.fields(b, 8)
				if err != nil {
					return err
				}
				c.Skip(4)
				n := c.Uint32BE()
				if last > 0 && n <= last {
					return cursor.Corrupt("mp4: fragment number", b.body+4, fmt.Sprintf("above %d", last), n)
				}
				last = n
			case "traf":
				return x.trackFragment(m, b)
			}
			return nil
		})
		if err := x.note(err); err != nil {
			return err
		}
	}
	return nil
}

// Flags of track fragment headers and runs.
const (
	fragmentBase   = 0x1
	fragmentDesc   = 0x2
	fragmentTime   = 0x8
	fragmentSize   = 0x10
	runOffset      = 0x1
	runFirstFlags  = 0x4
	runTime        = 0x100
	runSize        = 0x200
	runFlags       = 0x400
	runComposition = 0x800
)

// trackFragment walks the runs of one track in fragment m.
func (x *exam) trackFragment(m, traf box) error {
	t := &track{}
	base, next := m.off, int64(-1)
	size := int64(0)
	return x.children(traf.body, traf.end, func(b box) error {
		switch b.kind {
		case "tfhd":
			c, err := x.fields(b, int(min(b.end-b.body, 40)))
			if err != nil {
				return err
			}
			flags := c.Uint32BE() & 0xFFFFFF
			id := c.Uint32BE()
			for _, k := range x.tracks {
				if k.id == id {
					t = k
				}
			}
			size = t.defaultSize
			if flags&fragmentBase != 0 {
				base = int64(c.Uint64BE())
			}
			for _, f := range []uint32{fragmentDesc, fragmentTime} {
				if flags&f != 0 {
					c.Skip(4)
				}
			}
			if flags&fragmentSize != 0 {
				size = int64(c.Uint32BE())
			}
			if c.Err() == nil && (base < 0 || base > 1<<62) {
				return cursor.Corrupt("mp4: base of a fragment", b.body, "a place in the file", base)
			}
			return c.Err()
		case "trun":
			end, err := x.run(t, b, base, next, size)
			next = end
			return err
		}
		return nil
	})
}

// run walks the samples of one run. Its data stands at base and an offset, or at next, behind the run
// before. It returns the end of the data.
func (x *exam) run(t *track, b box, base, next, defaultSize int64) (int64, error) {
	c, err := x.fields(b, int(min(b.end-b.body, 16)))
	if err != nil {
		return next, err
	}
	flags := c.Uint32BE() & 0xFFFFFF
	count := int64(c.Uint32BE())
	at := next
	if at < 0 {
		at = base
	}
	if flags&runOffset != 0 {
		at = base + int64(int32(c.Uint32BE()))
	}
	if flags&runFirstFlags != 0 {
		c.Skip(4)
	}
	if err := c.Err(); err != nil {
		return next, err
	}
	field, width := 0, 0
	for _, f := range []uint32{runTime, runSize, runFlags, runComposition} {
		if f == runSize {
			field = width
		}
		if flags&f != 0 {
			width += 4
		}
	}
	if count > maxRuns || count*int64(width) > b.end-c.Offset() {
		return next, cursor.Corrupt("mp4: run of a fragment", b.body+4, fmt.Sprintf("samples that fit into %d bytes", b.end-c.Offset()), count)
	}
	entries := &table{w: x.scratch(), off: c.Offset(), n: count, size: width}
	for i := range count {
		if i%4096 == 0 {
			if err := x.ctx.Err(); err != nil {
				return next, err
			}
		}
		size := defaultSize
		if flags&runSize != 0 {
			if size, err = entries.at(i, field); err != nil {
				return next, err
			}
		}
		if err := x.sample(t, at, size); err != nil {
			return next, err
		}
		at += size
	}
	x.samples += count
	return at, nil
}

// named looks at what segment indices and random access boxes name.
func (x *exam) named() error {
	for _, b := range x.indexes {
		if err := x.note(x.segmentIndex(b)); err != nil {
			return err
		}
	}
	for _, b := range x.access {
		if err := x.note(x.children(b.body, b.end, x.randomAccess)); err != nil {
			return err
		}
	}
	return nil
}

// segmentIndex adds up what an index refers to: it must lie inside the file.
func (x *exam) segmentIndex(b box) error {
	c, err := x.fields(b, int(min(b.end-b.body, 32)))
	if err != nil {
		return err
	}
	version := c.Uint32BE() >> 24
	c.Skip(8)
	at := b.end
	if version == 0 {
		c.Skip(4)
		at += int64(c.Uint32BE())
	} else {
		c.Skip(8)
		at += int64(c.Uint64BE() & (1<<62 - 1))
	}
	c.Skip(2)
	count := int64(c.Uint16BE())
	if err := c.Err(); err != nil {
		return err
	}
	if count*12 > b.end-c.Offset() {
		return cursor.Corrupt("mp4: segment index", b.body, fmt.Sprintf("up to %d references", (b.end-c.Offset())/12), count)
	}
	entries := &table{w: x.scratch(), off: c.Offset(), n: count, size: 12}
	for i := range count {
		v, err := entries.at(i, 0)
		if err != nil {
			return err
		}
		at += v & 0x7FFFFFFF
	}
	if at <= x.end {
		return nil
	}
	if x.mayBeCut() {
		x.cut = true
		x.missing.Add(block.Between(max(x.src.Size(), x.end), max(at, x.src.Size()+1)))
		return nil
	}
	return cursor.Corrupt("mp4: segment index", b.off, fmt.Sprintf("segments up to %#x", x.end), fmt.Sprintf("%#x", at))
}

// randomAccess compares the places of fragments in a tfra box with the fragments.
func (x *exam) randomAccess(b box) error {
	if b.kind != "tfra" {
		return nil
	}
	c, err := x.fields(b, 16)
	if err != nil {
		return err
	}
	version := c.Uint32BE() >> 24
	c.Skip(4)
	lengths := c.Uint32BE()
	count := int64(c.Uint32BE())
	width := 8 + int(lengths>>4&3+1) + int(lengths>>2&3+1) + int(lengths&3+1)
	field := 4
	if version == 1 {
		width += 8
		field = 8
	}
	if count*int64(width) > b.end-c.Offset() {
		return cursor.Corrupt("mp4: box tfra", b.body+12, fmt.Sprintf("up to %d entries", (b.end-c.Offset())/int64(width)), count)
	}
	entries := &table{w: x.scratch(), off: c.Offset(), n: count, size: width}
	for i := range count {
		var at int64
		if version == 1 {
			shifted := &table{w: entries.w, off: entries.off + int64(field), n: count, size: width}
			at, err = shifted.wide(i)
		} else {
			at, err = entries.at(i, field)
		}
		if err != nil {
			return err
		}
		k := sort.Search(len(x.moofs), func(k int) bool { return x.moofs[k].off >= at })
		if k == len(x.moofs) || x.moofs[k].off != at {
			x.contradict(b.off, badBox.New(finding.At(b.off, b.end-b.off), finding.Arg("what", "mp4: box tfra"),
				finding.Expected("the place of a fragment", fmt.Sprintf("%#x", at))))
			return nil
		}
	}
	return nil
}
