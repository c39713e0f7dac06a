package recovery

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/layers"
)

// LayerRow is a layer as the catalogue keeps it.
type LayerRow struct {
	Source   int // number of the source in the case, from 1
	Depth    int // 0 for the disk
	ID       string
	Parent   string // ID of the layer around it, "" for the disk
	Kind     string
	Extent   block.Extent // on the medium, bytes
	Label    string       // hostile text
	UUID     string
	State    layers.State
	Score    int
	Rival    bool
	Readable bool
	Volume   int
	Findings []finding.Finding
	// Detail, Set and Members are those of [layers.Layer].
	Detail  string
	Set     string
	Members []string
}

// LayerRows returns the layers of tree, which stands on the given source, parents first.
func LayerRows(tree *layers.Layer, source int) []LayerRow {
	var rows []LayerRow
	if tree == nil {
		return nil
	}
	tree.Walk(func(l *layers.Layer, depth int) bool {
		r := LayerRow{Source: source, Depth: depth, ID: l.ID, Kind: l.Kind, Extent: l.Extent, Label: l.Label,
			UUID: l.UUID, State: l.State, Score: l.Score, Rival: l.Rival, Readable: l.Readable, Volume: l.Volume,
			Findings: l.Findings, Detail: l.Detail, Set: l.Set, Members: l.Members}
		if l.Parent != nil {
			r.Parent = l.Parent.ID
		}
		rows = append(rows, r)
		return true
	})
	return rows
}

// PutLayers replaces the layers of every source that rows name, keeping the order of rows.
func (c *Catalog) PutLayers(ctx context.Context, rows []LayerRow) error {
	return c.note(ctx, "layers", func(tx *sql.Tx) error {
		seen := map[int]bool{}
		for i, r := range rows {
			if !seen[r.Source] {
				seen[r.Source] = true
				if _, err := tx.ExecContext(ctx, "DELETE FROM layers WHERE source = ?", r.Source); err != nil {
					return err
				}
			}
			e := encoder{}
			e.uint(codecVersion)
			e.int(int64(r.Depth))
			for _, s := range []string{r.ID, r.Parent, r.Kind, r.Label, r.UUID, string(r.State)} {
				e.string(s)
			}
			e.int(r.Extent.Offset)
			e.int(r.Extent.Length)
			e.int(int64(r.Score))
			e.int(int64(r.Volume))
			e.uint(bit(r.Rival, 0) | bit(r.Readable, 1))
			e.findings(r.Findings)
			e.string(r.Detail)
			e.string(r.Set)
			e.uint(uint64(len(r.Members)))
			for _, m := range r.Members {
				e.string(m)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO layers VALUES (?, ?, ?)", r.Source, i, e.b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Layers returns the layers of all sources, each source's in the order in which they were put.
func (c *Catalog) Layers(ctx context.Context) ([]LayerRow, error) {
	var list []LayerRow
	err := c.each(ctx, "SELECT source, data FROM layers ORDER BY source, n", nil, func(s scanner) error {
		var r LayerRow
		var data []byte
		if err := s.Scan(&r.Source, &data); err != nil {
			return err
		}
		d := &decoder{b: data}
		if v := d.uint(); v != codecVersion {
			return cursor.Corrupt("catalogue: layer", -1, codecVersion, v)
		}
		r.Depth = int(d.int())
		var state string
		for _, p := range []*string{&r.ID, &r.Parent, &r.Kind, &r.Label, &r.UUID, &state} {
			*p = d.string()
		}
		r.State = layers.State(state)
		r.Extent = block.Extent{Offset: d.int(), Length: d.int()}
		r.Score, r.Volume = int(d.int()), int(d.int())
		flags := d.uint()
		r.Rival, r.Readable = flags&1 != 0, flags&2 != 0
		r.Findings = d.findings()
		if len(r.Findings) == 0 {
			r.Findings = nil
		}
		if len(d.b) > 0 { // earlier versions end here
			r.Detail, r.Set = d.string(), d.string()
			for range d.count(1) {
				r.Members = append(r.Members, d.string())
			}
		}
		if d.bad {
			return cursor.Corrupt("catalogue: layer "+r.ID, -1, "a whole record", "one that ends early")
		}
		list = append(list, r)
		return nil
	})
	return list, err
}

// PutLandmarks adds the places at which probes matched on a source. A place that is known already is
// left as it is.
func (c *Catalog) PutLandmarks(ctx context.Context, source int, hits []probe.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	return c.note(ctx, "landmarks", func(tx *sql.Tx) error {
		ids := map[string]int64{}
		insert, err := tx.PrepareContext(ctx, "INSERT OR IGNORE INTO landmarks VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, h := range hits {
			n, ok := ids[h.ID]
			if !ok {
				if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO probes (id) VALUES (?)", h.ID); err != nil {
					return err
				}
				if err := tx.QueryRowContext(ctx, "SELECT n FROM probes WHERE id = ?", h.ID).Scan(&n); err != nil {
					return err
				}
				ids[h.ID] = n
			}
			if _, err := insert.ExecContext(ctx, source, h.Offset, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// Landmarks yields the landmarks of a source by ascending offset, page by page. An error ends the sequence.
func (c *Catalog) Landmarks(ctx context.Context, source int) iter.Seq2[probe.Hit, error] {
	return func(yield func(probe.Hit, error) bool) {
		const size = 4096
		names := map[int64]string{}
		err := c.each(ctx, "SELECT n, id FROM probes", nil, func(s scanner) error {
			var n int64
			var id string
			err := s.Scan(&n, &id)
			names[n] = id
			return err
		})
		if err != nil {
			yield(probe.Hit{}, err)
			return
		}
		type mark struct{ offset, probe int64 }
		var last mark
		for text, args := "SELECT offset, probe FROM landmarks WHERE source = ? ORDER BY offset, probe LIMIT ?", []any{source, size}; ; {
			var page []mark
			err := c.each(ctx, text, args, func(s scanner) error {
				var m mark
				err := s.Scan(&m.offset, &m.probe)
				page = append(page, m)
				return err
			})
			if err != nil {
				yield(probe.Hit{}, err)
				return
			}
			for _, m := range page {
				name, ok := names[m.probe]
				if !ok { // a probe that a writer added meanwhile
					row := c.r.QueryRowContext(ctx, "SELECT id FROM probes WHERE n = ?", m.probe)
					if err := row.Scan(&name); err != nil {
						yield(probe.Hit{}, fmt.Errorf("recovery: catalogue: landmarks: %w", err))
						return
					}
					names[m.probe] = name
				}
				if !yield(probe.Hit{ID: name, Offset: m.offset}, nil) {
					return
				}
				last = m
			}
			if len(page) < size {
				return
			}
			text = "SELECT offset, probe FROM landmarks WHERE source = ? AND (offset, probe) > (?, ?) ORDER BY offset, probe LIMIT ?"
			args = []any{source, last.offset, last.probe, size}
		}
	}
}

// PutFindings replaces the findings of a scope, which is any name: "source 1", a step, a layer's ID.
func (c *Catalog) PutFindings(ctx context.Context, scope string, list []finding.Finding) error {
	return c.note(ctx, "findings", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM findings WHERE scope = ?", scope); err != nil {
			return err
		}
		for i := range list {
			e := encoder{}
			e.findings(list[i : i+1])
			if _, err := tx.ExecContext(ctx, "INSERT INTO findings VALUES (?, ?, ?)", scope, i, e.b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Findings returns the findings of a scope in their order.
func (c *Catalog) Findings(ctx context.Context, scope string) ([]finding.Finding, error) {
	var list []finding.Finding
	err := c.each(ctx, "SELECT data FROM findings WHERE scope = ? ORDER BY n", []any{scope}, func(s scanner) error {
		var data []byte
		if err := s.Scan(&data); err != nil {
			return err
		}
		d := &decoder{b: data}
		one := d.findings()
		if d.bad {
			return cursor.Corrupt("catalogue: finding of "+scope, -1, "a whole record", "one that ends early")
		}
		list = append(list, one...)
		return nil
	})
	return list, err
}

// FindingScopes returns the scopes that have findings, in order of their names.
func (c *Catalog) FindingScopes(ctx context.Context) ([]string, error) {
	var list []string
	err := c.each(ctx, "SELECT DISTINCT scope FROM findings ORDER BY scope", nil, func(s scanner) error {
		var scope string
		err := s.Scan(&scope)
		list = append(list, scope)
		return err
	})
	return list, err
}

// Done reports whether the step of the main job with this name was done.
func (c *Catalog) Done(ctx context.Context, step string) (bool, error) {
	done := false
	err := c.each(ctx, "SELECT 1 FROM steps WHERE step = ?", []any{step}, func(scanner) error {
		done = true
		return nil
	})
	return done, err
}

// SetDone notes that a step was done. What the step put before is on disk when SetDone returns.
func (c *Catalog) SetDone(ctx context.Context, step string) error {
	return c.note(ctx, "steps", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO steps VALUES (?, ?)", step, time.Now().UnixMilli())
		return err
	})
}

// ClearStep takes back what SetDone noted, so that the steps are done again.
func (c *Catalog) ClearStep(ctx context.Context, steps ...string) error {
	return c.note(ctx, "steps", func(tx *sql.Tx) error {
		for _, s := range steps {
			if _, err := tx.ExecContext(ctx, "DELETE FROM steps WHERE step = ?", s); err != nil {
				return err
			}
		}
		return nil
	})
}

// note runs fn in a transaction and names what it was about in its error.
func (c *Catalog) note(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	if err := c.change(ctx, fn); err != nil {
		return fmt.Errorf("recovery: catalogue: %s: %w", what, err)
	}
	return nil
}

// each calls fn for every row of a query.
func (c *Catalog) each(ctx context.Context, text string, args []any, fn func(scanner) error) error {
	rows, err := c.r.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return fmt.Errorf("recovery: catalogue: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	return nil
}
