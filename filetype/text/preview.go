package text

import (
	"context"
	"strings"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// previewRead is how much of a text is read for a preview, in bytes: UTF-16 takes twice what it shows.
const previewRead = 4 * filetype.MaxPreviewText

// preview gives the beginning of a text, and its encoding.
func preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	if err := ctx.Err(); err != nil {
		return filetype.Preview{}, err
	}
	head := block.Section(src, block.Extent{Length: min(previewRead, src.Size())})
	var out []byte
	res, err := judge(filetype.NewStream(ctx, head, 0), func(p []byte) bool {
		out = append(out, p[:min(len(p), filetype.MaxPreviewText-len(out))]...)
		return true
	})
	if cerr := ctx.Err(); cerr != nil {
		return filetype.Preview{}, cerr
	}
	if err != nil && len(out) == 0 {
		return filetype.Preview{}, err
	}
	if !res.plausible() {
		return filetype.Preview{}, filetype.ErrNot
	}
	p := filetype.Preview{Facts: []filetype.Fact{{Name: "Encoding", Value: res.encoding}}}
	if res.encoding == "windows-1252" {
		p.Text = exif.Latin(out)
	} else {
		p.Text = strings.ToValidUTF8(string(out), "")
	}
	if len(p.Text) > filetype.MaxPreviewText {
		p.Text = strings.ToValidUTF8(p.Text[:filetype.MaxPreviewText], "")
	}
	return p, nil
}
