package recovery

import (
	"context"
	"encoding/hex"
	"fmt"
)

// maxSame is how many of each kind [Catalog.Same] gives.
const maxSame = 50

// sameSumSQL and sameRunsSQL give the entries with the same hash, and those that stand on the very same bytes.
const (
	sameSumSQL  = "SELECT " + entryColumns + " FROM entries WHERE sha256 = ? AND id <> ? ORDER BY seq LIMIT ?"
	sameRunsSQL = "SELECT " + entryColumns + ` FROM entries WHERE source = ? AND first = ? AND +place = ? AND +size = ? AND first >= 0 AND id <> ?
		ORDER BY seq LIMIT ?`
)

// Same returns other files with the content of e: those that stand on the same bytes, those that were saved with the same
// hash, and the one that e is a duplicate of. Of many it returns the first ones.
func (c *Catalog) Same(ctx context.Context, e *Entry) (list []*Entry, err error) {
	known := map[string]bool{e.ID: true}
	add := func(s scanner) error {
		_, o, err := scanEntry(s)
		if err == nil && !known[o.ID] {
			known[o.ID] = true
			list = append(list, o)
		}
		return err
	}
	if e.DuplicateOf != "" {
		err = c.each(ctx, "SELECT "+entryColumns+" FROM entries WHERE id = ?", []any{e.DuplicateOf}, add)
	}
	if first, place := e.place(); err == nil && first >= 0 {
		err = c.each(ctx, sameRunsSQL, []any{e.Source, first, place, e.Size, e.ID, maxSame}, add)
	}
	if sum, bad := hex.DecodeString(e.SHA256); err == nil && bad == nil && len(sum) > 0 {
		err = c.each(ctx, sameSumSQL, []any{sum, e.ID, maxSame}, add)
	}
	if err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return list, nil
}
