package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/unpack"
)

// way is a way of packing whole files.
type way struct {
	kind, title string
	begins      func(head []byte) bool
	// summed reports whether the stream has a sum over its content, by its header.
	summed func(head []byte) bool
}

func always([]byte) bool { return true }

var ways = []way{
	{"gzip", "gzip file", func(h []byte) bool {
		return len(h) > 18 && h[0] == 0x1f && h[1] == 0x8b && h[2] == 8 && h[3]&0xE0 == 0
	}, always},
	{"xz", "xz file", func(h []byte) bool {
		return len(h) >= 12 && bytes.HasPrefix(h, []byte{0xfd, '7', 'z', 'X', 'Z', 0}) && crc32.ChecksumIEEE(h[6:8]) == binary.LittleEndian.Uint32(h[8:])
	}, func(h []byte) bool { return h[7]&0xF != 0 }},
	{"zstd", "Zstandard file", func(h []byte) bool {
		return len(h) >= 9 && bytes.HasPrefix(h, []byte{0x28, 0xb5, 0x2f, 0xfd}) && h[4]&0x08 == 0
	}, func(h []byte) bool { return h[4]&0x04 != 0 }},
	{"bzip2", "bzip2 file", func(h []byte) bool {
		return len(h) >= 10 && bytes.HasPrefix(h, []byte("BZh")) && h[3] >= '1' && h[3] <= '9' && (string(h[4:10]) == "1AY&SY" || string(h[4:10]) == "\x17\x72\x45\x38\x50\x90")
	}, always},
	{"lz4", "LZ4 file", func(h []byte) bool {
		return len(h) >= 7 && (bytes.HasPrefix(h, []byte{0x04, 0x22, 0x4d, 0x18}) && h[4]&0xC2 == 0x40 && h[5]&0x8F == 0 || bytes.HasPrefix(h, []byte{0x02, 0x21, 0x4c, 0x18}))
	}, func(h []byte) bool { return h[0] == 0x04 && h[4]&0x04 != 0 }},
	{"lzo", "lzop file", func(h []byte) bool {
		return bytes.HasPrefix(h, []byte{0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'})
	}, func(h []byte) bool { return len(h) >= 21 && binary.BigEndian.Uint32(h[17:])&0x101 != 0 }},
	{"lzma", "LZMA file", unpack.LooksLikeLZMA, func([]byte) bool { return false }},
}

// packed are the rows of packed files.
func packed() (out []firmware.Format) {
	for i := range ways {
		w := &ways[i]
		out = append(out, firmware.Format{Name: w.kind, Title: w.title,
			Look: func(_ context.Context, src block.Source) (firmware.Sighting, error) {
				if head := headOf(src); !w.begins(head) {
					return firmware.Sighting{}, cursor.ErrNot
				}
				return firmware.Sighting{Title: w.title}, nil
			},
			Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
				head := headOf(src)
				if !w.begins(head) {
					return nil, cursor.ErrNot
				}
				return w.open(ctx, src, o, head)
			}})
	}
	return out
}

func headOf(src block.Source) []byte {
	p := make([]byte, min(unpack.HeadSize, max(src.Size(), 0)))
	n, _ := src.ReadAt(p, 0) // what cannot be read begins nothing
	return p[:n]
}

func (w *way) open(ctx context.Context, src block.Source, o *firmware.Opening, head []byte) (*firmware.Part, error) {
	part := &firmware.Part{Title: w.title, Size: src.Size(), Source: src}
	whole := block.Extent{Length: src.Size()}
	child := o.Expand(ctx, part, w.kind)
	if child == nil {
		part.Checks = append(part.Checks, firmware.Check{What: "content", Method: w.kind, State: firmware.Cannot, Extent: whole, Why: "there is no room to unpack it"})
		return part, ctx.Err()
	}
	stream := part.Checks[len(part.Checks)-1]
	// A weak sign is one only when something came out.
	if w.kind == "lzma" && stream.State == firmware.Failed && child.Size == 0 {
		return nil, cursor.ErrNot
	}
	if name, itself := o.File(); itself {
		child.Name = unpack.ByName(w.kind).ImageName(name)
	}
	o.Inner(ctx, child)
	if stream.State == firmware.Passed {
		proven := w.summed(head)
		if proven {
			part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "sum of " + w.kind, State: firmware.Passed, Extent: stream.Extent, Expected: "the sums in the file", Found: "the same"})
		}
		if proven || firmware.Whole(child).Answer == firmware.OK {
			part.Unused.Add(stream.Extent)
		}
		fsimage.Behind(ctx, src, stream.Extent.Length, part, o)
	}
	return part, ctx.Err()
}
