package imaging

import (
	"time"

	"salvor/block"
)

// StepReader is a source that reads several stretches one behind the other faster than by as many calls of ReadAt: one
// whose medium is read by another process.
type StepReader interface {
	// ReadSteps reads p at off in steps of that many bytes, one after the other, from the end of p backward when the
	// number is negative, until one fails or takes long. It calls each for
	// every read with the number of bytes, the time that it took, and the error of the one that failed. A read that
	// fails half way may be told as two calls.
	ReadSteps(p []byte, off int64, step int, each func(n int, took time.Duration, err error))
}

// ReadSteps reads from src as [StepReader] says, also when src is none.
func ReadSteps(src block.Source, p []byte, off int64, step int, each func(n int, took time.Duration, err error)) {
	if s, ok := src.(StepReader); ok {
		s.ReadSteps(p, off, step, each)
		return
	}
	size := max(step, -step)
	for at := 0; at < len(p); {
		want := min(size, len(p)-at)
		place := at
		if step < 0 {
			place = len(p) - at - want
		}
		begin := time.Now()
		n, err := src.ReadAt(p[place:place+want], off+int64(place))
		took := time.Since(begin)
		if n == want {
			err = nil
		} else if step < 0 {
			n = 0 // what came of it is not at the edge
		}
		each(n, took, err)
		if err != nil || n < want {
			return
		}
		at += n
	}
}
