package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"

	"salvor/cursor"
)

// columnsSQL makes the table of chunks. What is put or changed takes the chunk away that tells otherwise, whichever program
// does it, so that there is never one that is not right; it is made again by [Catalog.MakeColumns], and until then a
// listing reads the entries themselves. The parts of a chunk are partShift apart.
const columnsSQL = `
CREATE TABLE IF NOT EXISTS chunks (
	n    INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);
CREATE TRIGGER IF NOT EXISTS chunks_insert AFTER INSERT ON entries BEGIN
	DELETE FROM chunks WHERE n IN (new.seq >> 12, (new.seq >> 12) + (1 << 52), (new.seq >> 12) + (2 << 52));
END;
CREATE TRIGGER IF NOT EXISTS chunks_delete AFTER DELETE ON entries BEGIN
	DELETE FROM chunks WHERE n IN (old.seq >> 12, (old.seq >> 12) + (1 << 52), (old.seq >> 12) + (2 << 52));
END;
CREATE TRIGGER IF NOT EXISTS chunks_update AFTER UPDATE OF seq, source, volume, drawer, kind, path, name, size, time, class, verdict ON entries
WHEN old.verdict <> new.verdict OR old.size <> new.size OR old.drawer <> new.drawer OR old.class <> new.class OR old.time <> new.time OR
	old.path <> new.path OR old.name <> new.name OR old.kind <> new.kind OR old.source <> new.source OR old.volume <> new.volume OR old.seq <> new.seq
BEGIN
	DELETE FROM chunks WHERE n IN (old.seq >> 12, (old.seq >> 12) + (1 << 52), (old.seq >> 12) + (2 << 52));
	DELETE FROM chunks WHERE n IN (new.seq >> 12, (new.seq >> 12) + (1 << 52), (new.seq >> 12) + (2 << 52));
END;
`

// partShift is how far apart the keys of the parts of a chunk are, in bits.
const partShift = 52

// chunksAtOnce is how many chunks are made in one go. No lock is held between them.
const chunksAtOnce = 32

// MakeColumns makes what listings look through, as far as it is missing. It is called when many entries were put. A disk
// that is full is no error: without columns a listing takes longer, and nothing else is lost.
func (c *Catalog) MakeColumns(ctx context.Context) error {
	if err := c.makeColumns(ctx); err != nil && !IsFull(err) {
		return fmt.Errorf("recovery: catalogue: columns: %w", err)
	}
	return nil
}

func (c *Catalog) makeColumns(ctx context.Context) error {
	err := c.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, columnsSQL)
		return err
	})
	if err != nil {
		return err
	}
	last, err := c.lastChunk(ctx)
	if err != nil {
		return err
	}
	for from := int64(0); from <= last; from += chunksAtOnce {
		err := c.change(ctx, func(tx *sql.Tx) error {
			have := map[int64]bool{}
			err := eachOf(ctx, tx, "SELECT n FROM chunks WHERE n BETWEEN ? AND ?", []any{from, from + chunksAtOnce - 1}, func(s scanner) error {
				var n int64
				err := s.Scan(&n)
				have[n] = true
				return err
			})
			for n := from; n < from+chunksAtOnce && n <= last && err == nil; n++ {
				if have[n] {
					continue
				}
				var rows []chunkRow
				if rows, err = chunkRowsOf(ctx, tx, n); err != nil {
					break
				}
				b := encodeChunk(n, rows)
				_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO chunks VALUES (?, ?), (?, ?), (?, ?)", n, b.digest,
					n+partFacts<<partShift, b.facts, n+partNames<<partShift, b.names)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxChunks bounds the numbers of entries that are looked through: one that no catalogue gives would keep whoever goes from the
// first to the last busy for years.
const maxChunks = 1 << 20

// lastChunk returns the number of the last chunk, -1 when there are no entries. Errors: a [*cursor.CorruptError].
func (c *Catalog) lastChunk(ctx context.Context) (int64, error) {
	var last sql.NullInt64
	if err := c.r.QueryRowContext(ctx, "SELECT max(seq) FROM entries").Scan(&last); err != nil {
		return -1, err
	}
	if !last.Valid {
		return -1, nil
	}
	if n := last.Int64 >> chunkBits; n >= maxChunks {
		return -1, cursor.Corrupt("catalogue: number of an entry", -1, fmt.Sprintf("less than %d", int64(maxChunks)<<chunkBits), last.Int64)
	}
	return last.Int64 >> chunkBits, nil
}

// asker is a database or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func eachOf(ctx context.Context, q asker, text string, args []any, fn func(scanner) error) error {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// chunkRowsOf reads the entries of chunk n.
func chunkRowsOf(ctx context.Context, q asker, n int64) (list []chunkRow, err error) {
	list = make([]chunkRow, 0, chunkRows)
	// Fewer columns are quicker to read: the words of an entry come as its marks.
	err = eachOf(ctx, q, fmt.Sprintf(`SELECT seq, source << 32 | volume, (verdict & 7) | ((class & 15) << %d) | ((drawer & 3) << %d) | ((kind & 3) << %d),
		path, name, size, time FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq`, classShift, drawerShift, kindShift),
		[]any{n << chunkBits, (n+1)<<chunkBits - 1}, func(s scanner) error {
			var r chunkRow
			var at int64
			err := s.Scan(&r.seq, &at, &r.marks, &r.path, &r.name, &r.size, &r.time)
			r.source, r.volume = int(at>>32), int(int32(at))
			list = append(list, r)
			return err
		})
	return list, err
}

// chunkReader reads chunks, and makes those out of the entries that are missing or not right.
type chunkReader struct {
	c   *Catalog
	ctx context.Context
	one *sql.Stmt // gives a part of a chunk
	buf [2][]byte // of facts and names, used again
}

// chunks gives all chunks in order. A chunk is there until fn returns.
func (c *Catalog) chunks(ctx context.Context, fn func(*chunk) error) error {
	err := c.eachChunk(ctx, fn)
	if ctx.Err() != nil {
		return err
	}
	return readError(err)
}

// readError says that it was the catalogue that could not be read.
func readError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("recovery: catalogue: %w", err)
}

func (c *Catalog) eachChunk(ctx context.Context, fn func(*chunk) error) error {
	last, err := c.lastChunk(ctx)
	if err != nil {
		return err
	}
	r := &chunkReader{c: c, ctx: ctx}
	made, err := c.hasChunks(ctx)
	if err != nil {
		return err
	}
	if made {
		if r.one, err = c.r.PrepareContext(ctx, "SELECT data FROM chunks WHERE n = ?"); err != nil {
			return err
		}
		defer r.one.Close()
	}
	for from := int64(0); from <= last; from += digestsAtOnce {
		digests := map[int64]digest{}
		if made {
			err := eachOf(ctx, c.r, "SELECT n, data FROM chunks WHERE n BETWEEN ? AND ?", []any{from, from + digestsAtOnce - 1}, func(s scanner) error {
				var n int64
				var data sql.RawBytes
				if err := s.Scan(&n, &data); err != nil {
					return err
				}
				if d, err := decodeDigest(n, data); err == nil { // else the entries themselves are read
					digests[n] = d
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		for n := from; n < from+digestsAtOnce && n <= last; n++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, ok := digests[n]
			if err := r.look(n, d, ok, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// digestsAtOnce is how many digests are read in one go.
const digestsAtOnce = 512

// errStale says that the parts of a chunk do not belong together: an entry changed meanwhile, or they are damaged.
var errStale = errors.New("parts of a chunk that do not belong together")

// look gives chunk n to fn. A chunk that turns out not to be right is given once more, made out of the entries: fn must
// have changed nothing until it has all parts of the chunk that it needs.
func (r *chunkReader) look(n int64, d digest, ok bool, fn func(*chunk) error) error {
	if ok {
		err := fn(&chunk{n: n, digest: d, load: func(part int) ([]byte, error) { return r.part(n, d, part) }})
		if !errors.Is(err, errStale) {
			return err
		}
	} else if k, ok := r.c.aside.chunk(n); ok {
		if err := fn(k); !errors.Is(err, errStale) {
			return err
		}
	}
	rows, err := chunkRowsOf(r.ctx, r.c.r, n)
	if err != nil {
		return err
	}
	b := encodeChunk(n, rows)
	if d, err = decodeDigest(n, b.digest); err != nil {
		return err
	}
	return fn(&chunk{n: n, digest: d, load: func(part int) ([]byte, error) {
		if part == partNames {
			return b.names, nil
		}
		return b.facts, nil
	}})
}

// part reads the facts or the names of a chunk.
func (r *chunkReader) part(n int64, d digest, part int) ([]byte, error) {
	var data sql.RawBytes
	rows, err := r.one.QueryContext(r.ctx, n+int64(part)<<partShift)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	buf := r.buf[part-partFacts][:0]
	if rows.Next() {
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		buf = append(buf, data...)
		r.buf[part-partFacts] = buf
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	want := d.facts
	if part == partNames {
		want = d.names
	}
	if crc32.Checksum(buf, castagnoli) != want {
		return nil, errStale
	}
	return buf, nil
}
