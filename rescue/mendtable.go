package rescue

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/layers"
	"salvor/mend"
)

// tablePatches says what the tables of the disk should be: a broken copy of a GPT by the other one, and a table that is
// gone, or fails its checks, by what is left of it and by the volumes that were found.
func (m *mendable) tablePatches() (mend.List, error) {
	for _, l := range m.tree.Children {
		if l.Table == nil || l.Rival || !l.Table.Valid || len(l.Table.Entries) == 0 {
			continue
		}
		if l.Table.Scheme == "gpt" {
			list, err := m.otherCopy(l)
			return list, err
		}
		if p := layers.Partition(m.tree, ""); p.Scheme == l.Table.Scheme {
			return mend.List{}, nil // it holds; what it does not name is for `salvor table` to show
		}
	}
	return m.newTable(layers.Partition(m.tree, ""))
}

// otherCopy gives the other copy of a GPT back from the one that holds.
func (m *mendable) otherCopy(l *layers.Layer) (mend.List, error) {
	list, err := mend.RestoreGPT(m.source, l.Table.Offset, l.Table.SectorSize)
	if _, broken := cursor.IsCorrupt(err); broken {
		list.Note("The partition table at %d cannot be copied: %v.", l.Table.Offset, err)
		err = nil
	}
	return list, err
}

// newTable writes a table that was put together, unless its partitions contradict each other.
func (m *mendable) newTable(p *layers.Partitioning) (mend.List, error) {
	var list mend.List
	if len(p.Slots) == 0 {
		return list, nil
	}
	t := mend.Table{Size: p.Size, SectorSize: p.SectorSize, UUID: p.UUID}
	var reasons []string
	for _, s := range p.Slots {
		if s.Container {
			continue
		}
		if s.Score < layers.AcceptScore {
			list.Note("Partition %d at %d is left out of the table: too little speaks for it (%d of 100).", s.Number, s.Extent.Offset, s.Score)
			continue
		}
		t.Partitions = append(t.Partitions, mend.Partition{Number: s.Number, Extent: s.Extent, Type: s.Type, UUID: s.UUID, Name: s.Name, Attributes: s.Flags, Active: s.Active})
		if len(s.Evidence) > 0 {
			reasons = append(reasons, fmt.Sprintf("partition %d: %s", s.Number, s.Evidence[0]))
		}
	}
	var structures []mend.Structure
	var err error
	switch p.Scheme {
	case "gpt":
		structures, err = mend.GPT(t)
	case "mbr":
		old := make([]byte, 512)
		if n, readErr := block.Filled(m.source).ReadAt(old, 0); n < len(old) {
			return list, fmt.Errorf("rescue: %w", readErr)
		}
		structures, err = mend.MBR(t, old)
	default:
		list.Note("A table of the scheme %s is not written; `salvor table` shows what it should be.", p.Scheme)
		return list, nil
	}
	if err != nil {
		list.Note("No partition table is written: %v. `salvor table` shows what is known of it.", err)
		return list, nil
	}
	changed := false
	for _, s := range structures {
		before := len(list.Patches)
		if err := list.Add(m.source, s.Name, s.Offset, s.Data, append(reasons, p.Evidence...)...); err != nil {
			return list, err
		}
		changed = changed || len(list.Patches) > before
	}
	if changed {
		for _, d := range p.Doubts {
			list.Note("Partition table: %s.", d)
		}
		list.Note("The partition table is put together from what was found: look through it with `salvor table` first; sizes are those of the volumes where nothing else tells them.")
	}
	return list, nil
}
