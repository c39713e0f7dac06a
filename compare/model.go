package compare

import (
	"strings"

	"salvor/block"
)

// unit is the smallest block that gets a class, in bytes.
const unit = 512

// Content is a row of bytes as a package gives them: the package itself, what came out of a compressed part, a sparse
// image written out, a delta applied.
type Content struct {
	Name   string
	Source block.Source
	// Pieces are the parts that stand in it, outer ones before inner ones. The first is all of it.
	Pieces []Piece
	// Skipped are bytes of it that the package leaves on the device as they are; they say nothing.
	Skipped block.Set
}

// Piece is a part of a package: what becomes a slot, or a piece of one.
type Piece struct {
	ID, Name, Title string
	Extent          block.Extent // in the content, bytes
	Where           []string     // partitions, volumes or slots that the package names for it
	How             string       // "as it stands in the package", "unpacked (gzip)", ...
}

// Region is a part of the device's storage.
type Region struct {
	Name string
	Kind string // "partition", "UBI volume", "raw"
	// Group and Slot are set for what there is twice: "rootfs" and "b".
	Group, Slot string
	Place       block.Extent // on the medium, bytes; of a UBI volume the first and last byte of it
	Number      int          // of the partition or volume, as the device counts; 0 where it has none
	Medium      int
	Source      block.Source
	EraseSize   int64 // bytes that are erased at once; 0 where that is not known
	// Anywhere says that parts may begin at any place of it, since no table says where they do.
	Anywhere bool
}

// Class says what a block of a region is, held against the package.
type Class uint8

// The classes of blocks.
const (
	// New equals the package and not the old content.
	New Class = iota + 1
	// Old equals the old content and not the package.
	Old
	// Same equals both, or is what erasing leaves as well: it says nothing.
	Same
	// Erased holds 0xFF or 0x00 only, where the package and the old content do not.
	Erased
	// Torn is new in one part and old or erased in the other.
	Torn
	// Foreign equals nothing that is known.
	Foreign
	// Unreadable could not be read.
	Unreadable
	// Mixed stands for the rest of a region whose classes change too often to keep them all.
	Mixed
	classes
)

var classWords = [classes]string{New: "new", Old: "old", Same: "same", Erased: "erased", Torn: "torn", Foreign: "foreign", Unreadable: "unreadable", Mixed: "mixed"}

func (c Class) String() string {
	if c > 0 && c < classes {
		return classWords[c]
	}
	return "unknown"
}

// Classes lists the classes in order.
func Classes() []Class {
	return []Class{New, Old, Same, Erased, Torn, Foreign, Unreadable, Mixed}
}

// Run is a run of blocks of one class; Extent counts from the first byte of the part.
type Run struct {
	block.Extent
	Class Class
	// NewPart says of a torn block which bytes of it are the package's; the others are not.
	NewPart block.Extent
}

// Order says in which order a part was written.
type Order string

// The orders of writing.
const (
	NotBegun   Order = "not begun"
	Ascending  Order = "ascending"
	Descending Order = "descending"
	Scattered  Order = "out of order"
	Complete   Order = "complete"
	Unknown    Order = "cannot tell"
)

// Bracket is where writing was left, in bytes from the start of the part: at or behind From, at or before To. For
// Descending everything from that place on is new, for Ascending everything up to it.
type Bracket struct{ From, To int64 }

// Stop is the place where writing was left, and what lies there.
type Stop struct {
	Kind  StopKind
	Place block.Extent // on the region, bytes
	Words string
}

// StopKind is what lies where writing was left.
type StopKind string

// The kinds of places.
const (
	AtBadBlock  StopKind = "bad block"
	AtEraseEdge StopKind = "erase-block edge"
	AtRegionEnd StopKind = "end of the region"
	AtNothing   StopKind = "nothing special"
)

// Target is a part of the package on a region that holds it, or should.
type Target struct {
	Content int // its number among the contents
	Piece   Piece
	Region  int   // its number among the regions
	At      int64 // where the part begins on the region, bytes
	Votes   int   // places of the part that stand there
	Old     []string
	// Reference says that this is the slot with the old content, which the other one is held against.
	Reference bool
	// Own is how many bytes of a reference are the package's where the other slot has something else than that and is not
	// erased: with such bytes it cannot be told for sure which of both was being written.
	Own int64

	Runs     []Run
	Bytes    [classes]int64
	Bracket  Bracket
	Order    Order
	Block    int64 // the largest power of two that all edges between new and not new are multiples of; 0 without an edge
	Stop     Stop
	NoRoom   int64 // bytes of the part behind the end of the region
	Behind   int64 // bytes of the package that follow the part there, and are not on the device
	FillOnly bool  // what is new are zeros or 0xFF only

	eraseSize int64
}

// Of returns the bytes of a class.
func (t *Target) Of(c Class) int64 { return t.Bytes[c] }

// Written returns how much of the part is provably and at most written, of 0 to 1.
func (t *Target) Written() (least, most float64) {
	size := float64(t.Piece.Extent.Length)
	if size == 0 {
		return 1, 1
	}
	switch t.Order {
	case Complete:
		return 1, 1
	case Ascending, NotBegun:
		return float64(t.Bracket.From) / size, float64(t.Bracket.To) / size
	case Descending:
		return 1 - float64(t.Bracket.To)/size, 1 - float64(t.Bracket.From)/size
	}
	n := t.Bytes[New]
	for _, r := range t.Runs {
		n += r.NewPart.Length
	}
	return float64(n) / size, float64(n+t.Bytes[Same]+t.Bytes[Unreadable]+t.Bytes[Mixed]) / size
}

// NewSet returns the bytes of the part that are provably new.
func (t *Target) NewSet() block.Set {
	var s block.Set
	for _, r := range t.Runs {
		switch r.Class {
		case New:
			s.Add(r.Extent)
		case Torn:
			s.Add(r.NewPart)
		}
	}
	return s
}

// Trace says what is known of a region that holds no part of the package.
type Trace string

// The words for other regions.
const (
	Touched   Trace = "touched"
	NoTrace   Trace = "no trace of this update found"
	Unchanged Trace = "unchanged"
)

// Other is a region that no part of the package was found to go to.
type Other struct {
	Region int
	Trace  Trace
	// Found are places of the region that hold bytes of the package, at most maxFound of them; Bytes counts all.
	Found []Found
	Bytes int64
	Proof string // why it is Unchanged
	// Unread are its bytes that could not be read, in which no trace could be found.
	Unread int64
}

// Found is a piece of the package in a region.
type Found struct {
	Extent  block.Extent // on the region
	Content int
	From    int64 // in the content
}

// Proof says whether a region is as it was before the update. An earlier hash of it, dm-verity, or the sums of its file
// system may tell. The words name it.
type Proof interface {
	Unchanged(r *Region) (words string, ok bool, err error)
}

// Input is what is compared.
type Input struct {
	Contents []Content
	Earlier  []Content // of the version before; empty when it is not at hand
	Regions  []Region
	Proofs   []Proof
	// Progress is told the bytes that were read, of about total; nil for nobody.
	Progress func(done, total int64)
}

// Result is what comparing came to.
type Result struct {
	Targets []Target
	Others  []Other
	// Least is the length of the shortest piece of the package, in bytes, that would have been found anywhere.
	Least int64
	// Unplaced are parts that the package installs and of which nothing was found anywhere.
	Unplaced []Piece
}

// SlotName parts the name of a partition, volume or slot that there is twice: "rootfs_b" into "rootfs" and "b",
// "kernel1" and "rootfs.1" by their number. ok is false for other names.
func SlotName(name string) (group, slot string, ok bool) {
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower == "a" || lower == "b" {
		return "slot", lower, true
	}
	for _, sep := range []string{"_", "-", ".", " ", ":"} {
		at := strings.LastIndex(lower, sep)
		if at <= 0 {
			continue
		}
		switch tail := lower[at+1:]; tail {
		case "a", "b", "c", "0", "1", "2", "active", "inactive", "primary", "secondary", "alt":
			return lower[:at], tail, true
		}
	}
	for _, tail := range []string{"0", "1", "2"} {
		if head, found := strings.CutSuffix(lower, tail); found && len(head) > 2 && !strings.ContainsAny(head[len(head)-1:], "0123456789") {
			return head, tail, true
		}
	}
	// "rootfsA", "kernelB": the case tells it from a word that ends so.
	if n := len(name); n > 2 && (name[n-1] == 'A' || name[n-1] == 'B') && name[n-2] >= 'a' && name[n-2] <= 'z' {
		return strings.ToLower(name[:n-1]), strings.ToLower(name[n-1:]), true
	}
	return "", "", false
}
