package imaging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"salvor/block"
)

// Target takes the copy. An *os.File is one.
type Target interface {
	io.WriterAt
	// Sync returns when all that was written is safe from a power failure.
	Sync() error
}

// Observer is given every readable extent once, in whatever order, never two at the same time. p is valid during
// the call only.
type Observer interface {
	Observe(e block.Extent, p []byte)
}

// Guide says what to read next.
type Guide interface {
	// Next returns sets of bytes in the order in which they are wanted, from what was read so far. It is asked
	// again when they were read, and not any more once it gives nothing that is new; the rest follows in order.
	Next(ctx context.Context, have block.Source) ([]block.Set, error)
}

// Snapshot is a state that is consistent: all that Map calls finished is written, synced, hashed, and given to all
// observers.
type Snapshot struct {
	Map  *Map  // a copy
	Sums []Sum // those that are new since the last snapshot whose checkpoint succeeded
}

// Progress says how far a run is.
type Progress struct {
	Done  int64         // bytes read, those of earlier runs included
	Bad   int64         // bytes that could not be read
	Total int64         // bytes of the medium
	Pos   int64         // where it reads
	Rate  float64       // bytes per second, smoothed over some seconds
	Left  time.Duration // for what this run still wants to read; negative while it is not known
}

// Job is what to copy, and to whom.
type Job struct {
	Source     block.Source
	SectorSize int    // of the source, in bytes: the unit of failure; 512 when 0
	Target     Target // nil: the source is an image that is used in place, and only hashed and observed
	// Map says what was read in earlier runs, and must fit Source. Run brings it up to date; only what a
	// Snapshot holds is durable.
	Map       *Map
	Observers []Observer
	Guide     Guide        // may be nil
	Copy      block.Source // reads what Target was given, for the Guide; may be nil without one

	// Sparse leaves out what is zero. The target must read as zeros where nothing was written, and have its size.
	Sparse bool
	// Retry reads the sectors again that the map calls bad.
	Retry bool
	// WholeHash computes the hash over all bytes too, where this run reads all of them in order.
	WholeHash bool

	// Checkpoint makes a snapshot durable. The order that is safe: first what the observers found, then the
	// sums, then the map, each synced before the next. It runs while nothing else does. The context that it is
	// given is not ended when that of Run is. May be nil.
	Checkpoint func(context.Context, Snapshot) error
	// Interval and IntervalBytes say how often: after that time, or that many bytes, whichever comes
	// first; 30 seconds and 4 GiB when 0.
	Interval      time.Duration
	IntervalBytes int64

	// Progress is told a few times a second, from the goroutine that called Run; may be nil.
	Progress func(Progress)
}

// Result is what a run came to.
type Result struct {
	// Complete says that nothing is left that this run could try.
	Complete bool
	Done     int64 // bytes read, those of earlier runs included
	Bad      int64 // bytes that could not be read
	// SHA256 is the hash over all bytes; nil when it was not asked for, bytes are missing, or they were not read
	// in order by one run.
	SHA256 []byte
}

const (
	defaultSector        = 512
	defaultInterval      = 30 * time.Second
	defaultIntervalBytes = 4 << 30
	// pieceSize is the size in which a chunk that failed is read again.
	pieceSize = 64 << 10
	// buffers is how many chunks are in flight: one that is read, and some that wait for each consumer.
	buffers = 12
)

func (j *Job) validate() error {
	switch {
	case j.Source == nil || j.Map == nil || j.Map.Map == nil:
		return errors.New("imaging: a job needs a source and a map")
	case j.Map.Size() != j.Source.Size():
		return fmt.Errorf("imaging: the map is for %d bytes, the source has %d", j.Map.Size(), j.Source.Size())
	case j.SectorSize < 0 || j.SectorSize > pieceSize || j.SectorSize&(j.SectorSize-1) != 0:
		return fmt.Errorf("imaging: a sector of %d bytes, expected a power of two up to %d", j.SectorSize, pieceSize)
	case j.Guide != nil && j.Copy == nil:
		return errors.New("imaging: a guide needs a copy to look at")
	}
	return nil
}
