package rescue

import (
	"sync"

	"salvor/block"
)

// firstReads tells how much of a source was read for the first time. A package is read several times, by what looks at
// it and by what holds sums against it, so that bytes read say nothing of how far it is.
type firstReads struct {
	block.Source
	told func(done, total int64)

	mu   sync.Mutex
	seen []uint64 // a bit for each piece
	done int64
}

// readPiece is the size of what counts as read when any byte of it was, in bytes.
const readPiece = 1 << 16

// ReadAt reads, and counts.
func (f *firstReads) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Source.ReadAt(p, off)
	if n > 0 && off >= 0 {
		f.count(off, off+int64(n))
	}
	return n, err
}

// Unreadable answers as the source does.
func (f *firstReads) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(f.Source, within)
}

func (f *firstReads) count(from, to int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	size, before := f.Size(), f.done
	if f.seen == nil {
		f.seen = make([]uint64, size/readPiece/64+1)
	}
	for i := from / readPiece; i <= (to-1)/readPiece; i++ {
		word, bit := &f.seen[i/64], uint64(1)<<(i%64)
		if *word&bit == 0 {
			*word |= bit
			f.done += min(readPiece, size-i*readPiece)
		}
	}
	if f.done != before {
		f.told(f.done, size)
	}
}
