package ewf

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"salvor/block"
)

// File is a segment that is written. An *os.File is one.
type File interface {
	io.WriterAt
	io.Closer
	// Sync returns when all that was written is safe from a loss of power.
	Sync() error
}

// Options say what is written. Create alone must be given.
type Options struct {
	// Create makes the file of a segment, from 1, which must be empty. [Name] gives the usual names.
	Create func(segment int) (File, error)
	// SegmentSize is the most bytes of one segment; 0 for 1500 MiB, at least 1 MiB, at most 2000 MiB: places in it have
	// 31 bits.
	SegmentSize int64
	// SectorSize is that of the medium in bytes; 0 for 512.
	SectorSize int
	// Unreadable is what the copy has no bytes of.
	Unreadable block.Set
	Removable  bool // a card or stick, no disk that is built in
	Info       Info
	// Progress is told how many bytes are written of all; may be nil.
	Progress func(done, total int64)
}

// Info is what stands in the head of the image for a person. Tabs and line breaks become blanks.
type Info struct {
	Case, Evidence, Description, Examiner, Notes string
	Model, Serial                                string
	Program, System                              string // name and version; the operating system
	Acquired                                     time.Time
}

// Result is what was written.
type Result struct {
	Segments int
	Bytes    int64 // of all segments
	MD5      [md5.Size]byte
	SHA1     [sha1.Size]byte
}

// Limits of the format and of its readers.
const (
	chunkSize          = 32768 // bytes
	maxEntries         = 16375 // of a table, as EnCase has it before version 6.7
	DefaultSegmentSize = 1500 << 20
	minSegmentSize     = 1 << 20
	maxSegmentSize     = 2000 << 20
	maxSegments        = 99 + 22*26*26 // E01 to E99, EAA to ZZZ
)

// ErrSectors says that a source is no whole number of sectors.
var ErrSectors = errors.New("ewf: the format holds whole sectors only")

func (o *Options) validate(size int64) error {
	if o.SectorSize == 0 {
		o.SectorSize = 512
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	switch {
	case o.Create == nil:
		return errors.New("ewf: nothing makes the segments")
	case o.SectorSize < 512 || o.SectorSize > chunkSize || o.SectorSize&(o.SectorSize-1) != 0:
		return fmt.Errorf("ewf: a sector of %d bytes, expected a power of two from 512 to %d", o.SectorSize, chunkSize)
	case size <= 0 || size%int64(o.SectorSize) != 0:
		return fmt.Errorf("%w: %d bytes are no multiple of %d", ErrSectors, size, o.SectorSize)
	case size/chunkSize >= 1<<32-1:
		return fmt.Errorf("ewf: the format holds up to %d chunks, and %d bytes are more", int64(1<<32-1), size)
	case o.SegmentSize < minSegmentSize || o.SegmentSize > maxSegmentSize:
		return fmt.Errorf("ewf: a segment of %d bytes, expected %d to %d", o.SegmentSize, minSegmentSize, maxSegmentSize)
	}
	return nil
}

// Write writes the image of src. When it fails, what stands in the files is no image. An error of src is one of the copy, and
// ends it: what the medium did not give stands in Unreadable.
func Write(ctx context.Context, src block.Source, o Options) (Result, error) {
	if err := o.validate(src.Size()); err != nil {
		return Result{}, err
	}
	w := &writer{o: o, size: src.Size(), md5: md5.New(), sha1: sha1.New()}
	lost, err := w.errors()
	if err != nil {
		return Result{}, err
	}
	err = w.write(ctx, src, lost)
	if err != nil {
		return w.res, errors.Join(fmt.Errorf("ewf: %w", err), w.seg.abandon())
	}
	w.md5.Sum(w.res.MD5[:0])
	w.sha1.Sum(w.res.SHA1[:0])
	return w.res, nil
}

// writer is an image under way.
type writer struct {
	o         Options
	size      int64
	md5, sha1 hash.Hash
	seg       *segment // the one that is written
	res       Result
}

func (w *writer) write(ctx context.Context, src block.Source, lost []byte) error {
	b := newBatch(src, w.o.Unreadable)
	if err := w.next(); err != nil {
		return err
	}
	for at := int64(0); at < w.size; at += b.read() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := b.load(at, w.md5, w.sha1); err != nil {
			return err
		}
		for _, c := range b.chunks() {
			if !w.seg.fits(len(c.data), w.o.SegmentSize) {
				if err := w.next(); err != nil {
					return err
				}
			}
			if err := w.seg.chunk(c); err != nil {
				return err
			}
		}
		if w.o.Progress != nil {
			w.o.Progress(min(at+b.read(), w.size), w.size)
		}
	}
	return w.end(lost)
}

// next ends the segment, where there is one, and begins the next.
func (w *writer) next() error {
	if w.seg != nil {
		if err := w.seg.table(); err != nil {
			return err
		}
		if err := w.seg.last("next"); err != nil {
			return err
		}
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.res.Segments++; w.res.Segments > maxSegments {
		return fmt.Errorf("more than %d segments: choose larger ones", maxSegments)
	}
	f, err := w.o.Create(w.res.Segments)
	if err != nil {
		return err
	}
	w.seg = &segment{f: f}
	if err := w.seg.head(w.res.Segments); err != nil {
		return err
	}
	if w.res.Segments > 1 {
		return w.seg.section("data", w.volume())
	}
	for _, s := range w.o.Info.headers() {
		if err := w.seg.section(s.kind, s.data); err != nil {
			return err
		}
	}
	return w.seg.section("volume", w.volume())
}

// end writes what stands behind the last chunk.
func (w *writer) end(lost []byte) error {
	if err := w.seg.table(); err != nil {
		return err
	}
	if len(lost) > 0 {
		if err := w.seg.section("error2", lost); err != nil {
			return err
		}
	}
	for _, s := range w.digests() {
		if err := w.seg.section(s.kind, s.data); err != nil {
			return err
		}
	}
	if err := w.seg.last("done"); err != nil {
		return err
	}
	return w.close()
}

func (w *writer) close() error {
	w.res.Bytes += w.seg.at
	err := errors.Join(w.seg.f.Sync(), w.seg.f.Close())
	w.seg.f = nil
	return err
}

// Name returns the ending of a segment, from 1, where that of the first is first: "E01" or "e01".
func Name(first string, segment int) string {
	letter := byte('E')
	if len(first) > 0 {
		letter = first[0]
	}
	if segment <= 99 {
		return fmt.Sprintf("%c%02d", letter, segment)
	}
	n, a := segment-100, letter/32*32+1 // 'A' or 'a'
	return string([]byte{letter + byte(n/(26*26)), a + byte(n/26%26), a + byte(n%26)})
}
