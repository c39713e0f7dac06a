package rescue

import (
	"context"

	"salvor/block/probe"
	"salvor/layers"
)

// Trees finds again what stands in what on the copies and images of the case, as far as they were read, by the landmarks
// that the case keeps, and opens what c.Keys open. Nothing is searched and nothing is written: of a volume that no one
// opened before, only that it opens is told. The trees are of use until c is closed.
func (c *Case) Trees(ctx context.Context) ([]*layers.Layer, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	var trees []*layers.Layer
	count := 0
	resolve := func(number int) (*layers.Layer, error) {
		medium, err := c.Medium(ctx, number)
		if err != nil {
			return nil, err
		}
		keep := tables.isLandmark()
		var hits []probe.Hit
		for h, err := range c.Catalog.Landmarks(ctx, number) {
			if err != nil {
				return nil, err
			}
			if keep(h) {
				hits = append(hits, h)
			}
		}
		t, err := layers.Resolve(ctx, layers.Disk{Number: number, Name: sourceName(c.Case, number), Source: medium, Volumes: count}, hits, tables.Layers)
		if err == nil {
			count += len(t.Volumes())
			trees = append(trees, t)
		}
		return t, err
	}
	for _, s := range c.Record().Sources {
		if _, err := resolve(s.Number); err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	roots := trees[:len(trees):len(trees)]
	_, err = layers.Nest(ctx, roots, layers.Nesting{Tables: tables.Layers, Keys: c.Keys, Resolve: func(_ context.Context, v *layers.Volume) (*layers.Layer, error) {
		for _, known := range c.Record().Virtual {
			if known.Key == v.Key {
				t, err := resolve(known.Number)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if err != nil {
					return nil, nil // it stays what it is: not there
				}
				return t, nil
			}
		}
		return nil, nil
	}})
	return trees, err
}
