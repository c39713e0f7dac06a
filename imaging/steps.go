package imaging

import (
	"time"

	"salvor/block"
)

// StepReader is a source that reads several stretches one behind the other faster than by as many calls of ReadAt: one
// whose medium is read by another process.
type StepReader interface {
	// ReadSteps reads p at off in steps of that many bytes, one after the other, until one fails or takes long. It calls each for
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
	for at := 0; at < len(p); {
		want := min(step, len(p)-at)
		begin := time.Now()
		n, err := src.ReadAt(p[at:at+want], off+int64(at))
		took := time.Since(begin)
		if n == want {
			err = nil
		}
		each(n, took, err)
		if err != nil || n < want {
			return
		}
		at += n
	}
}
