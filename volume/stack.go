package volume

import (
	"context"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// Stack is one row of the table of what makes volumes out of members: RAID sets, volume groups.
//
// A stack reads what its members say of themselves and puts them together. It never decides which of two claims
// on the same bytes is right: that is for layers.
type Stack struct {
	Name string // lower case: "md", "lvm"
	// Probes find the labels and superblocks of members. Each ID begins with Name and a dot.
	Probes []probe.Probe
	// Members returns every member that src holds: at the usual places, and at the landmarks (offsets on src
	// where a probe of the stack matched), which may be empty. Errors are those of the context only; what cannot
	// be read or is broken is a finding of the member.
	Members func(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]Member, error)
	// Assemble puts members together, which are of any sets, on any media and in any order. Each set comes out
	// once. A set that lacks members comes out with what can be read of it, or with volumes without a source.
	Assemble func(ctx context.Context, members []Member) ([]Set, error)
}

// Member is a part of a set, by its own word.
type Member struct {
	Stack  string // the stack's name
	Format string // "md 1.2", "LVM2"
	Set    string // UUID of the set, in the form that the maker's tools print
	ID     string // UUID of the member
	Label  string // the name of the set, hostile text
	Role   string // for people: "disk 2 of 4", "spare", "physical volume pv1"
	Header int64  // where its label or superblock stands on the source it was found on, bytes
	// Extent is all that the member covers on that source, its metadata included.
	Extent block.Extent
	// Source reads Extent: offset 0 is Extent.Offset.
	Source block.Source
	Valid  bool // all checks of its metadata passed
	// Backup says that it was read from a copy, an older version or the second place of its metadata.
	Backup   bool
	Findings []finding.Finding
	// Detail is the stack's own.
	Detail any
}

// Set is what members were put together to.
type Set struct {
	Stack string
	UUID  string
	Label string
	Level string // for people: "RAID 5, left-symmetric, 64 KiB chunks", "volume group"
	// Members are those of the arguments of Assemble, by index, which the set uses.
	Members []int
	// Stale are those which belong to the set and are not used, since others know of later events.
	Stale []int
	// Missing names the members that are nowhere: role and UUID, as far as the others tell.
	Missing  []string
	Degraded bool // it works with less than all its members
	Volumes  []Logical
	Findings []finding.Finding
}

// Logical is a volume that a set gives.
type Logical struct {
	Name string // "" where the set is the volume
	UUID string
	Kind string // "raid5", "linear", "thin", ...
	Size int64  // bytes
	// Lacks says that bytes of it stood on members that are missing, and come out of no other.
	Lacks bool
	// Source reads it. It is nil when nothing of the volume can be read; a finding then says why. Bytes that
	// stand on members which are missing are unreadable. It implements [Placer].
	Source   block.Source
	Findings []finding.Finding
}

// Place is where bytes of a volume stand on one of the members that it was put together of.
type Place struct {
	Logical, Length int64 // on the volume, bytes
	// Member is the index among the arguments of Assemble; 0 for a volume that was decrypted.
	Member   int
	Physical int64 // on that member's Source
	// Computed says that the bytes stand nowhere as such and come out of all members of the stripe.
	Computed bool
}

// Placer is a source that knows where its bytes stand on what lies under it.
type Placer interface {
	block.Source
	// Places covers the readable bytes of within, in order.
	Places(within block.Extent) []Place
}
