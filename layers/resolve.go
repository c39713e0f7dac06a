package layers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/volume"
)

// Tables are the schemes, sets, encrypted volumes and file systems that are known.
type Tables struct {
	Schemes []volume.Scheme
	Stacks  []volume.Stack // lower ones first: what stands on another stack comes behind it
	Locks   []volume.Lock
	Kinds   []filesystem.Kind
}

// Disk is a medium.
type Disk struct {
	Number int    // from 1
	Name   string // shown as its label
	Source block.Source
	// Volumes is how many volumes the disks before this one have in the same case: numbers go on behind it.
	Volumes int
}

// Resolve says what stands in what on disk. Landmarks are the places on disk.Source where a probe of t
// matched, in any order and any number; without them the usual places are looked at, and volumes that no
// table names and that do not begin where the medium does are not found. The error is that of ctx.
func Resolve(ctx context.Context, disk Disk, landmarks []probe.Hit, t Tables) (*Layer, error) {
	r := &resolver{
		src: disk.Source, size: disk.Source.Size(), tables: t, before: disk.Volumes,
		root: &Layer{
			ID: fmt.Sprintf("d%d", disk.Number), Kind: "disk", Extent: block.Extent{Length: disk.Source.Size()},
			Label: disk.Name, State: Good, Score: 100, Source: disk.Source,
		},
		starts: map[int64]int64{}, looked: map[block.Extent]bool{}, tried: map[int64]bool{},
	}
	r.landmarks(landmarks)
	claims := func(ctx context.Context) error { return r.claims(ctx, landmarks) }
	steps := []func(context.Context) error{r.readTables, r.findVolumes, claims, r.nested, r.accept, r.build}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.root.Walk(func(l *Layer, _ int) bool {
		l.Medium = disk.Number
		return true
	})
	return r.root, nil
}

// resolver holds the claims while they are weighed.
type resolver struct {
	src    block.Source
	size   int64
	tables Tables
	root   *Layer
	before int // volumes of other disks

	hits    [][]probe.Hit // of each kind, by index in tables.Kinds
	schemes [][]probe.Hit // of each scheme

	tabs     []*table
	chosen   *table          // of the disk itself, nil when there is none
	starts   map[int64]int64 // where a table says that a partition begins, and its length
	looked   map[block.Extent]bool
	tried    map[int64]bool // starts at which every kind was asked to open
	volumes  []*candidate
	accepted []*candidate
	rivals   []*candidate

	insideTables, inside, dropped, unopened int
}

func (r *resolver) add(f finding.Finding) { r.root.Findings = append(r.root.Findings, f) }

// landmarks sorts the landmarks by whose they are, in order of their places, each once.
func (r *resolver) landmarks(hits []probe.Hit) {
	r.hits = make([][]probe.Hit, len(r.tables.Kinds))
	r.schemes = make([][]probe.Hit, len(r.tables.Schemes))
	kinds, schemes := map[string]int{}, map[string]int{}
	for i, k := range r.tables.Kinds {
		for _, p := range k.Probes {
			kinds[p.ID] = i
		}
	}
	for i, s := range r.tables.Schemes {
		for _, p := range s.Probes {
			schemes[p.ID] = i
		}
	}
	for _, h := range hits {
		if i, ok := kinds[h.ID]; ok {
			r.hits[i] = append(r.hits[i], h)
		} else if i, ok := schemes[h.ID]; ok {
			r.schemes[i] = append(r.schemes[i], h)
		}
	}
	for _, list := range [][][]probe.Hit{r.hits, r.schemes} {
		for i := range list {
			list[i] = unique(list[i])
		}
	}
}

// unique sorts hits by place and removes doubles.
func unique(hits []probe.Hit) []probe.Hit {
	slices.SortFunc(hits, func(a, b probe.Hit) int {
		switch {
		case a.Offset != b.Offset:
			return cmpInt(a.Offset, b.Offset)
		case a.ID < b.ID:
			return -1
		case a.ID > b.ID:
			return 1
		}
		return 0
	})
	return slices.Compact(hits)
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// findVolumes turns what is known so far into candidates and opens them.
func (r *resolver) findVolumes(ctx context.Context) error {
	if _, err := cursor.Read(r.src, "first sector", 0, min(512, r.size), 512); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.add(firstUnreadable.New(finding.At(0, 512), finding.Expected(nil, err)))
	}
	starts := map[int64]int64{0: r.size}
	maps.Copy(starts, r.starts)
	return r.search(ctx, starts, true)
}

// search looks at starts, and at all landmarks when all is set, and opens the candidates that are new.
func (r *resolver) search(ctx context.Context, starts map[int64]int64, all bool) error {
	found, err := r.look(ctx, starts)
	if err != nil {
		return err
	}
	for i := range r.hits {
		hits := found[i]
		if all {
			hits = append(hits, r.hits[i]...)
		}
		if err := r.locate(ctx, i, unique(hits), starts); err != nil {
			return err
		}
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	return r.openBare(ctx, starts)
}
