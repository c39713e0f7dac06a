package qcow2

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/zstd"

	"salvor/container/internal/mapped"
	"salvor/cursor"
)

// maxWindow bounds the memory of a zstd stream: clusters have 2 MiB at most.
const maxWindow = 8 << 20

// unpacker unpacks clusters.
type unpacker struct {
	zstd    bool
	deflate mapped.Inflater
	pool    sync.Pool // of *zstd.Decoder
}

// run fills dst with what comes out of b. What follows the stream is padding.
func (u *unpacker) run(name string, off int64, b, dst []byte) error {
	if !u.zstd {
		return u.deflate.Deflate(name, off, b, dst)
	}
	d, _ := u.pool.Get().(*zstd.Decoder)
	var err error
	if d == nil {
		d, err = zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	} else {
		err = d.Reset(bytes.NewReader(b))
	}
	if err != nil {
		return cursor.Corrupt(name, off, "a zstd stream", err)
	}
	err = mapped.Fill(name, off, d, dst, false)
	u.pool.Put(d)
	return err
}
