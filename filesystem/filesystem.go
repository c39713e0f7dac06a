package filesystem

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/mend"
)

// Kind is one row of the table of file systems.
type Kind struct {
	Name string // as `blkid` names it, lower case: "ext4" is "ext", "vfat" is "fat"
	// Probes find the structures that give such a volume away: superblocks, boot sectors, their backups.
	// Each ID begins with Name and a dot.
	Probes []probe.Probe
	// Locate turns a landmark into the volumes that it may belong to. hit.Offset is on src. It reads
	// around the hit to confirm or refute, and returns no candidate for a chance match. It does not judge
	// candidates against each other: that is for layers.
	Locate func(ctx context.Context, src block.Source, hit probe.Hit) ([]Candidate, error)
	// Open reads the volume that begins at offset 0 of vol. Nil for a kind that is recognised but not read
	// yet. [cursor.ErrNot] when this is no such volume. A volume whose primary structures are broken is
	// opened by their backups where there are any, with findings in Info.
	Open func(ctx context.Context, vol block.Source) (FileSystem, error)
	// Decode gives the content of a stream of size bytes out of its stored bytes, for the encodings of this
	// kind: their names begin with Name and a dot, and say all that decoding needs to know ("ntfs.lznt1:65536").
	// It is what FileSystem.Open does for such a stream, so that a catalogue, which keeps where the stored bytes
	// stand, can give the content without the file system. Nil for a kind without encodings. It does not read
	// more of encoded than it must, and answers with a *cursor.CorruptError for an encoding that cannot be.
	Decode func(encoding string, encoded block.Source, size int64) (Encoded, error)
	// Mend says what the volume's boot structures should be, where they are broken or gone: by their backups, or by
	// what the rest of the volume implies. start is where vol begins on its medium, in bytes, which boot sectors name.
	// An empty list says that there is nothing to give back. It answers [cursor.ErrNot] when this is no such volume.
	// Nil for a kind whose structures have no other copy and are not implied.
	Mend func(ctx context.Context, vol block.Source, start int64) (mend.List, error)
}

// Candidate is a volume that may be there, with its evidence.
type Candidate struct {
	Kind   string
	Extent block.Extent // on the source that was searched
	Label  string
	UUID   string
	// Confirmed counts independent facts that agree: a root directory that reads, a backup that matches,
	// a checksum. Refuted counts those that do not.
	Confirmed, Refuted int
	// FromBackup says that the primary structure at the volume's start is gone or broken.
	FromBackup bool
	// Locked says that the volume is encrypted.
	Locked   bool
	Findings []finding.Finding
}

// FileSystem is an opened volume. It is safe for concurrent use.
type FileSystem interface {
	Info() Info
	// Files yields all that metadata still names, in any state, directories included, parents before their
	// children. A broken entry yields an error (usually a *cursor.CorruptError) and the walk goes on; only
	// a context error ends it.
	Files(ctx context.Context) iter.Seq2[*File, error]
	// Open returns the bytes of a stream of f; the name "" is the content. The answer is a source whose
	// [block.Origin] leads to the volume's source and below. Bytes that are lost, foreign or
	// unreadable are an *block.UnreadableError. [ErrLocked] when they are encrypted.
	Open(f *File, stream string) (block.Source, error)
	// Used returns the bytes of the volume that its bitmaps or its walked files and structures use.
	Used(ctx context.Context) (block.Set, error)
}

// Info describes a volume.
type Info struct {
	Kind      string // as in the row, or more exact: "ext4", "fat32"
	Label     string
	UUID      string
	BlockSize int64 // bytes of the unit of allocation
	Size      int64 // bytes by the volume's own word
	State     VolumeState
	Findings  []finding.Finding
}

// VolumeState says in what condition a volume is.
type VolumeState uint8

const (
	// Clean: it was unmounted and nothing contradicts itself.
	Clean VolumeState = iota
	// Dirty: it was in use when it stopped; its journal may hold newer metadata.
	Dirty
	// Damaged: a structure is broken or contradicts another.
	Damaged
)

var volumeStateText = [...]string{"clean", "dirty", "damaged"}

func (s VolumeState) String() string {
	if int(s) < len(volumeStateText) {
		return volumeStateText[s]
	}
	return fmt.Sprintf("VolumeState(%d)", uint8(s))
}

// State says by which evidence a file is known.
type State uint8

const (
	// Live is named by the current metadata.
	Live State = iota
	// Deleted was removed; its metadata is still readable.
	Deleted
	// Orphan has its metadata but no directory that names it.
	Orphan
	// Old is an older version in a journal or a log.
	Old
	// Rebuilt was put together from remains of metadata.
	Rebuilt
)

var stateText = [...]string{"live", "deleted", "orphan", "old", "rebuilt"}

func (s State) String() string {
	if int(s) < len(stateText) {
		return stateText[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// ParseState is the inverse of [State.String].
func ParseState(s string) (State, error) {
	if i := slices.Index(stateText[:], s); i >= 0 {
		return State(i), nil
	}
	return 0, fmt.Errorf("filesystem: state %q, expected one of %v", s, stateText)
}

// Times of a file. A zero value is not known. Precision is that of the format; a format without a time
// zone (FAT) gives UTC and sets Local.
type Times struct {
	Modified, Accessed, Changed, Created, Deleted time.Time
	Local                                         bool // local time of the writer, zone unknown
}

// File is a file, a directory or another object that a volume names.
type File struct {
	// ID is stable and native to the format, unique in the volume: "i1234" for an inode, "d0x4820" for a
	// directory entry at that byte of the volume. A further path to the same inode has "-2", "-3" behind.
	ID string
	// Path is from the volume's root, with slashes between its names and none at its start; "" is the root
	// directory. Each name is escaped by [EscapeName], so that it is valid UTF-8 without slash and NUL.
	// Files without a known place have a path below a folder named "lost+found-" and the reason.
	Path  string
	State State
	// Mode holds the type and, where the format has them, the permissions.
	Mode fs.FileMode
	// HasOwner says that UID and GID are known.
	HasOwner bool
	UID, GID uint32
	Times    Times
	Target   string // of a symbolic link, as stored
	// Attributes are extended attributes by their full name, values as stored.
	Attributes map[string][]byte
	// Streams hold the content, whose name is "", first. Directories and links have none.
	Streams []Stream
	// Sound says that the metadata which leads to the content passes all checks that the format has and
	// nothing in it contradicts itself: checksum, ranges, types, sizes.
	Sound bool
	// Locked says that the content is encrypted.
	Locked   bool
	Findings []finding.Finding
}

// Size returns the size of the content in bytes.
func (f *File) Size() int64 {
	if len(f.Streams) == 0 {
		return 0
	}
	return f.Streams[0].Size
}

// Stream is a sequence of bytes that belongs to a file.
type Stream struct {
	Name string // "" is the content
	Size int64  // bytes, by the metadata
	// Runs are on the volume's source, normalized: they cover Size bytes without overlap. Those of a stream with
	// an encoding cover its stored bytes, of which there may be more or fewer.
	Runs []block.Run
	// Encoding is "" when the runs hold the bytes themselves, else the name of the transformation that Open
	// undoes: see Kind.Decode.
	Encoding string
}

// ErrLocked is what Open answers for encrypted content.
var ErrLocked = fmt.Errorf("filesystem: content is encrypted")
