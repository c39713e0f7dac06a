package recovery

import (
	"context"
	"database/sql"
	"fmt"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
)

// Attribution says which bytes of a source belong to files beyond doubt.
type Attribution struct {
	// Owned are the bytes of live files whose metadata is sound, which no other live file claims, and whose
	// content is at least Consistent.
	Owned block.Set
	// Skip are the bytes inside which the carver need not look for headers: Owned, and the bytes of Proven
	// files in any state, without those that no check covers.
	Skip block.Set
}

// claimBatch is how many runs are sorted at once.
const claimBatch = 64 << 10

// Attribute finds out which bytes of a source are owned, and marks the entries that own theirs. It is called
// when the files of all volumes of the source were put, before carving. Memory is bounded by the number of
// separate pieces of the source that files claim, 16 bytes each.
func Attribute(ctx context.Context, c *Catalog, source int) (Attribution, error) {
	contested, err := contestedBytes(ctx, c, source)
	if err != nil {
		return Attribution{}, err
	}
	var a Attribution
	var owned, proven []block.Extent
	gather := func(least int) {
		if len(owned) >= least {
			a.Owned, owned = a.Owned.Union(block.SetOf(owned...)), owned[:0]
		}
		if len(proven) >= least {
			a.Skip, proven = a.Skip.Union(block.SetOf(proven...)), proven[:0]
		}
	}
	marks := map[string]bool{}
	q := Query{Sources: []int{source}, Drawers: []string{"files", "deleted", "older"}, Verdicts: []filetype.Verdict{filetype.Consistent, filetype.Proven}}
	for e, err := range c.Select(ctx, q) {
		if err != nil {
			return Attribution{}, err
		}
		isOwned := owns(e, contested)
		if isOwned {
			for _, r := range e.places() {
				owned = append(owned, r.PhysicalExtent())
			}
		}
		if e.Verdict == filetype.Proven && e.Encoding != "" {
			for _, r := range e.Stored {
				proven = append(proven, r.PhysicalExtent())
			}
		} else if e.Verdict == filetype.Proven {
			for _, r := range e.Runs {
				for checked := range e.Uncovered.Complement(r.LogicalExtent()).All() {
					for _, part := range block.Slice([]block.Run{r}, checked) {
						proven = append(proven, part.PhysicalExtent())
					}
				}
			}
		}
		gather(claimBatch)
		if isOwned != e.Owned {
			marks[e.ID] = isOwned
		}
		if len(marks) >= claimBatch {
			if err := c.markOwned(ctx, marks); err != nil {
				return Attribution{}, err
			}
			clear(marks)
		}
	}
	if err := c.markOwned(ctx, marks); err != nil {
		return Attribution{}, err
	}
	gather(1)
	a.Skip = a.Skip.Union(a.Owned)
	return a, nil
}

// owns reports whether e, which is at least Consistent, has its bytes to itself.
func owns(e *Entry, contested block.Set) bool {
	if !e.Sound || e.State != filesystem.Live {
		return false
	}
	stands := false
	for _, r := range e.places() {
		switch {
		case r.Kind == block.Zero:
		case r.Kind != block.Data, contested.Overlaps(r.PhysicalExtent()):
			return false
		default:
			stands = true
		}
	}
	return stands
}

// contestedSQL gives a page of the live files with a place, each set of names of one inode once. Its pages
// follow seq: a sign before a column keeps SQLite from sorting all rows of an index for each.
const contestedSQL = `SELECT seq, id, size, data FROM entries e WHERE seq > ? AND +source = ? AND origin = 0 AND state = 0
	AND +first >= 0 AND NOT EXISTS (SELECT 1 FROM entries o INDEXED BY entries_first WHERE o.source = e.source AND o.first = e.first AND
		o.place = e.place AND o.size = e.size AND o.volume = e.volume AND o.origin = 0 AND o.state = 0 AND o.seq < e.seq)
	ORDER BY seq LIMIT ?`

// contestedBytes returns what more than one live file of the source claims. Several names of one inode are
// one claim: they have the very same runs.
func contestedBytes(ctx context.Context, c *Catalog, source int) (block.Set, error) {
	var claims block.Claims
	for after := int64(-1); ; {
		n := 0
		err := c.each(ctx, contestedSQL, []any{after, source, pageSize}, func(s scanner) error {
			n++
			e := &Entry{}
			var data []byte
			if err := s.Scan(&after, &e.ID, &e.Size, &data); err != nil {
				return err
			}
			if err := decodeEntry(data, e); err != nil {
				return err
			}
			for _, r := range e.places() {
				if r.Kind.Stands() {
					claims.Add(r.PhysicalExtent())
				}
			}
			return nil
		})
		if err != nil {
			return block.Set{}, err
		}
		if n < pageSize {
			return claims.Shared(), nil
		}
	}
}

// markOwned notes which entries own their bytes.
func (c *Catalog) markOwned(ctx context.Context, marks map[string]bool) error {
	if len(marks) == 0 {
		return nil
	}
	err := c.change(ctx, func(tx *sql.Tx) error {
		set, err := tx.PrepareContext(ctx, "UPDATE entries SET flags = (flags & ~2) | ? WHERE id = ?")
		if err != nil {
			return err
		}
		defer set.Close()
		for id, owned := range marks {
			if _, err := set.ExecContext(ctx, int64(bit(owned, 1)), id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	return nil
}
