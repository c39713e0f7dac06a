package recovery

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"salvor/cursor"
)

// TestNumberThatNoCatalogueGives holds that a listing of a catalogue with an entry of a number beyond all reason ends.
func TestNumberThatNoCatalogueGives(t *testing.T) {
	for _, number := range []int64{1 << 62, 1 << 40} {
		c, err := OpenCatalog(filepath.Join(t.TempDir(), "catalog.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Put(t.Context(), &Entry{ID: "v1/i1", Source: 1, Volume: 1, Path: "a", Name: "a"}); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", c.Path())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE entries SET seq = ?", number); err != nil {
			t.Fatal(err)
		}
		db.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var corrupt *cursor.CorruptError
		for name, do := range map[string]func() error{
			"a page":   func() error { _, err := c.List(ctx, Listing{Limit: 10}); return err },
			"a count":  func() error { _, err := c.Tally(ctx, Query{}); return err },
			"lacking":  func() error { _, err := c.Lacking(ctx); return err },
			"columns":  func() error { return c.MakeColumns(ctx) },
			"an aside": func() error { _, err := c.MakeAside(ctx, nil, nil); return err },
		} {
			if err := do(); !errors.As(err, &corrupt) {
				t.Errorf("%d: %s: %v", number, name, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
