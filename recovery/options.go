package recovery

import (
	"fmt"
	"os"

	"salvor/block"
)

// SaveOptions say what to save, where, and what the place can hold.
type SaveOptions struct {
	Catalog *Catalog
	// Medium returns the bytes of a source of the case, by its number. It is asked for every entry.
	Medium func(source int) (block.Source, error)
	// Decode gives the content of entries whose file system stores them encoded; may be nil where none does.
	Decode Decoder
	// Root is the folder of the case, or any other when Elsewhere is set. Nothing is written outside of it,
	// whatever names and links say.
	Root *os.Root
	// Elsewhere saves a selection to a folder that is not the case: the catalogue is only read, files that
	// already stand there with the same content are left, and others with the same name are never replaced.
	Elsewhere bool
	// Query says which entries. Its order is not regarded: photos, documents, databases and settings come
	// first. Where it asks for no saved state, those that are Pending or have Failed are meant; Elsewhere,
	// all but those that are Skipped.
	Query   Query
	LabelOf func(volume int) string // the label of a volume, hostile text; may be nil
	Target  Target
	// Free is how many bytes are free where Root stands; 0 when that is not known.
	Free int64
	// Progress is told after each file and a few times in large ones; may be nil.
	Progress func(SaveProgress)
	// Settled is told what became of each entry: its saved state, its findings and, in SavedAs, its path below Root; may
	// be nil. The entry is the caller's from there on.
	Settled func(*Entry)
	// SyncFS makes all that was written so far safe from a loss of power. When it is nil each file is
	// synced by itself, which is slower.
	SyncFS func() error

	hook       func(point string) error // tests stop or kill the work here
	batchFiles int                      // tests use small batches
}

// SaveProgress says how far saving is.
type SaveProgress struct {
	Files, TotalFiles int64
	Bytes, TotalBytes int64
	Current           string // the path that is written
	// Checked is what was read again from the disk and is what was written (Elsewhere).
	Checked Count
}

// SaveResult counts what became of the entries that were looked at.
type SaveResult struct {
	Saved      Count // written, or already standing with the same content
	Already    int64 // of Saved, those that stood there already (Elsewhere)
	Duplicates int64 // carved files whose content was saved before
	Skipped    int64 // left out, duplicates not counted
	Failed     int64
	Lowered    int64 // of Saved and Skipped, those in which new unreadable bytes were met
	Needed     int64 // bytes that were needed at the start, estimated
	Checked    Count // of Saved, what was read again from the disk and is what was written (Elsewhere)
	Differ     int64 // of Failed, those that were written and read again as something else (Elsewhere)
}

// TargetFullError says that the place to save to has too little space. What was saved before stands and is
// noted; saving again goes on behind it.
type TargetFullError struct {
	Needed int64 // bytes still needed, estimated
	Free   int64 // bytes free; -1 when the system said that there are no more
	Err    error // what the system said; nil when the work was refused at the start
}

func (e *TargetFullError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("recovery: no space is left to save to (about %d bytes are still needed): %v", e.Needed, e.Err)
	}
	return fmt.Sprintf("recovery: saving needs about %d bytes, %d are free", e.Needed, e.Free)
}

// Unwrap returns what the system said.
func (e *TargetFullError) Unwrap() error { return e.Err }
