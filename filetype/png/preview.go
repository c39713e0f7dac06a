package png

import (
	"context"
	"fmt"
	stdpng "image/png"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/window"
)

var shown = media.Decoder{Config: stdpng.DecodeConfig, Decode: stdpng.Decode}

// maxChunks is the most chunks that a preview looks at.
const maxChunks = 4096

// preview reads the chunks that say something of the picture, and steps over the pixels.
func preview(ctx context.Context, src block.Source) (p filetype.Preview, err error) {
	if err := ctx.Err(); err != nil {
		return p, err
	}
	w := window.New(ctx, src, maxKept+overhead)
	head, err := w.Bytes(0, len(signature))
	if err != nil || string(head) != signature {
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		return p, filetype.ErrNot
	}
	st := state{seen: map[string]bool{}}
	off := int64(len(signature))
	for range maxChunks {
		head, err := w.Bytes(off, 8)
		if err != nil {
			break
		}
		c, ok := parseHead(off, head)
		if !ok || c.kind == "IEND" {
			break
		}
		st.seen[c.kind] = true
		switch c.kind {
		case "IHDR", "acTL", "tEXt", "iTXt", "tIME", "eXIf":
			if data, err := w.Bytes(off+8, int(min(c.length, maxKept))); err == nil {
				st.take(c, data)
			}
		}
		off = c.end()
	}
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, filetype.Fact{Name: name, Value: value})
		}
	}
	if h := st.header; h.width > 0 {
		add("Picture", media.Pixels(h.width, h.height))
		colours := map[byte]string{0: "grey", 2: "RGB", 3: "palette", 4: "grey with transparency", 6: "RGB with transparency"}[h.colour]
		add("Colours", fmt.Sprintf("%s, %d bits", colours, h.depth))
	}
	if st.frames > 0 {
		add("Frames", fmt.Sprint(st.frames))
	}
	hints := st.hints()
	add("Camera", hints.Camera)
	if !hints.Taken.IsZero() {
		add("Taken", hints.Taken.Format("2006-01-02 15:04:05"))
	}
	add("Title", hints.Title)
	add("Author", hints.Author)
	return p, nil
}
