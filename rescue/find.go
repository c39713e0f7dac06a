package rescue

import (
	"context"
	"math"
	"slices"

	"salvor/block/probe"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/recovery"
)

// find says what stands in what on the source, by its tables and by the landmarks of the sweep.
func (j *job) find(ctx context.Context) error {
	j.progress("search", 0, 0, "volumes", 0, -1, "looking for partitions and volumes")
	var failed error
	hits := slices.Collect(j.landmarks(ctx, j.tables.isLandmark(), &failed))
	if failed != nil {
		return failed
	}
	tree, err := j.resolve(ctx, hits)
	if err != nil {
		return err
	}
	j.tree = tree
	for _, v := range tree.Volumes() {
		j.labels[v.Volume] = volumeLabel(v)
	}
	if err := j.cat.PutLayers(ctx, recovery.LayerRows(tree, j.number)); err != nil {
		return err
	}
	j.events.Layers(wire.FromTree(tree, j.number))
	return nil
}

// resolve says what stands in what on the current disk, with numbers of volumes that no other disk of the case has.
// A disk keeps the numbers that it had, unless it shows more volumes now than there is room for.
func (j *job) resolve(ctx context.Context, hits []probe.Hit) (*layers.Layer, error) {
	rows, err := j.cat.Layers(ctx)
	if err != nil {
		return nil, err
	}
	first, next, last := 0, math.MaxInt, 0 // of this disk, the least behind it, and the greatest of all
	for _, r := range rows {
		if r.Source == j.number && r.Volume > 0 && (first == 0 || r.Volume < first) {
			first = r.Volume
		}
	}
	for _, r := range rows {
		if r.Source != j.number && r.Volume > 0 {
			last = max(last, r.Volume)
			if r.Volume > first {
				next = min(next, r.Volume)
			}
		}
	}
	if first == 0 {
		first, next = last+1, math.MaxInt
	}
	disk := layers.Disk{Number: j.number, Name: j.baseName(), Source: j.medium, Volumes: first - 1}
	tree, err := layers.Resolve(ctx, disk, hits, j.tables.Layers)
	if err != nil {
		return nil, err
	}
	if list := tree.Volumes(); len(list) > 0 && list[len(list)-1].Volume >= next {
		disk.Volumes = last
		return layers.Resolve(ctx, disk, hits, j.tables.Layers)
	}
	return tree, nil
}

// volumeLabel returns the name of a volume for people: its own label, else that of its partition, else its
// kind.
func volumeLabel(v *layers.Layer) string {
	partition := ""
	if p := v.Parent; p != nil && p.Kind == "partition" {
		partition = p.Label
	}
	return labelOf(v.Label, partition, v.Kind)
}

func labelOf(own, partition, kind string) string {
	switch {
	case own != "":
		return own
	case partition != "":
		return partition
	}
	return kind
}
