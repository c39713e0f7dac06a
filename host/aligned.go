package host

import (
	"io"
	"unsafe"
)

// aligned reads whole sectors into memory that begins at a page, as direct reads of a device must, and
// gives out the bytes that were asked for. With align 0 it reads as its parent does.
type aligned struct {
	src   io.ReaderAt
	align int64
	buf   []byte
}

// pageSize is more than the alignment that any direct read asks for.
const pageSize = 4096

func newAligned(src io.ReaderAt, align int64) *aligned {
	a := &aligned{src: src, align: align}
	if align > 0 {
		a.buf = pageAligned(maxRequest + 2*int(align))
	}
	return a
}

// pageAligned returns n bytes that begin at a page border.
func pageAligned(n int) []byte {
	raw := make([]byte, n+pageSize)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & (pageSize - 1))
	return raw[skip : skip+n : skip+n]
}

func (a *aligned) ReadAt(p []byte, off int64) (int, error) {
	if a.align <= 0 {
		return a.src.ReadAt(p, off)
	}
	if off%a.align == 0 && int64(len(p))%a.align == 0 && len(p) > 0 && uintptr(unsafe.Pointer(unsafe.SliceData(p)))%pageSize == 0 {
		return a.src.ReadAt(p, off)
	}
	start := off - off%a.align
	end := off + int64(len(p))
	if r := end % a.align; r != 0 {
		end += a.align - r
	}
	n, err := a.src.ReadAt(a.buf[:end-start], start)
	have := min(int64(n)-(off-start), int64(len(p)))
	if have < 0 {
		have = 0
	}
	copy(p, a.buf[off-start:off-start+have])
	if have == int64(len(p)) {
		return len(p), nil
	}
	if err == nil {
		err = io.EOF
	}
	return int(have), err
}
