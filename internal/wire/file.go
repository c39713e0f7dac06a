package wire

import (
	"io/fs"
	"iter"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/layers"
	"salvor/recovery"
)

// File is a line of type "file": one entry of the catalogue.
type File struct {
	V      int    `json:"v"`
	Type   string `json:"type"`
	ID     string `json:"id"`
	Source int    `json:"source"`
	Volume int    `json:"volume"` // 0 for carved files
	Path   string `json:"path"`   // in the volume; "" for carved files and for a volume's root
	Name   string `json:"name"`
	Stream string `json:"stream,omitempty"`
	Kind   string `json:"kind"`           // file, directory, link, device, pipe, socket
	Mode   string `json:"mode,omitempty"` // permissions as octal digits, with the set-ID and sticky bits
	UID    *int64 `json:"uid,omitempty"`
	GID    *int64 `json:"gid,omitempty"`
	Target string `json:"target,omitempty"` // of a symbolic link

	Origin  string `json:"origin"` // filesystem, carved
	State   string `json:"state"`  // live, deleted, orphan, old, rebuilt
	Format  string `json:"format"` // "" when no format accepts it
	Class   string `json:"class"`
	Verdict string `json:"verdict"` // proven, consistent, partial, damaged, encrypted, unknown
	Size    int64  `json:"size"`
	Times   *Times `json:"times,omitempty"`
	Hints   *Hints `json:"hints,omitempty"`

	Runs []Run `json:"runs"`
	// Encoding is empty where the runs give the content itself. Else there are none, and Stored leads to the
	// bytes of which it is decoded.
	Encoding string `json:"encoding,omitempty"`
	Stored   []Run  `json:"stored,omitempty"`
	// Places say where the bytes stand on the disks, for a file on a volume that was put together of several or decrypted;
	// the physical of a run counts on that volume. MorePlaces is how many are left out.
	Places     []Place `json:"places,omitempty"`
	MorePlaces int64   `json:"more_places,omitempty"`
	Missing    []Range `json:"missing,omitempty"`
	Uncovered  []Range `json:"uncovered,omitempty"`
	GoodUntil  int64   `json:"good_until"`
	Sound      bool    `json:"sound"`
	Owned      bool    `json:"owned"`
	Erased     bool    `json:"erased,omitempty"`

	Save        string            `json:"save"` // pending, saved, skipped, failed
	SavedAs     string            `json:"saved_as,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`
	DuplicateOf string            `json:"duplicate_of,omitempty"`
	AlsoAt      []int64           `json:"also_at,omitempty"`
	Findings    []finding.Finding `json:"findings,omitempty"`
}

// Run is a piece of a file: length bytes at logical in the file stand at physical on the source. Kinds
// "zero" and "lost" stand nowhere: their physical is 0 and means nothing.
type Run struct {
	Logical  int64  `json:"logical"`
	Physical int64  `json:"physical"`
	Length   int64  `json:"length"`
	Kind     string `json:"kind"`
}

// Place is where bytes of a file stand on a disk: length bytes at logical in the file, or in its stored bytes, stand at
// offset on the source.
type Place struct {
	Logical int64 `json:"logical"`
	Length  int64 `json:"length"`
	Source  int   `json:"source"`
	Offset  int64 `json:"offset"`
	// Computed says that the bytes do not stand there as such: they come out of all disks of the stripe.
	Computed bool `json:"computed,omitempty"`
	// Encrypted says that what stands there is ciphertext.
	Encrypted bool `json:"encrypted,omitempty"`
}

// maxPlaces bounds the places of one line.
const maxPlaces = 1 << 16

// AddPlaces adds the places of f on the disks.
func (f *File) AddPlaces(list iter.Seq[layers.Place]) {
	for p := range list {
		if len(f.Places) == maxPlaces {
			f.MorePlaces++
			continue
		}
		f.Places = append(f.Places, Place(p))
	}
}

// Range is a range of bytes of a file.
type Range struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
}

// Times of a file; those that are not known are absent.
type Times struct {
	Modified *time.Time `json:"modified,omitempty"`
	Accessed *time.Time `json:"accessed,omitempty"`
	Changed  *time.Time `json:"changed,omitempty"`
	Created  *time.Time `json:"created,omitempty"`
	Deleted  *time.Time `json:"deleted,omitempty"`
	// Local says that they are local times of the writer, whose zone is not known; they stand as UTC.
	Local bool `json:"local,omitempty"`
}

// Hints are what the content says of itself.
type Hints struct {
	Title  string     `json:"title,omitempty"`
	Author string     `json:"author,omitempty"`
	Camera string     `json:"camera,omitempty"`
	Taken  *time.Time `json:"taken,omitempty"`
}

// FromEntry returns the line of e.
func FromEntry(e *recovery.Entry) File {
	out := File{
		V: Version, Type: "file", ID: Text(e.ID), Source: e.Source, Volume: e.Volume, Path: Text(e.Path), Name: Text(e.Name),
		Stream: Text(e.Stream), Kind: kindOf(e.Mode), Target: Text(e.Target), Origin: string(e.Origin), State: e.State.String(),
		Format: e.Format, Class: string(e.Class), Verdict: e.Verdict.String(), Size: e.Size,
		GoodUntil: e.GoodUntil, Sound: e.Sound, Owned: e.Owned, Erased: e.Erased,
		Runs: runsOf(e.Runs), Encoding: e.Encoding, Stored: runsOf(e.Stored), Missing: rangesOf(e.Missing), Uncovered: rangesOf(e.Uncovered),
		Save: string(e.Save), SavedAs: Text(e.SavedAs), SHA256: e.SHA256, DuplicateOf: Text(e.DuplicateOf),
		AlsoAt: e.AlsoAt, Findings: cleanFindings(e.Findings),
	}
	if out.Class == "" {
		out.Class = "other"
	}
	if out.Save == "" {
		out.Save = string(recovery.Pending)
	}
	if m := octal(e.Mode); m != 0 {
		out.Mode = octalText(m)
	}
	if e.HasOwner {
		uid, gid := int64(e.UID), int64(e.GID)
		out.UID, out.GID = &uid, &gid
	}
	t := Times{
		Modified: known(e.Times.Modified), Accessed: known(e.Times.Accessed), Changed: known(e.Times.Changed),
		Created: known(e.Times.Created), Deleted: known(e.Times.Deleted), Local: e.Times.Local,
	}
	if t != (Times{}) {
		out.Times = &t
	}
	h := Hints{Title: Text(e.Hints.Title), Author: Text(e.Hints.Author), Camera: Text(e.Hints.Camera), Taken: known(e.Hints.Taken)}
	if h != (Hints{}) {
		out.Hints = &h
	}
	return out
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "link"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "file"
}

// octal returns the permissions as POSIX counts them.
func octal(m fs.FileMode) uint32 {
	n := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return n
}

func octalText(n uint32) string {
	return string([]byte{'0' + byte(n>>9&7), '0' + byte(n>>6&7), '0' + byte(n>>3&7), '0' + byte(n&7)})
}

// known returns nil for a time that is not known, or that RFC 3339 cannot write.
func known(t time.Time) *time.Time {
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	if _, zone := t.Zone(); zone%60 != 0 || zone <= -24*3600 || zone >= 24*3600 {
		t = t.UTC()
	}
	if t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	return &t
}

func runsOf(runs []block.Run) []Run {
	out := make([]Run, 0, len(runs))
	for _, r := range runs {
		w := Run{Logical: r.Logical, Length: r.Length, Kind: r.Kind.String()}
		if r.Kind.Stands() {
			w.Physical = r.Physical
		}
		out = append(out, w)
	}
	return out
}

func rangesOf(s block.Set) []Range {
	if s.Empty() {
		return nil
	}
	out := make([]Range, 0, s.Count())
	for e := range s.All() {
		out = append(out, Range{Offset: e.Offset, Size: e.Length})
	}
	return out
}
