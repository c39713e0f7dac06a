package sevenzip

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/ulikunitz/xz/lzma"
)

// The coders that are undone.
const (
	idCopy    = 0x00
	idDelta   = 0x03
	idLZMA2   = 0x21
	idLZMA    = 0x030101
	idX86     = 0x03030103
	idBCJ2    = 0x0303011B
	idDeflate = 0x040108
	idBZip2   = 0x040202
	idAES     = 0x06F10701
)

// maxDict is the largest dictionary that is made, in bytes.
const maxDict = 128 << 20

// names of coders that are met and not undone.
var names = map[uint64]string{
	0x03030205: "PPC", 0x03030401: "IA64", 0x03030501: "ARM", 0x03030701: "ARMT", 0x03030805: "SPARC",
	0x0A: "ARM64", 0x030401: "PPMd", 0x040109: "Deflate64", 0x04F71101: "Zstandard", 0x04F71102: "Brotli", 0x04F71104: "LZ4",
}

// notUndone is a way of packing that is not undone.
type notUndone string

func (n notUndone) Error() string { return string(n) }

var errLocked = errors.New("sevenzip: encrypted")

// stored reports whether the folder is packed by copy alone.
func (f *folder) stored() bool { return len(f.coders) == 1 && f.coders[0].id == idCopy }

// supported returns errLocked, a notUndone, or nil when open can undo the packing.
func (f *folder) supported() error {
	for _, c := range f.coders {
		if c.id == idAES {
			return errLocked
		}
	}
	for _, c := range f.coders {
		switch c.id {
		case idCopy, idDelta, idLZMA, idLZMA2, idX86, idDeflate, idBZip2:
			if c.in != 1 {
				return notUndone("members are packed from several streams, which is not undone")
			}
		case idBCJ2:
			if c.in != bcj2Streams {
				return notUndone("members are packed from several streams, which is not undone")
			}
		default:
			name := names[c.id]
			if name == "" {
				name = fmt.Sprintf("method %x", c.id)
			}
			return notUndone("members are packed by " + name + ", which is not undone")
		}
	}
	return nil
}

// open returns the content of the folder, whose packed streams are given in their order. The folder must be supported.
func (f *folder) open(packed []io.Reader) (io.Reader, error) {
	for i := range f.sizes {
		bound := false
		for _, b := range f.binds {
			bound = bound || b[1] == i
		}
		if !bound {
			return f.output(i, packed, 0)
		}
	}
	return nil, errors.New("coders that go in a circle")
}

// output returns what coder i gives. Outputs have the numbers of their coders; inputs are counted over all coders.
func (f *folder) output(i int, packed []io.Reader, depth int) (io.Reader, error) {
	if depth > len(f.coders) {
		return nil, errors.New("coders that go in a circle")
	}
	first := 0
	for _, c := range f.coders[:i] {
		first += c.in
	}
	var in []io.Reader
	for n := first; n < first+f.coders[i].in; n++ {
		r, err := f.input(n, packed, depth)
		if err != nil {
			return nil, err
		}
		in = append(in, r)
	}
	if f.coders[i].id == idBCJ2 {
		r, err := newBCJ2(in)
		return io.LimitReader(r, f.sizes[i]), err
	}
	r, err := f.coders[i].open(in[0], f.sizes[i])
	if err != nil {
		return nil, err
	}
	return io.LimitReader(r, f.sizes[i]), nil
}

// input returns what goes into input n: what another coder gives, or a packed stream.
func (f *folder) input(n int, packed []io.Reader, depth int) (io.Reader, error) {
	for _, b := range f.binds {
		if b[0] == n {
			return f.output(b[1], packed, depth+1)
		}
	}
	for i, p := range f.packed {
		if p == n && i < len(packed) {
			return packed[i], nil
		}
	}
	return nil, errors.New("an input that nothing goes into")
}

func (c *coder) open(r io.Reader, size int64) (io.Reader, error) {
	switch c.id {
	case idLZMA:
		if len(c.props) != 5 {
			return nil, errors.New("properties of LZMA that are none")
		}
		dict := min(int64(binary.LittleEndian.Uint32(c.props[1:])), max(size, lzma.MinDictCap))
		if dict > maxDict {
			return nil, notUndone(fmt.Sprintf("unpacking needs %d bytes of memory", dict))
		}
		head := make([]byte, 13)
		head[0] = c.props[0]
		binary.LittleEndian.PutUint32(head[1:], uint32(max(dict, lzma.MinDictCap)))
		binary.LittleEndian.PutUint64(head[5:], uint64(size))
		return lzma.ReaderConfig{DictCap: int(max(dict, lzma.MinDictCap))}.NewReader(&joined{head: head, r: bufio.NewReaderSize(r, 32<<10)})
	case idLZMA2:
		if len(c.props) != 1 || c.props[0] > 40 {
			return nil, errors.New("properties of LZMA2 that are none")
		}
		dict := int64(1<<32 - 1)
		if p := c.props[0]; p < 40 {
			dict = int64(2|p&1) << (p/2 + 11)
		}
		if dict = max(min(dict, size), lzma.MinDictCap); dict > maxDict {
			return nil, notUndone(fmt.Sprintf("unpacking needs %d bytes of memory", dict))
		}
		return lzma.Reader2Config{DictCap: int(dict)}.NewReader2(bufio.NewReaderSize(r, 32<<10))
	case idDeflate:
		return flate.NewReader(r), nil
	case idBZip2:
		return bzip2.NewReader(bufio.NewReaderSize(r, 32<<10)), nil
	case idDelta:
		if len(c.props) != 1 {
			return nil, errors.New("properties of delta that are none")
		}
		return &delta{r: r, back: make([]byte, int(c.props[0])+1)}, nil
	case idX86:
		return &x86{r: r}, nil
	}
	return r, nil
}

// joined gives the head of a stream and then the stream, byte by byte too.
type joined struct {
	head []byte
	r    *bufio.Reader
}

// ReadByte gives the next byte.
func (j *joined) ReadByte() (byte, error) {
	if len(j.head) > 0 {
		b := j.head[0]
		j.head = j.head[1:]
		return b, nil
	}
	return j.r.ReadByte()
}

// Read gives the next bytes.
func (j *joined) Read(p []byte) (int, error) {
	if len(j.head) > 0 {
		n := copy(p, j.head)
		j.head = j.head[n:]
		return n, nil
	}
	return j.r.Read(p)
}

// delta adds to each byte the one that stands a fixed distance before.
type delta struct {
	r    io.Reader
	back []byte
	at   int
}

// Read gives the next bytes.
func (d *delta) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] += d.back[d.at]
		d.back[d.at] = p[i]
		d.at = (d.at + 1) % len(d.back)
	}
	return n, err
}

// x86 turns absolute targets of calls and jumps back into relative ones.
type x86 struct {
	r     io.Reader
	buf   [32 << 10]byte
	r0, n int // converted bytes are buf[r0:n]
	have  int // all bytes
	pos   uint32
	mask  uint32
	err   error
}

// Read gives the next bytes.
func (x *x86) Read(p []byte) (int, error) {
	for x.r0 == x.n {
		if x.err != nil {
			if x.n < x.have { // the last bytes are no target
				x.n = x.have
				break
			}
			return 0, x.err
		}
		copy(x.buf[:], x.buf[x.n:x.have])
		x.have -= x.n
		x.r0, x.n = 0, 0
		var n int
		n, x.err = io.ReadFull(x.r, x.buf[x.have:])
		if x.err == io.ErrUnexpectedEOF {
			x.err = io.EOF
		}
		x.have += n
		x.n = x.convert(x.buf[:x.have])
		x.pos += uint32(x.n)
	}
	n := copy(p, x.buf[x.r0:x.n])
	x.r0 += n
	return n, nil
}

// sign reports whether b is the highest byte of a target that was converted.
func sign(b byte) bool { return b == 0 || b == 0xFF }

// convert converts what it can of b, which stands at pos, and returns how many bytes are done. mask says which of the
// last bytes looked like an opcode, so that the same choices are made as when packing.
func (x *x86) convert(b []byte) int {
	if len(b) < 5 {
		return 0
	}
	allowed := [8]bool{true, true, true, false, true, false, false, false}
	number := [8]int{0, 1, 2, 2, 3, 3, 3, 3}
	at, prev := 0, -1
	mask := x.mask
	for {
		for at+4 < len(b) && b[at]&0xFE != 0xE8 {
			at++
		}
		if at+4 >= len(b) {
			break
		}
		gap := at - prev
		prev = at
		if gap > 3 {
			mask = 0
		} else {
			mask = mask << (gap - 1) & 7
			if mask != 0 && (!allowed[mask] || sign(b[at+4-number[mask]])) {
				mask = mask<<1&7 | 1
				at++
				continue
			}
		}
		if !sign(b[at+4]) {
			mask = mask<<1&7 | 1
			at++
			continue
		}
		src := binary.LittleEndian.Uint32(b[at+1:])
		var dest uint32
		for {
			dest = src - (x.pos + uint32(at) + 5)
			if mask == 0 {
				break
			}
			shift := number[mask] * 8
			if !sign(byte(dest >> (24 - shift))) {
				break
			}
			src = dest ^ (1<<(32-shift) - 1)
		}
		if dest>>24&1 != 0 {
			dest |= 0xFF000000
		} else {
			dest &= 0x00FFFFFF
		}
		binary.LittleEndian.PutUint32(b[at+1:], dest)
		at += 5
	}
	x.mask = 0
	if gap := at - prev; gap <= 3 {
		x.mask = mask << (gap - 1) & 7
	}
	return at
}
