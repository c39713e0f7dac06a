package rescue

import (
	"encoding/binary"

	"salvor/cursor"
	"salvor/layers"
	"salvor/mend"
)

// tablePatches says what the tables of the disk should be: a broken copy of a GPT by the other one.
func (m *mendable) tablePatches() (mend.List, error) {
	for _, l := range m.tree.Children {
		if l.Kind != "gpt" || l.Rival || l.State != layers.Good {
			continue
		}
		head, err := cursor.Read(m.source, "GPT header", l.Extent.Offset, 92, 92)
		if err != nil {
			continue
		}
		own := binary.LittleEndian.Uint64(head[24:])
		for _, sector := range []int64{512, 4096, 1024, 2048} {
			if own != uint64(l.Extent.Offset/sector) || l.Extent.Offset%sector != 0 {
				continue
			}
			list, err := mend.RestoreGPT(m.source, l.Extent.Offset, sector)
			if _, broken := cursor.IsCorrupt(err); broken {
				list.Note("The partition table at %d cannot be copied: %v.", l.Extent.Offset, err)
				err = nil
			}
			return list, err
		}
	}
	return mend.List{}, nil
}
