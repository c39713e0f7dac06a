package vhd

import (
	"bytes"
	"fmt"
	"unicode/utf16"

	"salvor/block"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

const (
	sector     = 512
	footerSize = 512
	headerSize = 1024
)

// Kinds of disks.
const (
	fixed        = 2
	dynamic      = 3
	differencing = 4
)

var (
	footerMagic = []byte("conectix")
	headerMagic = []byte("cxsparse")
)

// footer says what disk an image holds.
type footer struct {
	header int64 // where the header of a dynamic disk stands
	size   int64 // bytes of the disk
	kind   uint32
	id     [16]byte
	saved  bool
}

// sum is the check of footers and headers: the complement of the sum of all bytes but its own.
func sum(b []byte, at int) uint32 {
	n := uint32(0)
	for i, c := range b {
		if i < at || i >= at+4 {
			n += uint32(c)
		}
	}
	return ^n
}

// parseFooter reads a footer of 512 bytes (511 in images of before 2004) that stands at off.
func parseFooter(b []byte, off int64) (*footer, error) {
	if !bytes.HasPrefix(b, footerMagic) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("vhd: footer", off, b)
	c.Skip(16)
	f := &footer{header: int64(c.Uint64BE())}
	c.Skip(4 + 4 + 4 + 4 + 8)
	f.size = int64(c.Uint64BE())
	c.Skip(4)
	f.kind = c.Uint32BE()
	check := c.Uint32BE()
	copy(f.id[:], c.Bytes(16))
	f.saved = c.Uint8() != 0
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*footer, error) {
		return nil, cursor.Corrupt("vhd: footer", off, expected, found)
	}
	switch found := sum(b, 64); {
	case found != check:
		return bad(fmt.Sprintf("the check %#x", check), fmt.Sprintf("%#x", found))
	case f.kind < fixed || f.kind > differencing:
		return bad("a fixed, dynamic or differencing disk", f.kind)
	case f.size <= 0 || f.size > 1<<60:
		return bad("a size that can be", f.size)
	}
	return f, nil
}

// header is that of a dynamic or a differencing disk.
type header struct {
	table      int64 // place of the table of blocks
	entries    int64
	block      int64 // bytes
	parent     [16]byte
	parentName string
	locators   []locator
}

// locator is a place at which a path of the parent stands.
type locator struct {
	platform string // "W2ru": relative, "W2ku": absolute
	length   int64
	at       int64
}

func parseHeader(b []byte, off int64) (*header, error) {
	if !bytes.HasPrefix(b, headerMagic) {
		return nil, cursor.Corrupt("vhd: header", off, "cxsparse", fmt.Sprintf("%q", b[:min(8, len(b))]))
	}
	c := cursor.New("vhd: header", off, b)
	c.Skip(16)
	h := &header{table: int64(c.Uint64BE())}
	c.Skip(4)
	h.entries, h.block = int64(c.Uint32BE()), int64(c.Uint32BE())
	check := c.Uint32BE()
	copy(h.parent[:], c.Bytes(16))
	c.Skip(8)
	h.parentName = utf16Text(c.Bytes(512), true)
	for range 8 {
		l := locator{platform: string(c.Bytes(4))}
		c.Skip(4)
		l.length = int64(c.Uint32BE())
		c.Skip(4)
		l.at = int64(c.Uint64BE())
		h.locators = append(h.locators, l)
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*header, error) {
		return nil, cursor.Corrupt("vhd: header", off, expected, found)
	}
	switch found := sum(b, 36); {
	case found != check:
		return bad(fmt.Sprintf("the check %#x", check), fmt.Sprintf("%#x", found))
	case h.block < sector || h.block > mapped.MaxUnit*16 || h.block&(h.block-1) != 0:
		return bad("blocks of a power of two", h.block)
	case h.table < 0:
		return bad("the place of a table", h.table)
	}
	return h, nil
}

// utf16Text returns text up to its first NUL.
func utf16Text(b []byte, big bool) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := uint16(b[i]) | uint16(b[i+1])<<8
		if big {
			u = uint16(b[i])<<8 | uint16(b[i+1])
		}
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// readFooter returns the footer at the end of src, or its copy at the beginning.
func readFooter(src block.Source) (f *footer, used bool, err error) {
	for _, at := range []int64{src.Size() - footerSize, src.Size() - footerSize + 1, 0} {
		if at < 0 {
			continue
		}
		b := make([]byte, min(footerSize, src.Size()-at))
		n, e := src.ReadAt(b, at)
		if n < len(b) {
			if _, unreadable := block.IsUnreadable(e); !unreadable {
				return nil, false, e
			}
		}
		found, e := parseFooter(b[:n], at)
		if e == nil && (at > 0 || found.kind != fixed) {
			return found, at == 0, nil
		}
		if _, corrupt := cursor.IsCorrupt(e); corrupt {
			err = e
		}
	}
	if err == nil {
		err = cursor.ErrNot
	}
	return nil, false, err
}
