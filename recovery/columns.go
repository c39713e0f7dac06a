package recovery

import (
	"context"
	"database/sql"
	"fmt"
)

// columnsSQL makes the table of chunks, two rows for each: facts, and names behind it. What is put or changed takes the
// chunk away that tells otherwise, whichever program does it, so that there is never one that is not right; it is made
// again by [Catalog.Optimize], and until then a listing reads the entries themselves.
const columnsSQL = `
CREATE TABLE IF NOT EXISTS columns (
	n    INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);
CREATE TRIGGER IF NOT EXISTS columns_insert AFTER INSERT ON entries BEGIN
	DELETE FROM columns WHERE n BETWEEN (new.seq >> 12) * 2 AND (new.seq >> 12) * 2 + 1;
END;
CREATE TRIGGER IF NOT EXISTS columns_delete AFTER DELETE ON entries BEGIN
	DELETE FROM columns WHERE n BETWEEN (old.seq >> 12) * 2 AND (old.seq >> 12) * 2 + 1;
END;
CREATE TRIGGER IF NOT EXISTS columns_update AFTER UPDATE OF seq, source, volume, drawer, kind, path, name, size, time, class, verdict ON entries
WHEN old.verdict <> new.verdict OR old.size <> new.size OR old.drawer <> new.drawer OR old.class <> new.class OR old.time <> new.time OR
	old.path <> new.path OR old.name <> new.name OR old.kind <> new.kind OR old.source <> new.source OR old.volume <> new.volume OR old.seq <> new.seq
BEGIN
	DELETE FROM columns WHERE n BETWEEN (old.seq >> 12) * 2 AND (old.seq >> 12) * 2 + 1;
	DELETE FROM columns WHERE n BETWEEN (new.seq >> 12) * 2 AND (new.seq >> 12) * 2 + 1;
END;
`

// chunksAtOnce is how many chunks are read or made in one go. No lock is held between them.
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
			err := eachOf(ctx, tx, "SELECT n FROM columns WHERE n BETWEEN ? AND ?", []any{2 * from, 2*(from+chunksAtOnce) - 1}, func(s scanner) error {
				var n int64
				err := s.Scan(&n)
				have[n] = true
				return err
			})
			for n := from; n < from+chunksAtOnce && n <= last && err == nil; n++ {
				if have[2*n] && have[2*n+1] {
					continue
				}
				var rows []chunkRow
				if rows, err = chunkRowsOf(ctx, tx, n); err != nil {
					break
				}
				facts, names := encodeChunk(n, rows)
				_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO columns VALUES (?, ?), (?, ?)", 2*n, facts, 2*n+1, names)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lastChunk returns the number of the last chunk, -1 when there are no entries.
func (c *Catalog) lastChunk(ctx context.Context) (int64, error) {
	var last sql.NullInt64
	if err := c.r.QueryRowContext(ctx, "SELECT max(seq) FROM entries").Scan(&last); err != nil {
		return -1, err
	}
	if !last.Valid {
		return -1, nil
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
	err = eachOf(ctx, q, `SELECT seq, source, volume, drawer, kind, path, name, size, time, class, verdict FROM entries
		WHERE seq BETWEEN ? AND ? ORDER BY seq`, []any{n << chunkBits, (n+1)<<chunkBits - 1}, func(s scanner) error {
		var r chunkRow
		var drawer, kind, class, verdict int
		err := s.Scan(&r.seq, &r.source, &r.volume, &drawer, &kind, &r.path, &r.name, &r.size, &r.time, &class, &verdict)
		r.marks = marksOf(verdict, class, drawer, kind)
		list = append(list, r)
		return err
	})
	return list, err
}

// chunks gives all chunks in order, those that are missing made out of the entries. names says whether their names are
// needed. A chunk is there until fn returns.
func (c *Catalog) chunks(ctx context.Context, names bool, fn func(*chunk) error) error {
	last, err := c.lastChunk(ctx)
	if err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	var made int
	if err := c.r.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'columns'").Scan(&made); err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	text := "SELECT n, data FROM columns WHERE n BETWEEN ? AND ?"
	if !names {
		text += " AND n % 2 = 0"
	}
	blobs := make([][]byte, 2*chunksAtOnce) // their memory is used again
	for from := int64(0); from <= last; from += chunksAtOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range blobs {
			blobs[i] = blobs[i][:0]
		}
		if made > 0 {
			err := eachOf(ctx, c.r, text, []any{2 * from, 2*(from+chunksAtOnce) - 1}, func(s scanner) error {
				var n int64
				var data sql.RawBytes
				err := s.Scan(&n, &data)
				if i := n - 2*from; err == nil && i >= 0 && i < 2*chunksAtOnce {
					blobs[i] = append(blobs[i], data...)
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("recovery: catalogue: %w", err)
			}
		}
		for n := from; n < from+chunksAtOnce && n <= last; n++ {
			facts, text := blobs[2*(n-from)], blobs[2*(n-from)+1]
			if len(facts) == 0 || names && len(text) == 0 {
				rows, err := chunkRowsOf(ctx, c.r, n)
				if err != nil {
					return fmt.Errorf("recovery: catalogue: %w", err)
				}
				facts, text = encodeChunk(n, rows)
			}
			k, err := decodeChunk(n, facts)
			if err == nil && names {
				err = k.takeNames(text)
			}
			if err == nil {
				err = fn(k)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
