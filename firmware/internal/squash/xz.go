package squash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/ulikunitz/xz/lzma"
)

// Numbers of the xz file format.
const (
	xzHeader   = 12
	filterLZMA = 0x21
	maxFilters = 4
)

// unxz decompresses an xz stream of one block, with the filters for machine code, which the library for whole files does
// not know. Every sum of the stream is checked, that of the content too.
func unxz(raw, dst []byte) ([]byte, error) {
	if len(raw) < 2*xzHeader+8 || string(raw[:6]) != "\xfd7zXZ\x00" || raw[6] != 0 {
		return nil, errors.New("xz: no header")
	}
	if crc32.ChecksumIEEE(raw[6:8]) != le.Uint32(raw[8:]) {
		return nil, errors.New("xz: the sum of the header does not fit")
	}
	sum, sumSize, err := xzCheck(raw[7])
	if err != nil {
		return nil, err
	}
	p := raw[xzHeader:]
	headSize := (int(p[0]) + 1) * 4
	if p[0] == 0 || headSize > len(p) {
		return nil, errors.New("xz: no block")
	}
	if crc32.ChecksumIEEE(p[:headSize-4]) != le.Uint32(p[headSize-4:]) {
		return nil, errors.New("xz: the sum of the block's header does not fit")
	}
	filters, err := xzFilters(p[:headSize-4])
	if err != nil {
		return nil, err
	}
	in := bytes.NewReader(p[headSize:])
	// No copy reaches farther back than the block is long, whatever window the header asks for.
	z, err := lzma.Reader2Config{DictCap: max(len(dst), lzma.MinDictCap)}.NewReader2(in)
	if err != nil {
		return nil, err
	}
	out, err := fill(z, dst)
	if err != nil {
		return nil, err
	}
	for _, f := range filters {
		if err := f.undo(out); err != nil {
			return nil, err
		}
	}
	used := headSize + len(p) - headSize - in.Len()
	unpadded := used + sumSize
	rest := p[used:]
	for used%4 != 0 {
		if len(rest) == 0 || rest[0] != 0 {
			return nil, errors.New("xz: the filling behind the block is not zeros")
		}
		rest, used = rest[1:], used+1
	}
	if len(rest) < sumSize {
		return nil, errors.New("xz: the sum is missing")
	}
	if sum != nil {
		sum.Write(out)
		if !bytes.Equal(reversed(sum), rest[:sumSize]) {
			return nil, errors.New("xz: the sum over the content does not fit")
		}
	}
	return out, xzEnd(raw, rest[sumSize:], unpadded, len(out))
}

// xzEnd checks the index and the footer.
func xzEnd(raw, p []byte, unpadded, size int) error {
	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(unpadded))
	index = binary.AppendUvarint(index, uint64(size))
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = le.AppendUint32(index, crc32.ChecksumIEEE(index))
	if !bytes.HasPrefix(p, index) {
		return errors.New("xz: the index is not that of the block")
	}
	foot := le.AppendUint32(nil, uint32(len(index)/4-1))
	foot = append(foot, raw[6], raw[7])
	foot = append(le.AppendUint32(nil, crc32.ChecksumIEEE(foot)), foot...)
	foot = append(foot, 'Y', 'Z')
	if !bytes.Equal(p[len(index):], foot) {
		return errors.New("xz: the end of the stream is not that of its header")
	}
	return nil
}

// xzCheck returns the sum over the content by its number, nil for none.
func xzCheck(n byte) (hash.Hash, int, error) {
	switch n {
	case 0:
		return nil, 0, nil
	case 1:
		return crc32.NewIEEE(), 4, nil
	case 4:
		return crc64.New(crc64.MakeTable(crc64.ECMA)), 8, nil
	case 10:
		return sha256.New(), 32, nil
	}
	return nil, 0, fmt.Errorf("xz: sum %d is not known", n)
}

// reversed returns a sum as xz writes it: cyclic ones with the low byte first.
func reversed(h hash.Hash) []byte {
	p := h.Sum(nil)
	if len(p) <= 8 {
		for i, j := 0, len(p)-1; i < j; i, j = i+1, j-1 {
			p[i], p[j] = p[j], p[i]
		}
	}
	return p
}

// filter is one for machine code.
type filter struct {
	id    uint64
	start uint32
}

// xzFilters reads the filters of a block's header but the last, which is LZMA2, in the order in which they are undone.
func xzFilters(p []byte) ([]filter, error) {
	flags := p[1]
	p = p[2:]
	number := func() uint64 {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			p = nil
			return 0
		}
		p = p[n:]
		return v
	}
	if flags&0x3C != 0 {
		return nil, errors.New("xz: flags that are not known")
	}
	for _, bit := range []byte{0x40, 0x80} {
		if flags&bit != 0 {
			number()
		}
	}
	var out []filter
	count := int(flags&3) + 1
	for i := range count {
		id, size := number(), number()
		if size > uint64(len(p)) {
			return nil, errors.New("xz: a filter's properties do not fit into the header")
		}
		props := p[:size]
		p = p[size:]
		if last := i == count-1; last != (id == filterLZMA) {
			return nil, fmt.Errorf("xz: filter %#x at place %d of %d", id, i+1, count)
		} else if last {
			break
		}
		f := filter{id: id}
		if len(props) == 4 {
			f.start = le.Uint32(props)
		}
		out = append([]filter{f}, out...)
	}
	for _, b := range p {
		if b != 0 {
			return nil, errors.New("xz: the filling of the header is not zeros")
		}
	}
	return out, nil
}
