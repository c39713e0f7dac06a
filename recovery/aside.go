package recovery

import (
	"context"
	"database/sql"
	"hash/crc32"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// Lacking is how many chunks of a catalogue are made out of the entries for each listing, and of how many.
type Lacking struct{ Chunks, Of int64 }

// Lacking returns how many chunks the catalogue lacks: all in a case by a version that made none, and some where entries
// were changed since. It asks for no entry.
func (c *Catalog) Lacking(ctx context.Context) (l Lacking, err error) {
	last, err := c.lastChunk(ctx)
	if err != nil {
		return l, readError(err)
	}
	have, err := c.chunksIn(ctx, 0, last)
	l.Of = last + 1
	l.Chunks = l.Of - int64(len(have))
	return l, readError(err)
}

// chunksIn returns which chunks the catalogue has, from one to another.
func (c *Catalog) chunksIn(ctx context.Context, from, to int64) (map[int64]bool, error) {
	have := map[int64]bool{}
	made, err := c.hasChunks(ctx)
	if err != nil || !made {
		return have, err
	}
	return have, eachOf(ctx, c.r, "SELECT n FROM chunks WHERE n BETWEEN ? AND ?", []any{from, to}, func(s scanner) error {
		var n int64
		err := s.Scan(&n)
		have[n] = true
		return err
	})
}

// stamp tells whether a file was written to. Times of files are coarse: one that was written to just now tells nothing yet.
type stamp struct {
	size    int64
	changed time.Time
	early   bool // it was taken too soon after a change
}

// coarse is how far apart two changes of a file may be that have the same time: FAT counts two seconds.
const coarse = 3 * time.Second

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.Size(), info.ModTime(), time.Since(info.ModTime()) < coarse}, nil
}

// Aside is the chunks that a catalogue lacks, made once and kept outside of it: for one that is only read. It is safe for
// concurrent use. Unlike those in the catalogue it does not know which entry changed since: see [Aside.Current].
type Aside struct {
	path   string
	file   AsideFile
	was    stamp
	chunks map[int64]asideChunk
	bytes  int64
	ended  atomic.Bool
}

// AsideFile is where an [Aside] is kept: an empty file, or memory.
type AsideFile interface {
	io.Writer
	io.ReaderAt
}

// asideChunk is a digest, and where the facts and the names behind them stand.
type asideChunk struct {
	digest       []byte
	at           int64
	facts, names int
}

// MakeAside makes the chunks that the catalogue lacks into file, about 38 bytes for each entry, and tells how many are made.
// The catalogue is not changed.
func (c *Catalog) MakeAside(ctx context.Context, file AsideFile, progress func(Lacking)) (*Aside, error) {
	a := &Aside{path: c.path, file: file, chunks: map[int64]asideChunk{}}
	var err error
	if a.was, err = stampOf(c.path); err != nil {
		return nil, readError(err)
	}
	last, err := c.lastChunk(ctx)
	if err != nil {
		return nil, readError(err)
	}
	have, err := c.chunksIn(ctx, 0, last)
	if err != nil {
		return nil, readError(err)
	}
	for n := int64(0); n <= last; n++ {
		if !have[n] {
			rows, err := chunkRowsOf(ctx, c.r, n)
			if err != nil {
				return nil, readError(err)
			}
			if err := a.add(n, encodeChunk(n, rows)); err != nil {
				return nil, readError(err)
			}
		}
		if progress != nil {
			progress(Lacking{Chunks: last - n, Of: last + 1})
		}
	}
	return a, nil
}

func (a *Aside) add(n int64, b blobs) error {
	a.chunks[n] = asideChunk{b.digest, a.bytes, len(b.facts), len(b.names)}
	for _, part := range [][]byte{b.facts, b.names} {
		if _, err := a.file.Write(part); err != nil {
			return err
		}
		a.bytes += int64(len(part))
	}
	return nil
}

// Bytes returns how large its file is.
func (a *Aside) Bytes() int64 { return a.bytes }

// Current reports whether the catalogue is what it was. Where it is not, a listing with this shows what was.
func (a *Aside) Current() bool {
	now, err := stampOf(a.path)
	return err == nil && !a.was.early && now.size == a.was.size && now.changed.Equal(a.was.changed)
}

// End says that its file is given up. Listings that still have it read the entries.
func (a *Aside) End() { a.ended.Store(true) }

// With makes listings look through a where the catalogue has no chunks of its own. It is called before the first listing.
func (c *Catalog) With(a *Aside) { c.aside = a }

// chunk returns chunk n, false when it is not among those that were made.
func (a *Aside) chunk(n int64) (*chunk, bool) {
	if a == nil || a.ended.Load() {
		return nil, false
	}
	of, ok := a.chunks[n]
	if !ok {
		return nil, false
	}
	d, err := decodeDigest(n, of.digest)
	if err != nil {
		return nil, false
	}
	return &chunk{n: n, digest: d, load: func(part int) ([]byte, error) {
		at, size, want := of.at, of.facts, d.facts
		if part == partNames {
			at, size, want = at+int64(size), of.names, d.names
		}
		b := make([]byte, size)
		if got, err := a.file.ReadAt(b, at); got < size && err != nil {
			return nil, errStale // it was given up meanwhile, or cannot be read: the entries can
		}
		if crc32.Checksum(b, castagnoli) != want {
			return nil, errStale
		}
		return b, nil
	}}, true
}

// hasChunks reports whether the catalogue has a table of chunks.
func (c *Catalog) hasChunks(ctx context.Context) (bool, error) {
	var n sql.NullInt64
	err := c.r.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'chunks'").Scan(&n)
	return n.Int64 > 0, err
}
