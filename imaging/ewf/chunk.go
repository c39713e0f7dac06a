package ewf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/adler32"
	"sync"

	"salvor/block"
	"salvor/guard"
)

// chunk is a stored chunk.
type chunk struct {
	data       []byte
	compressed bool
}

// batchChunks is how many chunks are worked on at once: 2 MiB.
const batchChunks = 64

// batch reads, hashes and compresses some chunks at once.
type batch struct {
	src  block.Source
	lost block.Set
	buf  []byte
	n    int64 // bytes in buf
	out  [batchChunks]chunk
	work []*packer
}

// packer compresses one chunk after the other.
type packer struct {
	z *zlib.Writer
	b bytes.Buffer
}

func newBatch(src block.Source, lost block.Set) *batch {
	b := &batch{src: src, lost: lost, buf: make([]byte, batchChunks*chunkSize)}
	for range guard.Workers() {
		p := &packer{}
		p.z, _ = zlib.NewWriterLevel(&p.b, zlib.BestSpeed) // the level is one that there is
		b.work = append(b.work, p)
	}
	for i := range b.out {
		b.out[i].data = make([]byte, 0, chunkSize+4)
	}
	return b
}

// read returns how many bytes are in the batch.
func (b *batch) read() int64 { return b.n }

func (b *batch) chunks() []chunk { return b.out[:(b.n+chunkSize-1)/chunkSize] }

// load fills the batch from at on, adds its bytes to the hashes, and compresses them.
func (b *batch) load(at int64, hashes ...hash.Hash) error {
	e := block.Extent{Offset: at, Length: min(int64(len(b.buf)), b.src.Size()-at)}
	b.n = e.Length
	p := b.buf[:b.n]
	if n, err := b.src.ReadAt(p, at); n < len(p) {
		return fmt.Errorf("reading the copy at %d: %w", at+int64(n), err)
	}
	for u := range b.lost.Within(e).All() {
		clear(p[u.Offset-at : u.End()-at])
	}
	var wait sync.WaitGroup
	for _, h := range hashes {
		wait.Go(func() { h.Write(p) })
	}
	count := len(b.chunks())
	for i, w := range b.work {
		wait.Go(func() {
			for k := i; k < count; k += len(b.work) {
				w.pack(&b.out[k], p[k*chunkSize:min((k+1)*chunkSize, len(p))])
			}
		})
	}
	wait.Wait()
	return nil
}

// pack compresses p into c, or puts it there as it is when it does not get smaller.
func (w *packer) pack(c *chunk, p []byte) {
	w.b.Reset()
	w.z.Reset(&w.b)
	_, err := w.z.Write(p)
	if e := w.z.Close(); err == nil {
		err = e
	}
	if err == nil && w.b.Len() < len(p) {
		*c = chunk{append(c.data[:0], w.b.Bytes()...), true}
		return
	}
	*c = chunk{binary.LittleEndian.AppendUint32(append(c.data[:0], p...), adler32.Checksum(p)), false}
}
