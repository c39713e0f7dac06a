package recovery

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"
)

// note writes what became of the jobs into the catalogue, in one transaction.
func (s *saver) note(ctx context.Context, jobs []*job) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	also := map[string][]int64{}
	err := s.c.change(ctx, func(tx *sql.Tx) error {
		for _, j := range jobs {
			if j.state == "" {
				continue
			}
			e := j.e
			e.Save, e.SavedTime = j.state, time.Time{}
			if j.state == Saved {
				e.SavedTime, e.DuplicateOf = now, ""
			} else {
				e.SHA256, e.SavedAs = "", ""
				if err := s.namer.release(ctx, tx, e.ID); err != nil {
					return err
				}
			}
			if e.DuplicateOf != "" && j.state == Skipped && e.Origin == FromContent && len(e.Runs) > 0 {
				also[e.DuplicateOf] = append(also[e.DuplicateOf], e.Runs[0].Physical)
			}
			if err := s.noteOne(ctx, tx, j); err != nil {
				return err
			}
		}
		return s.noteAlso(ctx, tx, also)
	})
	if err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	return nil
}

func (s *saver) noteOne(ctx context.Context, tx *sql.Tx, j *job) error {
	if j.dirty {
		return s.c.putIn(ctx, tx, j.e)
	}
	var sum any
	if raw, err := hex.DecodeString(j.e.SHA256); err == nil && len(raw) > 0 {
		sum = raw
	}
	_, err := tx.ExecContext(ctx, "UPDATE entries SET save = ?, sha256 = ?, saved_time = ?, duplicate_of = '' WHERE id = ?",
		number(saves, j.state), sum, j.e.SavedTime.UnixMilli(), j.e.ID)
	return err
}

// maxAlso bounds the further places that one entry lists. All places stay in the catalogue, each as the
// entry of the duplicate that stands there.
const maxAlso = 1000

// noteAlso adds to saved entries the further places of their content.
func (s *saver) noteAlso(ctx context.Context, tx *sql.Tx, also map[string][]int64) error {
	for id, places := range also {
		_, e, err := scanEntry(tx.QueryRowContext(ctx, "SELECT "+entryColumns+" FROM entries WHERE id = ?", id))
		if err != nil {
			return err
		}
		if len(e.AlsoAt) >= maxAlso {
			continue
		}
		e.AlsoAt = append(e.AlsoAt, places[:min(len(places), maxAlso-len(e.AlsoAt))]...)
		if err := s.c.putIn(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}
