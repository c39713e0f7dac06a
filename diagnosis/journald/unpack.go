package journald

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"salvor/block"
	"salvor/cursor"
	"salvor/unpack"
)

// unpacked returns the beginning of a compressed payload.
func unpacked(ctx context.Context, flags byte, b []byte) ([]byte, error) {
	name := ""
	switch flags {
	case packedLZ4:
		if len(b) < 8 {
			return nil, cursor.Corrupt("journal data", 0, "the size of LZ4", "the end")
		}
		size := binary.LittleEndian.Uint64(b)
		return lz4(b[8:], int(min(size, maxMessage+fieldLongest)))
	case packedXZ:
		name = "xz"
	case packedZSTD:
		name = "zstd"
	}
	kind := unpack.ByName(name)
	if kind == nil {
		return nil, cursor.Corrupt("journal data", 1, "one way of compression", flags)
	}
	var out bytes.Buffer
	_, err := kind.Run(ctx, block.Bytes(b), &head{&out}, maxPacked)
	var limit *unpack.LimitError
	if err != nil && !errors.Is(err, errEnough) && !errors.As(err, &limit) {
		return nil, err
	}
	return out.Bytes(), nil
}

var errEnough = errors.New("journald: enough")

// head keeps the beginning of what is written to it.
type head struct{ out *bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	room := maxMessage + fieldLongest - h.out.Len()
	if room <= 0 {
		return 0, errEnough
	}
	h.out.Write(p[:min(room, len(p))])
	return len(p), nil
}

// lz4 decodes the first limit bytes of an LZ4 block: tokens of literals and copies (LZ4 block format description, 1.9.4).
func lz4(b []byte, limit int) ([]byte, error) {
	out := make([]byte, 0, min(limit, 4*len(b)+64))
	bad := func(found string) ([]byte, error) {
		return nil, cursor.Corrupt("LZ4 block", int64(len(out)), "a token", found)
	}
	length := func(n int) (int, bool) {
		for n >= 15 && len(b) > 0 {
			c := b[0]
			b = b[1:]
			if n += int(c); c < 255 || n > maxPacked {
				return n, true
			}
		}
		return n, n < 15
	}
	for len(b) > 0 && len(out) < limit {
		token := b[0]
		b = b[1:]
		n, ok := length(int(token >> 4))
		if !ok || n > len(b) {
			return bad("literals behind the end")
		}
		out, b = append(out, b[:n]...), b[n:]
		if len(b) == 0 {
			break
		}
		if len(b) < 2 {
			return bad("half of an offset")
		}
		back := int(binary.LittleEndian.Uint16(b))
		b = b[2:]
		if n, ok = length(int(token & 15)); !ok || back == 0 || back > len(out) {
			return bad("a copy from before the start")
		}
		for range min(n+4, limit-len(out)) {
			out = append(out, out[len(out)-back])
		}
	}
	return out[:min(len(out), limit)], nil
}
