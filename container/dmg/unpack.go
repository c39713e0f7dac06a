package dmg

import (
	"bytes"
	"compress/bzip2"
	"fmt"

	"github.com/ulikunitz/xz"

	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/internal/lzfse"
)

// unpack fills dst with what comes out of b, which stood at off.
func (im *image) unpack(kind uint32, off int64, b, dst []byte) error {
	const name = "dmg: chunk"
	switch kind {
	case deflate:
		return im.inflate.Zlib(name, off, b, dst)
	case bzip:
		return mapped.Fill(name, off, bzip2.NewReader(bytes.NewReader(b)), dst, true)
	case apple:
		n, err := lzfse.Decode(dst, b)
		if err != nil || n < len(dst) {
			return cursor.Corrupt(name, off, fmt.Sprintf("%d bytes of LZFSE", len(dst)), fmt.Sprintf("%d (%v)", n, err))
		}
		return nil
	case lzma:
		if n := xzWindow(b); n > maxWindow {
			return cursor.Corrupt(name, off, fmt.Sprintf("a window of up to %d bytes", maxWindow), n)
		}
		r, err := xz.ReaderConfig{SingleStream: true}.NewReader(bytes.NewReader(b))
		if err != nil {
			return cursor.Corrupt(name, off, "an xz stream", err)
		}
		return mapped.Fill(name, off, r, dst, true)
	case adc:
		return unpackADC(name, off, b, dst)
	}
	return cursor.Corrupt(name, off, "a kind of chunk that is known", fmt.Sprintf("%#x", kind))
}

// maxWindow bounds the memory of an xz stream: chunks have a MiB or so.
const maxWindow = 64 << 20

// xzWindow returns the size of the window that the first block of an xz stream asks for, as its filter LZMA2 says; more
// than is allowed where it has other filters too. See The .xz File Format 1.1.0, sections 3.1 and 5.3.1.
func xzWindow(b []byte) int64 {
	const header = 12 // of the stream
	if len(b) < header+12 {
		return 0
	}
	b = b[header:]
	if b[0] == 0 { // the index: no block
		return 0
	}
	at := 2
	skip := func() {
		for at < len(b) && b[at] >= 0x80 {
			at++
		}
		at++
	}
	if b[1]&0x40 != 0 {
		skip()
	}
	if b[1]&0x80 != 0 {
		skip()
	}
	if b[1]&0x3f != 0 || at+2 >= len(b) || b[at] != 0x21 || b[at+1] != 1 || b[at+2] >= 40 {
		return maxWindow + 1
	}
	bits := b[at+2]
	return int64(2|bits&1) << (bits/2 + 11)
}

// unpackADC unpacks Apple Data Compression: runs of literal bytes, and copies of what came before.
func unpackADC(name string, off int64, b, dst []byte) error {
	n := 0
	for at := 0; n < len(dst); {
		left := b[min(at, len(b)):]
		if len(left) == 0 {
			return cursor.Corrupt(name, off, len(dst), n)
		}
		length, distance, used := 0, 0, 0
		switch c := int(left[0]); {
		case c&0x80 != 0:
			length, used = c&0x7f+1, c&0x7f+2
		case c&0x40 != 0 && len(left) >= 3:
			length, distance, used = c&0x3f+4, (int(left[1])<<8|int(left[2]))+1, 3
		case c&0x40 == 0 && len(left) >= 2:
			length, distance, used = c>>2+3, ((c&3)<<8|int(left[1]))+1, 2
		}
		switch {
		case used == 0 || used > len(left) || length > len(dst)-n || distance > n:
			return cursor.Corrupt(name, off+int64(at), "bytes that unpack", fmt.Sprintf("%#x", left[0]))
		case distance == 0:
			copy(dst[n:], left[1:used])
		default:
			for i := range length {
				dst[n+i] = dst[n+i-distance]
			}
		}
		n += length
		at += used
	}
	return nil
}
