package avi

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/riff"
	"salvor/filetype/internal/window"
)

// errEnd is why further parts of a film are not there.
var errEnd = window.ErrEnd

// summary is what is kept of a row of chunks, to compare the film with its index without holding either.
type summary struct {
	count int64
	hash  uint64
}

// add takes up a chunk.
func (s *summary) add(id uint32, at, size int64) {
	s.count++
	for _, v := range [...]uint64{uint64(id), uint64(at), uint64(size)} {
		s.hash = (s.hash ^ v) * 0x9E3779B97F4A7C15
		s.hash ^= s.hash >> 29
	}
}

// film reads the chunks of a movi list.
func (w *walker) film(off, end int64, depth int) error {
	if w.Listing {
		return nil
	}
	before := off
	for off < end {
		if end-off < 8 {
			return w.Each(block.Between(off, end), "end of the film", nil)
		}
		c, err := riff.At(w.Exam, off, end)
		if err == nil {
			err = w.frame(c, depth)
		}
		if err != nil {
			if _, corrupt := cursor.IsCorrupt(err); w.open && (corrupt || w.Context().Err() == nil && isEnd(err)) {
				return nil
			}
			if _, corrupt := cursor.IsCorrupt(err); corrupt {
				w.R.GoodUntil = min(w.R.GoodUntil, before) // the chunk before may be cut: none follows it
			}
			return err
		}
		before, off = off, c.Next()
		w.R.GoodUntil = off
	}
	return nil
}

// isEnd reports whether err says that the source ends, rather than that it cannot be read.
func isEnd(err error) bool {
	g, ok := err.(*exam.Gone)
	return ok && g.Err == window.ErrEnd
}

// frame reads one chunk of the film.
func (w *walker) frame(c riff.Chunk, depth int) error {
	number, known := streamOf(c.ID)
	switch {
	case known:
		if number >= len(w.streams) {
			return cursor.Corrupt("film", c.Off, fmt.Sprintf("a chunk of one of %d streams", len(w.streams)), c.ID)
		}
		if c.Off-w.movi < 1<<32 {
			if w.seen.count == 0 {
				w.first = c.Off - w.movi
			}
			w.seen.add(binary.LittleEndian.Uint32([]byte(c.ID)), c.Off-w.movi, c.Size)
		}
		s := &w.streams[number]
		if s.codec == "MJPG" && c.Size >= 4 {
			p, err := w.Need(c.Body(), 2, "picture")
			if err != nil {
				return err
			}
			if p[0] != 0xFF || p[1] != 0xD8 {
				return cursor.Corrupt("film", c.Body(), "a JPEG picture", fmt.Sprintf("% x", p))
			}
		}
		if err := w.Each(block.Between(c.Body(), c.Next()), "film", nil); err != nil {
			return err
		}
		if c.ID[2] != 'p' { // a change of the palette
			s.chunks++
		}
		return nil
	case c.ID == "LIST" && depth < maxDepth && c.Size >= 4:
		p, err := w.Need(c.Body(), 4, "list in the film")
		if err != nil {
			return err
		}
		if string(p) == "rec " {
			return w.film(c.Body()+4, c.End(), depth+1)
		}
	case c.ID == "JUNK" || c.ID[:2] == "ix" || c.ID == "idx1":
	default:
		return cursor.Corrupt("film", c.Off, "a chunk of the film", fmt.Sprintf("%q", c.ID))
	}
	return w.Each(block.Between(c.Body(), c.Next()), "film", nil)
}

// streamOf returns the number of the stream that a chunk of this name belongs to.
func streamOf(id string) (int, bool) {
	if id[0] < '0' || id[0] > '9' || id[1] < '0' || id[1] > '9' {
		return 0, false
	}
	switch id[2:] {
	case "dc", "db", "wb", "tx", "pc", "sb", "iv":
		return int(id[0]-'0')*10 + int(id[1]-'0'), true
	}
	return 0, false
}

const (
	entrySize  = 16
	listInside = 1 // a flag of an entry: it is a list of chunks
)

// index compares idx1 with the film. Its offsets count from the film, or from the start of the file.
func (w *walker) index(c riff.Chunk) error {
	base := int64(0)
	var told summary
	at := c.Body()
	var held []byte
	err := w.Each(c.Data(), "index", func(p []byte) error {
		for len(p) > 0 {
			n := min(entrySize-len(held), len(p))
			held = append(held, p[:n]...)
			p = p[n:]
			if len(held) < entrySize {
				return nil
			}
			id, flags := binary.LittleEndian.Uint32(held), binary.LittleEndian.Uint32(held[4:])
			off, size := int64(binary.LittleEndian.Uint32(held[8:])), int64(binary.LittleEndian.Uint32(held[12:]))
			if flags&listInside == 0 {
				if told.count == 0 && off-w.first == w.movi {
					base = w.movi
				}
				told.add(id, off-base, size)
			}
			held = held[:0]
			at += entrySize
		}
		return nil
	})
	if err != nil || told == w.seen {
		return err
	}
	return w.entries(c, base)
}

// entries looks for the chunk of each entry, one by one: an index may leave some out.
func (w *walker) entries(c riff.Chunk, base int64) error {
	film := window.New(w.Context(), w.Source(), 256<<10)
	at, found := c.Body(), int64(0)
	var held []byte
	return w.Each(c.Data(), "index", func(p []byte) error {
		for len(p) > 0 {
			n := min(entrySize-len(held), len(p))
			held = append(held, p[:n]...)
			p = p[n:]
			if len(held) < entrySize {
				return nil
			}
			off := w.movi + int64(binary.LittleEndian.Uint32(held[8:])) - base
			if binary.LittleEndian.Uint32(held[4:])&listInside == 0 {
				head, err := film.Bytes(off, 8)
				if err != nil {
					if w.Context().Err() != nil {
						return w.Context().Err()
					}
					head = nil
				}
				if head == nil || string(head[:4]) != string(held[:4]) || string(head[4:]) != string(held[12:]) {
					return cursor.Corrupt("index", at, fmt.Sprintf("the place of a chunk (%d before it are right)", found), fmt.Sprintf("%#x", off))
				}
				found++
			}
			held = held[:0]
			at += entrySize
		}
		return nil
	})
}
