// Package riff goes through the chunks of RIFF files: WAV, AVI, WebP.
//
// It promises that a chunk lies inside of what holds it and has a name, and that nothing is read twice. It never
// looks into a chunk.
//
//	"RIFF" size(4) type(4), chunks: name(4) size(4) data(size) [0 when size is odd]
//	"LIST" is a chunk with a type and chunks inside
//
// Followed: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991), EBU Tech 3306 (RF64).
package riff

import (
	"encoding/binary"
	"fmt"
	"math"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/exam"
)

// Open is the end of a chunk that does not tell its size.
const Open = math.MaxInt64

// Chunk is the head of one chunk.
type Chunk struct {
	ID   string
	Off  int64 // of the name
	Size int64 // of the data
	last int64 // where what holds it ends
}

// Body returns where the data begins.
func (c Chunk) Body() int64 { return c.Off + 8 }

// End returns where the data ends.
func (c Chunk) End() int64 { return c.Body() + c.Size }

// Next returns where the next chunk begins.
func (c Chunk) Next() int64 { return min(c.End()+c.Size&1, max(c.last, c.End())) }

// Data returns the place of the data.
func (c Chunk) Data() block.Extent { return block.Between(c.Body(), c.End()) }

// Form is the head of a file.
type Form struct {
	Magic, Type string
	End         int64 // where the file ends; [Open] when it does not tell
}

// Head reads the head of the file that begins at off, of which p holds twelve bytes. ok is false when it is none.
func Head(off int64, p []byte) (f Form, ok bool) {
	if len(p) < 12 {
		return f, false
	}
	f = Form{Magic: string(p[:4]), Type: string(p[8:12])}
	size := int64(binary.LittleEndian.Uint32(p[4:]))
	switch f.Magic {
	case "RIFF", "RF64", "BW64":
	default:
		return f, false
	}
	if f.End = off + 8 + size; size == 0 || size == math.MaxUint32 {
		f.End = Open
	}
	return f, true
}

// At reads the head of the chunk at off, which must end before end.
func At(e *exam.Exam, off, end int64) (Chunk, error) {
	p, err := e.Need(off, 8, "chunk")
	if err != nil {
		return Chunk{}, err
	}
	c := Chunk{ID: string(p[:4]), Off: off, Size: int64(binary.LittleEndian.Uint32(p[4:])), last: end}
	for _, b := range p[:4] {
		if b < ' ' || b > '~' {
			return c, cursor.Corrupt("chunks", off, "a name of four letters", fmt.Sprintf("% x", p[:4]))
		}
	}
	if c.End() > end {
		return c, cursor.Corrupt("chunk "+c.ID, off+4, fmt.Sprintf("at most %d bytes", end-c.Body()), c.Size)
	}
	return c, nil
}

// Each calls fn, which reads the data, for each chunk from off to end. Fewer than eight bytes at the end are no chunk, and are read over.
func Each(e *exam.Exam, off, end int64, fn func(c Chunk) error) error {
	for off < end {
		if end-off < 8 {
			return e.Each(block.Between(off, end), "end", nil)
		}
		c, err := At(e, off, end)
		if err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
		if err := e.Each(block.Between(c.End(), c.Next()), "padding of chunk "+c.ID, nil); err != nil {
			return err
		}
		off = c.Next()
	}
	return nil
}
