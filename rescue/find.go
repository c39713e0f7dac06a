package rescue

import (
	"context"
	"slices"

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
	tree, err := layers.Resolve(ctx, layers.Disk{Number: sourceNumber, Name: j.baseName(), Source: j.medium}, hits, j.tables.Layers)
	if err != nil {
		return err
	}
	j.tree = tree
	for _, v := range tree.Volumes() {
		j.labels[v.Volume] = volumeLabel(v)
	}
	if err := j.cat.PutLayers(ctx, recovery.LayerRows(tree, sourceNumber)); err != nil {
		return err
	}
	j.events.Layers(wire.FromTree(tree, sourceNumber))
	return nil
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
