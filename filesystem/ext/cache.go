package ext

import (
	"container/list"
	"errors"
	"io"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

const (
	chunkSize   = 64 << 10
	chunksCache = 96 // 6 MiB
)

// cache keeps the chunks of the volume that were read last. Metadata stands close together, so that nearly
// every small read is answered from memory. It is safe for concurrent use.
type cache struct {
	src    block.Source
	mu     sync.Mutex
	chunks map[int64]*list.Element
	order  *list.List // of *chunk, the last used first
}

type chunk struct {
	at int64
	b  []byte
}

func newCache(src block.Source) *cache {
	return &cache{src: src, chunks: map[int64]*list.Element{}, order: list.New()}
}

// get returns the chunk that starts at at. Only whole chunks, or the last one of the volume, are kept.
func (c *cache) get(at int64) ([]byte, bool) {
	c.mu.Lock()
	if e := c.chunks[at]; e != nil {
		c.order.MoveToFront(e)
		b := e.Value.(*chunk).b
		c.mu.Unlock()
		return b, true
	}
	c.mu.Unlock()
	n := min(chunkSize, c.src.Size()-at)
	if n <= 0 {
		return nil, false
	}
	b := make([]byte, n)
	if m, _ := c.src.ReadAt(b, at); int64(m) < n {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chunks[at] == nil {
		c.chunks[at] = c.order.PushFront(&chunk{at, b})
		if c.order.Len() > chunksCache {
			last := c.order.Back()
			c.order.Remove(last)
			delete(c.chunks, last.Value.(*chunk).at)
		}
	}
	return b, true
}

// read fills p from off, or returns why it cannot: an *block.UnreadableError, a *cursor.CorruptError behind
// the volume's end, or what the source said.
func (c *cache) read(structure string, p []byte, off int64) error {
	if off < 0 || off > c.src.Size()-int64(len(p)) {
		return cursor.Corrupt(structure, off, "a place inside the volume", "none")
	}
	for done := 0; done < len(p); {
		at := (off + int64(done)) &^ (chunkSize - 1)
		b, ok := c.get(at)
		if !ok {
			// Some of the chunk cannot be read; perhaps not what is asked for.
			n, err := c.src.ReadAt(p[done:], off+int64(done))
			if n == len(p)-done {
				return nil
			}
			if err == nil || errors.Is(err, io.EOF) {
				err = block.NewUnreadable(block.Between(off+int64(done+n), off+int64(len(p))), block.Absent, io.ErrUnexpectedEOF)
			}
			return &readError{structure, err}
		}
		done += copy(p[done:], b[off+int64(done)-at:])
	}
	return nil
}

// readError says which structure could not be read.
type readError struct {
	structure string
	err       error
}

func (e *readError) Error() string { return e.structure + ": " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }
