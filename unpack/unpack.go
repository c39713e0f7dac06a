package unpack

import (
	"bufio"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"salvor/block"
)

// MaxWindow is the largest window, in bytes, that a file may ask the memory for: what `zstd --long=29` and the
// largest presets of xz need. Larger ones are refused.
const MaxWindow = 512 << 20

// chunk is how much is given to the writer at once, in bytes.
const chunk = 1 << 20

// Result says what came out, and how it ended.
type Result struct {
	Size int64 // bytes that came out
	Read int64 // bytes of the file that were used
	// Trailing is how many bytes stand behind the last whole stream and belong to none.
	Trailing int64
	// Broken is why it ended before its end; nil when every stream came to its end and its checks are right.
	Broken error
	// Wrong says that all came out and that only the check behind it is wrong: some byte is not what it was.
	Wrong bool
}

// LimitError says that more would come out than the caller allows.
type LimitError struct{ Limit int64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("unpack: more than %d bytes come out", e.Limit)
}

// Run gives what is in src to w, in order, up to limit bytes. What the file does wrong is told in the result; the
// error is that of ctx or of w, or a [*LimitError].
func (k *Kind) Run(ctx context.Context, src block.Source, w io.Writer, limit int64) (r Result, err error) {
	in := newInput(ctx, src)
	defer func() { r.Read = in.used() }()
	var out io.Reader
	buf := make([]byte, chunk)
	for {
		if out, err = k.open(in); err != nil {
			if cause := ctx.Err(); cause != nil {
				return r, cause
			}
			r.Broken = broken(err)
			return r, nil
		}
		err := r.copy(ctx, out, w, buf, limit)
		if c, ok := out.(io.Closer); ok {
			c.Close() // gives back what it holds
		}
		if err != nil || r.Broken != nil {
			var t trailingError
			if err == nil && errors.As(r.Broken, &t) {
				r.Broken, r.Trailing = nil, src.Size()-in.used()+int64(t)
			}
			return r, err
		}
		more, err := in.more(k)
		if err != nil {
			if cause := ctx.Err(); cause != nil {
				return r, cause
			}
			r.Broken = broken(err)
			return r, nil
		}
		if !more {
			r.Trailing = src.Size() - in.used()
			return r, nil
		}
	}
}

// copy gives the content of one stream to w.
func (r *Result) copy(ctx context.Context, out io.Reader, w io.Writer, buf []byte, limit int64) error {
	for {
		n, err := readFull(out, buf)
		if r.Size+int64(n) > limit {
			return &LimitError{limit}
		}
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			r.Size += int64(n)
		}
		if cause := ctx.Err(); cause != nil {
			return cause
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		default:
			r.Wrong = errors.Is(err, gzip.ErrChecksum)
			r.Broken = broken(err)
			return nil
		}
	}
}

// readFull reads until p is full; unlike [io.ReadFull] it keeps the error of the reader.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p) && err == nil; {
		var m int
		m, err = r.Read(p[n:])
		n += m
		if m > 0 {
			idle = 0
		} else if idle++; idle > 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, err
}

// trailingError is told by readers that meet bytes of no stream behind a whole one, after they took that many.
type trailingError int64

func (t trailingError) Error() string { return "bytes of no stream behind the end" }

// What the decoders say of such bytes, where they have no value for it.
const (
	xzTrailing    = "xz: unexpected data after stream"
	bzip2Trailing = bzip2.StructuralError("bad magic value in continuation file")
)

// broken says in words why a stream ended early.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// input reads the file and knows how much of it was used.
type input struct {
	*bufio.Reader
	ctx  context.Context
	file *io.SectionReader
	at   int64 // read of the file, what is buffered included
}

func newInput(ctx context.Context, src block.Source) *input {
	in := &input{ctx: ctx, file: block.Reader(src)}
	in.Reader = bufio.NewReaderSize(fileReader{in}, chunk)
	return in
}

type fileReader struct{ in *input }

func (f fileReader) Read(p []byte) (int, error) {
	if err := f.in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.in.file.Read(p)
	f.in.at += int64(n)
	return n, err
}

// used returns how many bytes were taken.
func (in *input) used() int64 { return in.at - int64(in.Buffered()) }

// more reports whether another stream of the kind follows. The padding of xz is passed over.
func (in *input) more(k *Kind) (bool, error) {
	for !k.single {
		head, err := in.Peek(len(lzopMagic))
		if len(head) == 0 {
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, err
		}
		if k.Name == "xz" && len(head) >= 4 && string(head[:4]) == "\x00\x00\x00\x00" {
			if _, err := in.Discard(4); err != nil {
				return false, err
			}
			continue
		}
		for _, m := range k.magic {
			if len(head) >= len(m) && string(head[:len(m)]) == string(m) {
				return true, nil
			}
		}
		return false, nil
	}
	return false, nil
}

func openGzip(in *input) (io.Reader, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return z, nil
}

// openXZ gives one stream: what follows is looked at by more.
func openXZ(in *input) (io.Reader, error) {
	// The header of the first block, behind the 12 bytes of the stream's, says how large the window is.
	if head, _ := in.Peek(12 + 1024); len(head) > 12 {
		if n := xzWindow(head[12:]); n > MaxWindow {
			return nil, fmt.Errorf("its window has %d bytes, at most %d are supported", n, int64(MaxWindow))
		}
	}
	z, err := xz.ReaderConfig{SingleStream: true}.NewReader(in)
	if err != nil {
		return nil, err
	}
	return &xzStream{z: z, in: in}, nil
}

// xzStream ends behind its stream without looking at what follows it.
type xzStream struct {
	z  *xz.Reader
	in *input
}

func (x *xzStream) Read(p []byte) (int, error) {
	n, err := x.z.Read(p)
	if err != nil && err.Error() == xzTrailing {
		// It took one byte to see whether the file ends; more looks at that again.
		if err := x.in.UnreadByte(); err != nil {
			return n, err
		}
		err = io.EOF
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !x.ended() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ended reports whether a stream's footer is what was read last: the decoder takes the end of the file between two blocks
// for the end of the stream.
func (x *xzStream) ended() bool {
	var p [12]byte
	if _, err := x.in.file.ReadAt(p[:], x.in.used()-int64(len(p))); err != nil {
		return false
	}
	return p[10] == 'Y' && p[11] == 'Z' && crc32.ChecksumIEEE(p[4:10]) == binary.LittleEndian.Uint32(p[:])
}

// xzWindow returns the size of the dictionary that the header of a block asks for, 0 where it has no LZMA2 filter
// alone. See The .xz File Format, section 3.1.
func xzWindow(b []byte) int64 {
	if len(b) < 2 || b[0] == 0 || b[1]&0x3f != 0 {
		return 0
	}
	at := 2
	number := func() uint64 {
		n := uint64(0)
		for i := 0; at < len(b) && i < 9; i++ {
			c := b[at]
			at++
			n |= uint64(c&0x7f) << (7 * i)
			if c < 0x80 {
				break
			}
		}
		return n
	}
	if b[1]&0x40 != 0 {
		number() // compressed size
	}
	if b[1]&0x80 != 0 {
		number() // uncompressed size
	}
	id, size := number(), number()
	if id != 0x21 || size != 1 || at >= len(b) || b[at] > 40 {
		return 0
	}
	if b[at] == 40 {
		return 1<<32 - 1
	}
	return int64(2|b[at]&1) << (b[at]/2 + 11)
}

func openZstd(in *input) (io.Reader, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(MaxWindow))
	if err != nil {
		return nil, err
	}
	return &zstdStream{z: z}, nil
}

// zstdStream reads all frames, and tells what follows them from a frame that breaks.
type zstdStream struct {
	z    *zstd.Decoder
	some bool
}

func (s *zstdStream) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	s.some = s.some || n > 0
	if errors.Is(err, zstd.ErrMagicMismatch) && s.some {
		err = trailingError(4)
	}
	return n, err
}

func (s *zstdStream) Close() error {
	s.z.Close()
	return nil
}

func openBzip2(in *input) (io.Reader, error) { return bzip2Stream{bzip2.NewReader(in)}, nil }

type bzip2Stream struct{ io.Reader }

func (s bzip2Stream) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if errors.Is(err, bzip2Trailing) {
		err = trailingError(2)
	}
	return n, err
}

// openBrotli gives a stream of Brotli. Its window has at most 16 MiB: larger ones are not read.
func openBrotli(in *input) (io.Reader, error) { return brotli.NewReader(in), nil }

func openLZ4(in *input) (io.Reader, error) {
	z := lz4.NewReader(in)
	if err := z.Apply(lz4.ConcurrencyOption(1)); err != nil {
		return nil, err
	}
	return &lz4Stream{z: z}, nil
}

type lz4Stream struct {
	z    *lz4.Reader
	some bool
}

func (s *lz4Stream) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	s.some = s.some || n > 0
	if errors.Is(err, lz4.ErrInvalidFrame) && s.some {
		err = trailingError(4)
	}
	return n, err
}
