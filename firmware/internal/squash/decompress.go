package squash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/anchore/go-lzo"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
)

// errTail is told when a block's stream ends before the block does.
var errTail = errors.New("bytes are left behind the end of its stream")

// packer decompresses blocks by one way. It is safe for concurrent use.
type packer struct {
	way  string
	zlib sync.Pool
	once sync.Once
	zstd *zstd.Decoder
	fail error
}

// summed reports whether a block's own sum over its content was among what unpack checked.
func (k *packer) summed(raw []byte) bool {
	switch k.way {
	case "gzip":
		return true
	case "xz":
		return len(raw) > 7 && raw[7]&0x0F != 0
	}
	return false
}

// unpack returns what raw decompresses to, at most limit bytes. It uses dst where that is large enough.
func (k *packer) unpack(raw, dst []byte, limit int) (out []byte, err error) {
	// The decoders are others' and see hostile bytes, here also outside of the goroutine that guard watches.
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, fmt.Errorf("the decoder broke down: %v", v)
		}
	}()
	if cap(dst) < limit {
		dst = make([]byte, limit)
	}
	dst = dst[:limit]
	switch k.way {
	case "gzip":
		return k.inflate(raw, dst)
	case "xz":
		return unxz(raw, dst)
	case "lzma":
		if len(raw) < lzma.HeaderLen {
			return nil, io.ErrUnexpectedEOF
		}
		// No copy reaches farther back than the block is long, whatever window the header asks for.
		window := le.AppendUint32(nil, uint32(min(int(le.Uint32(raw[1:])), max(limit, lzma.MinDictCap))))
		r, err := lzma.NewReader(io.MultiReader(bytes.NewReader(raw[:1]), bytes.NewReader(window), bytes.NewReader(raw[5:])))
		if err != nil {
			return nil, err
		}
		return fill(r, dst)
	case "lzo":
		n, err := lzo.Decompress(raw, dst)
		if err != nil {
			return nil, err
		}
		return dst[:n], nil
	case "lz4":
		n, err := lz4.UncompressBlock(raw, dst)
		if err != nil {
			return nil, err
		}
		return dst[:n], nil
	case "zstd":
		k.once.Do(func() {
			k.zstd, k.fail = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8<<maxBlockLog), zstd.WithDecoderLowmem(true))
		})
		if k.fail != nil {
			return nil, k.fail
		}
		out, err := k.zstd.DecodeAll(raw, dst[:0])
		if err == nil && len(out) > limit {
			err = fmt.Errorf("more than %d bytes come out", limit)
		}
		return out, err
	}
	return nil, fmt.Errorf("compression %q", k.way)
}

func (k *packer) inflate(raw, dst []byte) ([]byte, error) {
	in := bytes.NewReader(raw)
	z, _ := k.zlib.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(in)
	} else {
		err = z.(zlib.Resetter).Reset(in, nil)
	}
	if err != nil {
		return nil, err
	}
	out, err := fill(z, dst)
	if err == nil && in.Len() > 0 {
		err = errTail
	}
	k.zlib.Put(z)
	return out, err
}

// fill reads r to its end, which must come within dst.
func fill(r io.Reader, dst []byte) ([]byte, error) {
	n, err := io.ReadFull(r, dst)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		// Decoders tell a stream that is cut by ErrUnexpectedEOF too: ask again.
		var one [1]byte
		if _, err = r.Read(one[:]); errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return dst[:n], nil
		}
		if err == nil {
			err = io.ErrNoProgress
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	var one [1]byte
	for range 4 {
		m, err := r.Read(one[:])
		switch {
		case m > 0:
			return nil, fmt.Errorf("more than %d bytes come out", len(dst))
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return dst[:n], nil
		case err != nil:
			return nil, err
		}
	}
	return nil, io.ErrNoProgress
}
