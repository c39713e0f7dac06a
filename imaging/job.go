package imaging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
	Map  *Map  // a copy; nil where it did not change, and only sums are to be kept
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

	Phase Status // what the work does: NonTried is copying, and so on
	Pass  int    // of the phase, from 1
	// Reading backward.
	Backward bool
	// NonTried, NonTrimmed, NonScraped and BadSector are bytes in these states.
	NonTried, NonTrimmed, NonScraped, BadSector int64
}

// Job is what to copy, and to whom.
type Job struct {
	Source     block.Source
	SectorSize int    // of the source, in bytes: the unit of failure; 512 when 0
	Plan              // how it is read
	Target     Target // nil: the source is an image that is used in place, and only hashed and observed
	// Map says what was read in earlier runs, and must fit Source. Run brings it up to date; only what a
	// Snapshot holds is durable.
	Map       *Map
	Observers []Observer
	Guide     Guide // may be nil
	// GuideOnly ends the run when the guide wants nothing more, instead of reading the rest.
	GuideOnly bool
	Copy      block.Source // reads what Target was given, for the Guide and for sums; may be nil without a Guide
	// Known are the sums of earlier runs, for those that have to be made anew; may be nil.
	Known iter.Seq2[Sum, error]

	// Sparse leaves out what is zero. The target must read as zeros where nothing was written, and have its size.
	Sparse bool
	// WholeHash computes the hash over all bytes too: while they are read, or from Copy when they did not come in
	// order.
	WholeHash bool
	// Wait is called when the source is gone. It returns nil when the same source is there again, and the run goes
	// on. Nil ends the run.
	Wait func(ctx context.Context, why error) error
	// VerifyOnError reads the last sector that was good again after each read that failed. When it cannot be read, or has
	// other bytes, no one is there: the source is waited for.
	VerifyOnError bool
	// AfterError is called behind each read that failed; may be nil.
	AfterError func(ctx context.Context) error
	// LogRead is told of each read; may be nil.
	LogRead func(Read)

	// Checkpoint makes a snapshot durable. The order that is safe: first what the observers found, then the
	// sums, then the map, each synced before the next. It runs while nothing else does. The context that it is
	// given is not ended when that of Run is. May be nil.
	Checkpoint func(context.Context, Snapshot) error
	// Interval and IntervalBytes say how often: after that time, or that many bytes, whichever comes
	// first. When 0: 30 seconds to 5 minutes, by the size of the map, and 4 GiB.
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
	// SHA256 is the hash over all bytes; nil when it was not asked for, when bytes are missing, or when they were
	// not read in order and there is no copy to read.
	SHA256 []byte
	// Reads is how many reads this run tried, and Failed how many of them failed.
	Reads, Failed int64
}

// Read is one read of the source and what became of it.
type Read struct {
	block.Extent
	Good  int64 // bytes from the start that were read
	Took  time.Duration
	Phase Status
	Pass  int
}

const (
	defaultSector        = 512
	defaultInterval      = 30 * time.Second
	maxInterval          = 5 * time.Minute
	defaultIntervalBytes = 4 << 30
	// maxSector bounds the unit of failure.
	maxSector = 64 << 10
	// buffers is how many chunks are in flight: one that is read, and some that wait for each consumer.
	buffers = 12
)

func (j *Job) validate() error {
	switch {
	case j.Source == nil || j.Map == nil || j.Map.Map == nil:
		return errors.New("imaging: a job needs a source and a map")
	case j.Map.Size() != j.Source.Size():
		return fmt.Errorf("imaging: the map is for %d bytes, the source has %d", j.Map.Size(), j.Source.Size())
	case j.SectorSize < 0 || j.SectorSize > maxSector || j.SectorSize&(j.SectorSize-1) != 0:
		return fmt.Errorf("imaging: a sector of %d bytes, expected a power of two up to %d", j.SectorSize, maxSector)
	case j.Guide != nil && j.Copy == nil:
		return errors.New("imaging: a guide needs a copy to look at")
	}
	return nil
}
