package layers

import (
	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/volume"
)

// State says in what condition a layer is.
type State string

// The states of a layer.
const (
	Good    State = "good"
	Damaged State = "damaged"
	Missing State = "missing"
	Locked  State = "locked"
)

// Layer is a node in the tree of what stands in what: the disk, its table, its partitions, the file systems
// in them.
type Layer struct {
	// ID is stable for the same medium and the same findings: "d1" for the first disk, "v2" for the second
	// volume by offset, "d1.gpt" for a table.
	ID     string
	Parent *Layer
	// Kind is "disk", a scheme ("gpt"), "partition", a file system ("ext4"), "free" for a gap that no entry
	// covers, or another recognised kind ("luks", "swap").
	Kind string
	// Row is the name of a volume's row in the table of file systems ("ext"); "" for what is none.
	Row    string
	Extent block.Extent // on the medium, bytes
	Label  string       // the name that the layer gives itself, hostile text
	UUID   string
	State  State
	// Score is 0 to 100: how well the evidence carries this reading. A layer that the tree accepts has at
	// least AcceptScore.
	Score int
	// Rival says that a better reading of the same bytes was accepted; it is shown, and not read.
	Rival bool
	// Readable says that the files of this layer can be read; when it is false and Kind is a volume's, only
	// carving gets files from it, without names.
	Readable bool
	// Volume is the number of the volume, from 1 by offset; 0 for layers that are no volume.
	Volume   int
	Children []*Layer
	Findings []finding.Finding

	// Medium is the number of the source that Extent counts on. That of the first layer of an assembled or
	// decrypted volume is another one than that of its Parent, which does not have it among its Children: see Nest.
	Medium int
	// Detail says more of what the layer is, for people: "RAID 5, left-symmetric, 64 KiB chunks".
	Detail string
	// Set is the ID of the layer that this one is a member of; "" for what is no member, or of nothing that is there.
	Set string
	// Members are the IDs of the layers that this one was put together of.
	Members []string
	// Member and Lock are what a stack or a lock reads here; nil for all else.
	Member *volume.Member
	Lock   *volume.Locked

	// Table is what a layer of a table was read from, with places on the medium; Entry is the entry of a partition. Both
	// are nil for all else.
	Table *volume.Table
	Entry *volume.Entry

	// Source reads the layer's bytes; its origin leads to the medium. Nil for tables.
	Source block.Source
	// FS is the opened file system; nil when there is none or it is not readable.
	FS filesystem.FileSystem
}

// AcceptScore is the least score with which a layer is accepted into the tree by itself.
const AcceptScore = 50

// Walk calls visit for l and everything below it, parents first, until visit returns false.
func (l *Layer) Walk(visit func(l *Layer, depth int) bool) { l.walk(visit, 0) }

func (l *Layer) walk(visit func(*Layer, int) bool, depth int) bool {
	if !visit(l, depth) {
		return false
	}
	for _, c := range l.Children {
		if !c.walk(visit, depth+1) {
			return false
		}
	}
	return true
}

// Volumes returns the accepted volumes in order of their numbers.
func (l *Layer) Volumes() []*Layer {
	var out []*Layer
	l.Walk(func(n *Layer, _ int) bool {
		if n.Volume > 0 && !n.Rival {
			out = append(out, n)
		}
		return true
	})
	return out
}
