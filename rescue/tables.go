package rescue

import (
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	containerall "salvor/container/all"
	"salvor/filesystem"
	fsall "salvor/filesystem/all"
	"salvor/filetype"
	ftall "salvor/filetype/all"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/layers"
	"salvor/sweep"
	volall "salvor/volume/all"
)

// Tables are all kinds of things that the job knows.
type Tables struct {
	Layers     layers.Tables
	Files      *filetype.Table
	Containers []container.Format
	// Landmarks are the probes of volumes and file systems, Signatures those of files that can be carved.
	Landmarks, Signatures []probe.Probe
	// Firmware are the formats of images that are looked for in dumps, firmwareOf the rows by the IDs of their probes.
	Firmware   []firmware.Format
	firmwareOf map[string]int
	// matcher finds volumes and firmware anywhere and files where sectors begin, anywhere finds files that begin at any byte.
	matcher, anywhere *sweep.Matcher
}

// sectorSize is where file systems begin files, in bytes: at a multiple of it.
const sectorSize = 512

// NewTables joins the tables of all rooms.
func NewTables() (*Tables, error) {
	files, err := ftall.Table()
	if err != nil {
		return nil, fmt.Errorf("rescue: %w", err)
	}
	t := &Tables{Layers: layers.Tables{Schemes: volall.Table(), Stacks: volall.Stacks(), Locks: volall.Locks()}, Files: files, Containers: containerall.Table()}
	t.Layers.Kinds = slices.DeleteFunc(fsall.Table(), func(k filesystem.Kind) bool { return t.Layers.Covers(k.Name) })
	for _, s := range t.Layers.Schemes {
		t.Landmarks = append(t.Landmarks, s.Probes...)
	}
	for _, s := range t.Layers.Stacks {
		t.Landmarks = append(t.Landmarks, s.Probes...)
	}
	for _, l := range t.Layers.Locks {
		t.Landmarks = append(t.Landmarks, l.Probes...)
	}
	for _, k := range t.Layers.Kinds {
		t.Landmarks = append(t.Landmarks, k.Probes...)
	}
	var images []probe.Probe
	t.Firmware, t.firmwareOf = fwall.Table(), map[string]int{}
	for i, f := range t.Firmware {
		for _, p := range f.Probes {
			images, t.firmwareOf[p.ID] = append(images, p), i
		}
	}
	t.Signatures = files.Probes()
	aligned := slices.Clone(t.Signatures)
	for i := range aligned {
		aligned[i].Align = max(aligned[i].Align, sectorSize)
	}
	if t.matcher, err = sweep.NewMatcher(slices.Concat(t.Landmarks, images, aligned)); err != nil {
		return nil, fmt.Errorf("rescue: %w", err)
	}
	if t.anywhere, err = sweep.NewMatcher(t.Signatures); err != nil {
		return nil, fmt.Errorf("rescue: %w", err)
	}
	return t, nil
}

// Decode gives the content of an entry whose file system stores it encoded: see filesystem.Kind.
func (t *Tables) Decode(encoding string, stored block.Source, size int64) (filesystem.Encoded, error) {
	for _, k := range t.Layers.Kinds {
		if k.Decode != nil && strings.HasPrefix(encoding, k.Name+".") {
			return k.Decode(encoding, stored, size)
		}
	}
	return nil, fmt.Errorf("rescue: content is stored as %q, which no file system here knows", encoding)
}

// isLandmark returns the test whether a hit is of a volume or a file system.
func (t *Tables) isLandmark() func(probe.Hit) bool {
	ids := make(map[string]bool, len(t.Landmarks))
	for _, p := range t.Landmarks {
		ids[p.ID] = true
	}
	return func(h probe.Hit) bool { return ids[h.ID] }
}
