package recovery

import (
	"io/fs"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
)

// Origin says by which way a file was found.
type Origin string

const (
	// FromFileSystem: a file system's metadata names it.
	FromFileSystem Origin = "filesystem"
	// FromContent: carved, found by its content alone.
	FromContent Origin = "carved"
)

// SaveState says what became of an entry when the case was saved.
type SaveState string

const (
	// Pending: not saved yet.
	Pending SaveState = "pending"
	// Saved: stands in the case at SavedAs with SHA256.
	Saved SaveState = "saved"
	// Skipped: left out by rule (a duplicate of something saved, erased, a directory without need); the
	// reason is a finding.
	Skipped SaveState = "skipped"
	// Failed: could not be written; the reason is a finding.
	Failed SaveState = "failed"
)

// Entry is one file in the catalogue, whichever way it was found.
type Entry struct {
	ID     string // stable, native: "v2/i1234", "c/0x2801000"
	Source int    // number of the source in the case, from 1
	Volume int    // number of the volume, 0 for carved files
	Origin Origin
	State  filesystem.State // carved files are Orphan
	// Path is the original path in the volume (see [filesystem.File.Path]); "" for carved files, whose
	// Name is made from their content.
	Path   string
	Name   string // last element of Path, or the name given to a carved file
	Mode   fs.FileMode
	Target string // of a symbolic link

	HasOwner   bool
	UID, GID   uint32
	Times      filesystem.Times
	Attributes map[string][]byte

	Size   int64
	Stream string // "" for the content; the name of another stream, which is an entry of its own
	// Runs lead from the file to the medium of Source (not to the volume), normalized: joined over the
	// medium they give the content.
	Runs []block.Run
	// Encoding is "" for content that stands on the medium as it is. Else Runs is empty, Stored leads to the
	// stored bytes in the same way, and decoding these by Encoding gives the content: see filesystem.Kind.
	Encoding string
	Stored   []block.Run

	Format  string // name of the format's row, "" when no format accepts it
	Class   filetype.Class
	Verdict filetype.Verdict
	// Missing are the bytes of the file that could not be read or are known to be someone else's.
	Missing block.Set
	// Uncovered are the bytes of a Proven file that no check covers and no reader uses.
	Uncovered block.Set
	// GoodUntil is the byte up to which the content decodes; equal to Size when it does to the end.
	GoodUntil int64
	Hints     filetype.Hints
	// Sound and Owned are the two halves of attribution: see docs/architecture.md.
	Sound, Owned bool
	Erased       bool // 4 KiB or more of nothing but 0x00 or 0xFF
	Findings     []finding.Finding

	SHA256      string // of the saved bytes, hex; "" before
	SavedAs     string // path in the case, with slashes; "" before
	Save        SaveState
	DuplicateOf string    // ID of the entry with the same content that was saved in its place
	AlsoAt      []int64   // further places on the source where the same content was carved
	SavedTime   time.Time // when it was saved
}

// IsDir reports whether the entry is a directory.
func (e *Entry) IsDir() bool { return e.Mode.IsDir() }

// places returns the runs on which the content stands, encoded or not.
func (e *Entry) places() []block.Run {
	if e.Encoding != "" {
		return e.Stored
	}
	return e.Runs
}

// Drawer returns the top folder of the case for entries of this kind: files, deleted, older or carved.
func (e *Entry) Drawer() string {
	switch {
	case e.Origin == FromContent:
		return "carved"
	case e.State == filesystem.Live:
		return "files"
	case e.State == filesystem.Old:
		return "older"
	}
	return "deleted"
}
