package png

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zlib"

	"salvor/finding"
)

// pass is one of the pictures that rows are stored for: the whole one, or one of seven when interlaced.
type pass struct{ rows, stride uint64 }

// adam7 gives start and step of each pass of an interlaced picture.
var adam7 = [7]struct{ x, y, dx, dy uint32 }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// passes returns the pictures that the rows of a picture of this size make up; nil when they are larger
// than 2^60 bytes. stride includes the filter byte.
func passes(h header, width, height uint32) []pass {
	var out []pass
	var total uint64
	add := func(w, n uint32) bool {
		if w == 0 || n == 0 {
			return true
		}
		p := pass{uint64(n), 1 + (uint64(w)*h.bits()+7)/8}
		hi, lo := bits.Mul64(p.rows, p.stride)
		if hi != 0 || lo > 1<<60 || total+lo > 1<<60 {
			return false
		}
		total += lo
		out = append(out, p)
		return true
	}
	if !h.interlaced {
		if !add(width, height) {
			return nil
		}
		return out
	}
	count := func(n, start, step uint32) uint32 {
		if n <= start {
			return 0
		}
		return (n - start + step - 1) / step
	}
	for _, a := range adam7 {
		if !add(count(width, a.x, a.dx), count(height, a.y, a.dy)) {
			return nil
		}
	}
	return out
}

// errBroken says that the walker has recorded a contradiction in the chunks themselves.
var errBroken = errors.New("png: the chunks of the pixels break")

// errFilter says that a row begins with a filter that does not exist.
var errFilter = errors.New("png: unknown filter")

// data gives the bytes of consecutive chunks of one kind as one stream, checking each chunk's sum.
type data struct {
	w    *walker
	c    chunk
	left int64 // bytes of c that the stream has not given out
	buf  []byte
	sum  uint32
	io   error // of the source, or errBroken; ends the stream
	done bool  // another chunk follows, which was not consumed
}

func (d *data) open(c chunk) {
	d.c, d.left = c, c.length
	d.sum = crc32.Update(0, crc32.IEEETable, []byte(c.kind))
}

// offset returns where the next byte of the stream stands in the file.
func (d *data) offset() int64 { return d.w.s.Offset() - int64(len(d.buf)) }

// fill makes buf not empty, or returns why it cannot.
func (d *data) fill() error {
	for len(d.buf) == 0 {
		switch {
		case d.io != nil:
			return d.io
		case d.done:
			return io.EOF
		case d.left == 0:
			if err := d.next(); err != nil {
				return err
			}
			continue
		}
		p, err := d.w.s.Window()
		if err != nil {
			d.io = err
			return err
		}
		p = p[:min(int64(len(p)), d.left)]
		d.w.s.Discard(len(p))
		d.left -= int64(len(p))
		d.sum = crc32.Update(d.sum, crc32.IEEETable, p)
		d.buf = p
	}
	return nil
}

// next ends the current chunk and enters the one behind it, if it is of the same kind.
func (d *data) next() error {
	w := d.w
	p, err := w.s.Peek(4 + 8)
	if len(p) < 4 {
		d.io = err
		return err
	}
	if stored := binary.BigEndian.Uint32(p); stored != d.sum {
		w.damage(d.c.off, badSum.New(finding.At(d.c.off, d.c.length+overhead), finding.Arg("chunk", d.c.kind),
			finding.Expected(fmt.Sprintf("%08x", stored), fmt.Sprintf("%08x", d.sum))))
		w.s.Discard(4)
		d.io, d.done = errBroken, true
		return errBroken
	}
	w.s.Discard(4)
	w.r.GoodUntil = max(w.r.GoodUntil, d.c.end())
	w.summed = max(w.summed, d.c.end())
	d.done = true
	if err != nil {
		return io.EOF // the walker meets the same error at the next chunk
	}
	c, ok := parseHead(w.s.Offset(), p[4:])
	if !ok || c.kind != d.c.kind {
		return io.EOF
	}
	d.done = false
	w.s.Discard(8)
	d.open(c)
	return d.sequence()
}

// sequence reads the number at the start of an fdAT chunk.
func (d *data) sequence() error {
	if d.c.kind != "fdAT" {
		return nil
	}
	p, err := d.w.s.Peek(4)
	if err != nil {
		d.io = err
		return err
	}
	if n := binary.BigEndian.Uint32(p); d.left < 4 || n != d.w.state.sequence {
		d.w.damage(d.c.off, badAnimation.New(finding.At(d.c.off, d.c.length+overhead),
			finding.Expected(fmt.Sprintf("number %d", d.w.state.sequence), fmt.Sprintf("number %d", n))))
		d.io = errBroken
		return errBroken
	}
	d.w.state.sequence++
	d.sum = crc32.Update(d.sum, crc32.IEEETable, p)
	d.left -= 4
	d.w.s.Discard(4)
	return nil
}

// ReadByte is what the inflater uses, so that it never reads beyond its own end.
func (d *data) ReadByte() (byte, error) {
	if len(d.buf) == 0 {
		if err := d.fill(); err != nil {
			return 0, err
		}
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b, nil
}

func (d *data) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := d.fill(); err != nil {
		return 0, err
	}
	n := copy(p, d.buf)
	d.buf = d.buf[n:]
	return n, nil
}

// rows follows the inflated bytes of a picture row by row.
type rows struct {
	passes []pass
	row    uint64 // of passes[0]
	at     uint64 // in the row
	good   uint64 // rows that are complete
	total  uint64 // bytes so far
	want   uint64
	filter byte // of the row that broke
}

func newRows(p []pass) *rows {
	r := &rows{passes: p}
	for _, p := range p {
		r.want += p.rows * p.stride
	}
	return r
}

// take follows p, which is not longer than what is wanted. It reports false at a filter byte above 4.
func (r *rows) take(p []byte) bool {
	r.total += uint64(len(p))
	for len(p) > 0 {
		if r.at == 0 && p[0] > 4 {
			r.filter = p[0]
			return false
		}
		n := min(uint64(len(p)), r.passes[0].stride-r.at)
		p = p[n:]
		if r.at += n; r.at < r.passes[0].stride {
			break
		}
		r.at = 0
		r.good++
		if r.row++; r.row == r.passes[0].rows {
			r.row = 0
			r.passes = r.passes[1:]
		}
	}
	return true
}

// pixels inflates the picture whose first chunk is c and whose head was just read.
func (w *walker) pixels(c chunk) error {
	d := &data{w: w}
	d.open(c)
	width, height := w.state.header.width, w.state.header.height
	if c.kind == "fdAT" {
		width, height = w.state.frame.width, w.state.frame.height
	}
	w.state.frame = nil
	r := newRows(passes(w.state.header, width, height))
	err := d.sequence()
	if err == nil {
		err = w.inflate(d, r)
	}
	if c.kind == "IDAT" {
		w.state.rows = r.good
	}
	if w.broken { // a chunk broke, or the pixels in it did
		if d.done {
			return nil
		}
		return w.pass(d.c)
	}
	if d.io != nil {
		return w.interrupted(d.c, d.io)
	}
	if err != nil {
		off := min(d.offset(), d.c.end())
		if err == errFilter {
			w.damage(off, badFilter.New(finding.At(off, 0), finding.Expected("0 to 4", r.filter),
				finding.Arg("rows", r.good), finding.Arg("height", height)))
		} else {
			if d.done { // the stream wants more than all the chunks hold
				off = d.c.end()
			}
			w.damage(off, badPixels.New(finding.At(off, 0), finding.Expected(nil, err),
				finding.Arg("rows", r.good), finding.Arg("height", height)))
		}
		if d.done {
			return nil
		}
		return w.pass(d.c)
	}
	return w.rest(d)
}

// inflate runs the stream to its end. It records a picture of the wrong size itself.
func (w *walker) inflate(d *data, r *rows) error {
	z, err := zlib.NewReader(d)
	if err != nil {
		return noEOF(err)
	}
	buf := make([]byte, 64<<10)
	for turn := 0; ; turn++ {
		if turn%16 == 0 { // each MiB
			if err := w.ctx.Err(); err != nil {
				d.io = err
				return err
			}
		}
		n, err := z.Read(buf)
		if over := r.total + uint64(n); over > r.want {
			w.damage(d.offset(), pixelCount.New(finding.At(d.offset(), 0), finding.Expected(r.want, "more")))
			return errBroken
		}
		if !r.take(buf[:n]) {
			return errFilter
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return noEOF(err)
		}
	}
	if r.total < r.want {
		w.damage(d.offset(), pixelCount.New(finding.At(d.offset(), 0), finding.Expected(r.want, r.total)))
		return errBroken
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the stream ends early")
	}
	return err
}

// rest reads what the chunks hold behind the end of the stream.
func (w *walker) rest(d *data) error {
	off, n := d.offset(), int64(0)
	for {
		n += int64(len(d.buf))
		d.buf = nil
		if err := d.fill(); err != nil {
			break
		}
	}
	if n > 0 && !w.broken {
		w.note(extraData.New(finding.At(off, 0), finding.Arg("count", n)))
	}
	if w.broken {
		if d.done {
			return nil
		}
		return w.pass(d.c)
	}
	if d.io != nil {
		return w.interrupted(d.c, d.io)
	}
	return nil
}
