package ota

import (
	"bytes"
	"context"
	"crypto"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/region"
)

const (
	footerSize = 6
	signText   = "signed by SignApk\x00"
)

// signature checks the signature over the whole file, which stands in the comment of the zip.
func (p *pkg) signature(ctx context.Context, src block.Source, o *firmware.Opening) {
	if p.Comment.Length < footerSize {
		return
	}
	b, err := cursor.Read(src, "Android update: comment", p.Comment.Offset, p.Comment.Length, 0xFFFF)
	if err != nil {
		return
	}
	foot := cursor.New("Android update: footer", p.Comment.End()-footerSize, b[len(b)-footerSize:])
	start, mark, size := int64(foot.Uint16()), foot.Uint16(), int64(foot.Uint16())
	if mark != 0xFFFF {
		return
	}
	at := p.Comment.End() - start
	where := block.Between(at, p.Comment.End()-footerSize)
	if size != p.Comment.Length || start <= footerSize || start > size {
		p.part.Checks = append(p.part.Checks, firmware.Check{What: "signature of the whole file", Method: "structure", State: firmware.Failed, Extent: p.Comment,
			Expected: "a comment that ends with its own size", Found: "other sizes"})
		return
	}
	message, err := cms.Parse(b[int64(len(b))-start : len(b)-footerSize])
	if err != nil {
		p.part.Checks = append(p.part.Checks, firmware.Check{What: "signature of the whole file", Method: "CMS", State: firmware.Failed, Extent: where, Expected: "a signature", Found: err.Error()})
		return
	}
	// Everything in front of the size of the comment.
	signed := block.Extent{Length: p.Comment.Offset - 2}
	a := message.Check(cms.Signed{What: "the whole file", Keys: o.Keys(), Digest: func(h crypto.Hash) ([]byte, error) {
		sum := h.New()
		if err := region.Sum(ctx, src, sum, signed); err != nil {
			return nil, err
		}
		return sum.Sum(nil), nil
	}})
	p.part.Signatures = append(p.part.Signatures, a.Signatures...)
	p.part.Findings = append(p.part.Findings, a.Findings...)
	content, own := a.Content, a.Message
	content.Extent, content.Strong = signed, true
	own.Extent = where
	p.part.Checks = append(p.part.Checks, content, own)
	// The comment is as signapk writes it: its size, its text and its footer have one value each.
	if own.State == firmware.Passed && own.Strong && bytes.Equal(b[:int64(len(b))-start], []byte(signText)) && int64(message.Size) == where.Length {
		for _, e := range []block.Extent{block.Between(signed.Length, at), {Offset: where.End(), Length: footerSize}} {
			p.part.Checks = append(p.part.Checks, firmware.Check{What: "comment", Method: "structure", State: firmware.Passed, Extent: e, Strong: true, Expected: "sizes and text around the signature", Found: "those"})
		}
	}
}
