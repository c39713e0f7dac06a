// Package protobuf reads messages of protocol buffers field by field, without a description of them.
//
// It promises that no length leads outside of the message, that nothing is copied, and that groups, which nobody writes any
// more, are refused. Depth is the caller's: a message inside of another is bytes.
//
// Followed: Protocol Buffers, "Encoding", wire types 0, 1, 2 and 5.
package protobuf

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

// Wire types of protocol buffers.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// Fields calls visit for each field of a message: number, value of a number, bytes of everything else, and where those
// stand. structure and base name the message and its place, for errors.
func Fields(structure string, p []byte, base int64, visit func(number int, v uint64, b []byte, at int64) error) error {
	for i := 0; i < len(p); {
		start := i
		bad := func(what string) error {
			return cursor.Corrupt(structure, base+int64(start), what, fmt.Sprintf("% x", p[start:min(start+12, len(p))]))
		}
		key, n := binary.Uvarint(p[i:])
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return bad("the key of a field")
		}
		i += n
		var v uint64
		var b []byte
		at := base + int64(i)
		switch key & 7 {
		case wireVarint:
			if v, n = binary.Uvarint(p[i:]); n <= 0 {
				return bad("a number")
			}
			i += n
		case wire64, wire32:
			n := 8
			if key&7 == wire32 {
				n = 4
			}
			if len(p)-i < n {
				return bad(fmt.Sprintf("%d bytes", n))
			}
			if b = p[i : i+n]; n == 4 {
				v = uint64(binary.LittleEndian.Uint32(b))
			} else {
				v = binary.LittleEndian.Uint64(b)
			}
			i += n
		case wireBytes:
			size, n := binary.Uvarint(p[i:])
			if n <= 0 || size > uint64(len(p)-i-n) {
				return bad("a length inside of the message")
			}
			i += n
			at = base + int64(i)
			b = p[i : i+int(size)]
			i += int(size)
		default:
			return bad("a wire type that is known")
		}
		if err := visit(int(key>>3), v, b, at); err != nil {
			return err
		}
	}
	return nil
}
