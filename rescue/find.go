package rescue

import (
	"context"
	"iter"
	"math"
	"slices"

	"salvor/block/probe"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/recovery"
)

// find says what stands in what on the sources, by their tables and by the landmarks of the sweep, and in the volumes
// that come out of them.
func (j *job) find(ctx context.Context) error {
	j.progress("search", 0, 0, "volumes", 0, -1, "looking for partitions and volumes")
	var trees []*layers.Layer
	if err := j.each(ctx, func(ctx context.Context) error {
		var failed error
		hits := slices.Collect(j.landmarks(ctx, j.tables.isLandmark(), &failed))
		if failed != nil {
			return failed
		}
		var err error
		if j.tree, err = j.resolve(ctx, hits); err != nil {
			return err
		}
		trees = append(trees, j.tree)
		return j.putLayers(ctx, j.disk)
	}); err != nil {
		return err
	}
	others, err := j.besides(ctx)
	if err != nil {
		return err
	}
	found, err := layers.Nest(ctx, append(trees, others...), layers.Nesting{Tables: j.tables.Layers, Keys: j.o.Keys, Resolve: j.openVolume})
	if err != nil {
		return err
	}
	for _, v := range found {
		for source, claimed := range v.Claimed {
			if d := j.diskOf(source); d != nil {
				d.claimed = d.claimed.Union(claimed)
			}
		}
	}
	var lines []wire.Layer
	for _, d := range slices.Concat(j.others, j.disks) {
		if d.tree == nil {
			continue
		}
		d.tree.Walk(func(l *layers.Layer, _ int) bool {
			if l.State == layers.Locked && !l.Rival && l.Lock != nil && l.Lock.Valid && !l.Lock.Backup {
				d.claimed.Add(l.Extent) // ciphertext gives no files, only chance likenesses
			}
			return true
		})
		lines = append(lines, wire.FromTree(d.tree, d.number)...)
		for _, v := range d.tree.Volumes() {
			j.labels[v.Volume] = volumeLabel(v)
		}
		if err := j.putLayers(ctx, d); err != nil {
			return err
		}
	}
	j.events.Layers(lines)
	return nil
}

// putLayers keeps the layers of a disk, by which the next one gets the numbers of its volumes.
func (j *job) putLayers(ctx context.Context, d *disk) error {
	if d.virtual != nil && d.virtual.less {
		return nil // what the catalogue has is more
	}
	return j.cat.PutLayers(ctx, recovery.LayerRows(d.tree, d.number))
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

// volumeLabel returns the name of a volume for people: its own label, else that of what is around it, else its kind.
func volumeLabel(v *layers.Layer) string {
	return labelOf(v.Label, v.Kind, func(yield func(kind, label string) bool) {
		for p := v.Parent; p != nil && yield(p.Kind, p.Label); p = p.Parent {
		}
	})
}

// naming are the kinds of layers whose labels are names for what stands in them.
var naming = map[string]bool{"partition": true, "lv": true, "md": true, "plain": true, "luks": true, "bitlocker": true, "lvm": true}

func labelOf(own, kind string, around iter.Seq2[string, string]) string {
	if own != "" {
		return own
	}
	for k, label := range around {
		if label != "" && naming[k] {
			return label
		}
	}
	return kind
}
