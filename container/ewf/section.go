package ewf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

const (
	headerSize     = 13
	descriptorSize = 76
	maxSections    = 1 << 18 // of a segment: 16 TB in one segment have less than half of that
	maxSearches    = 256     // of a segment, for sections behind broken ones
)

var (
	signature1       = []byte("EVF\x09\x0d\x0a\xff\x00")
	signatureLogical = []byte("LVF\x09\x0d\x0a\xff\x00")
	signature2       = []byte("EVF2\x0d\x0a\x81\x00")
	signatureLogic2  = []byte("LEF2\x0d\x0a\x81\x00")
	signatureLocked  = []byte("ADCRYPT\x00")
)

// section is one of a segment file.
type section struct {
	kind string
	at   int64 // of the descriptor
	next int64
	size int64 // with the descriptor; 0 for some that hold nothing
}

// data returns where the content of the section stands.
func (s section) data() block.Extent {
	end := s.at + s.size
	if s.size <= descriptorSize {
		end = max(s.next, s.at+descriptorSize)
	}
	return block.Between(s.at+descriptorSize, end)
}

var kinds = []string{"header", "header2", "xheader", "volume", "disk", "data", "sectors", "table", "table2", "next", "done", "hash", "digest", "xhash",
	"error2", "session", "incomplete", "ltree", "ltypes", "map"}

// parseSection reads the descriptor that stands at off.
func parseSection(b []byte, off int64) (section, error) {
	c := cursor.New("ewf: section", off, b)
	raw := c.Bytes(16)
	s := section{at: off, next: int64(c.Uint64()), size: int64(c.Uint64())}
	c.Skip(40)
	sum := c.Uint32()
	if err := c.Err(); err != nil {
		return s, err
	}
	name, _, _ := bytes.Cut(raw, []byte{0})
	s.kind = string(name)
	if found := adler32.Checksum(b[:descriptorSize-4]); found != sum {
		return s, cursor.Corrupt("ewf: section", off, fmt.Sprintf("the Adler-32 %#x", sum), fmt.Sprintf("%#x", found))
	}
	if !slices.Contains(kinds, s.kind) || s.next < 0 || s.size < 0 {
		return s, cursor.Corrupt("ewf: section", off, "a type that is known", fmt.Sprintf("%q", name))
	}
	return s, nil
}

// walk yields the sections of a segment. Where one is broken the next is looked for, after broken was told.
func walk(ctx context.Context, src block.Source, broken func(error), yield func(section)) error {
	at, searches := int64(headerSize), 0
	for range maxSections {
		if searches > maxSearches {
			return nil // what goes on like this is no image
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := cursor.Read(src, "ewf: section", at, descriptorSize, descriptorSize)
		var s section
		if err == nil {
			s, err = parseSection(b, at)
		}
		if err != nil {
			if err = tellable(err); err != nil {
				return err
			}
			broken(cursor.Corrupt("ewf: section", at, "a section", "none"))
			searches++
			if s, err = search(ctx, src, at+1); err != nil || s.kind == "" {
				return err
			}
		}
		yield(s)
		if s.kind == "next" || s.kind == "done" {
			return nil
		}
		if s.next <= s.at || s.next > src.Size()-descriptorSize {
			// The pointer leads nowhere: what follows may still be found.
			broken(cursor.Corrupt("ewf: section "+s.kind, s.at, "a place behind it", s.next))
			searches++
			from := max(s.at+descriptorSize, min(s.data().End(), src.Size()))
			if s, err = search(ctx, src, from); err != nil || s.kind == "" {
				return err
			}
			at = s.at
			continue
		}
		at = s.next
	}
	broken(cursor.Corrupt("ewf: sections", at, fmt.Sprintf("at most %d", maxSections), "more"))
	return nil
}

// tellable returns err when it ends all work, and nil when it is about the image.
func tellable(err error) error {
	if _, ok := cursor.IsCorrupt(err); ok {
		return nil
	}
	if _, ok := block.IsUnreadable(err); ok {
		return nil
	}
	return err
}

// search returns the next section whose descriptor is right, from a place on; one without a kind when there is none.
func search(ctx context.Context, src block.Source, from int64) (section, error) {
	const step = 1 << 20
	buf := make([]byte, step+descriptorSize)
	for at := from; at < src.Size()-descriptorSize; at += step {
		if err := ctx.Err(); err != nil {
			return section{}, err
		}
		n, err := src.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) && tellable(err) != nil {
			return section{}, err
		}
		if s, ok := searchIn(buf[:n], at); ok {
			return s, nil
		}
	}
	return section{}, nil
}

func searchIn(b []byte, base int64) (section, bool) {
	best := section{}
	for _, kind := range []string{"table", "table2", "sectors", "data", "next", "done", "hash", "digest", "error2", "volume", "disk"} {
		pattern := append([]byte(kind), 0)
		for from := 0; ; {
			i := bytes.Index(b[from:], pattern)
			if i < 0 {
				break
			}
			from += i
			if from+descriptorSize <= len(b) {
				if s, err := parseSection(b[from:from+descriptorSize], base+int64(from)); err == nil && (best.kind == "" || s.at < best.at) {
					best = s
					break
				}
			}
			from++
		}
	}
	return best, best.kind != ""
}
