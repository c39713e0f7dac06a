// Package volume says what a reader of partition tables is: a [Scheme] in a table, which reads [Table]s with
// [Entry]s from a medium. Each scheme has a folder of its own below this one.
//
// A scheme returns what it finds, broken copies included, with evidence; it never judges one table against
// another and never drops an entry that contradicts another: that is for layers.
package volume

import (
	"context"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// Scheme is one row of the table of partitioning schemes.
type Scheme struct {
	Name string // lower case: "gpt", "mbr"
	// Probes find the scheme's structures. Each ID begins with Name and a dot.
	Probes []probe.Probe
	// Read returns every table that the scheme finds on src: at its usual places, and at the landmarks
	// (offsets on src where a probe of the scheme matched), which may be empty. A medium without such a
	// table gives none and no error. Errors are those of the context only; what cannot be read or is broken
	// is a finding of the table.
	Read func(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]Table, error)
}

// Table is one copy of a partition table.
type Table struct {
	Scheme     string
	Copy       string // "primary", "backup", or "" where the scheme has one copy only
	Offset     int64  // of the structure on the source, bytes
	SectorSize int64  // bytes; what the table's numbers count
	UUID       string // of the disk, "" where there is none
	// Valid says that all checks that the scheme has for this copy passed.
	Valid bool
	// MediaSize is the size of the medium by the table's own word, in bytes; 0 when it does not say.
	MediaSize int64
	Entries   []Entry
	Findings  []finding.Finding
}

// Entry is a partition by the table's word.
type Entry struct {
	Number   int          // as the scheme counts; partition 1 is 1
	Extent   block.Extent // on the source; may reach behind its end
	Type     string       // the type's code: GUID in upper case, or "0x83"
	TypeName string       // "Linux filesystem"; "" when unknown
	Name     string       // the entry's own name, "" where it has none
	UUID     string
	Active   bool // marked bootable
	// Container says that the entry only holds other entries (an extended partition, a slice for the whole disk).
	Container bool
	// Runs say where the pieces of a partition of several pieces stand on the source; Extent is then the first of
	// them, with the length of all. Nil for a partition in one piece.
	Runs []block.Run
	// Flags are the attribute bits as the scheme stores them; Notes say for people what those mean that a device
	// acts on: "priority 2, tries 0, booted".
	Flags    uint64
	Notes    []string
	Findings []finding.Finding
}
