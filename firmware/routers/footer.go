package routers

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	footer      = "Linksys image with footer"
	footerSize  = 256
	footerMagic = ".LINKSYS."
	footerText  = 64 // what is text of it; zeros behind
)

// Footer is the row of Linksys' footer, which stands behind an image of any kind and is asked for before those.
func Footer() firmware.Format {
	return firmware.Format{Name: "linksys-footer", Title: footer, Look: lookFooter, Open: openFooter}
}

// readFooter returns the model and the sum that the footer says.
func readFooter(src block.Source) (model string, sum uint32, err error) {
	at := src.Size() - footerSize
	if at <= 0 {
		return "", 0, cursor.ErrNot
	}
	p, err := cursor.Read(src, footer, at, footerText, footerText)
	if err != nil {
		return "", 0, region.NotHere(err)
	}
	digits, err := hex.DecodeString(string(p[32:40]))
	if string(p[:9]) != footerMagic || err != nil || !plain(string(p)) {
		return "", 0, cursor.ErrNot
	}
	c := cursor.New(footer, at+32, digits)
	return strings.TrimSpace(string(p[17:32])), c.Uint32BE(), nil
}

func lookFooter(_ context.Context, src block.Source) (firmware.Sighting, error) {
	model, _, err := readFooter(src)
	return firmware.Sighting{Title: footer, Name: model, Size: src.Size()}, err
}

func openFooter(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	model, want, err := readFooter(src)
	if err != nil {
		return nil, err
	}
	const method = "CRC-32 of cksum"
	image := block.Extent{Length: src.Size() - footerSize}
	part := &firmware.Part{Title: footer, Name: model, Role: firmware.Package}
	claim(part, firmware.Board, model)
	if sum, err := posixSum(ctx, src, image, block.Extent{}); err != nil {
		part.Checks = append(part.Checks, region.Unread("image", method, image, fmt.Sprintf("%08x", want), src.Size(), err))
	} else {
		part.Checks = append(part.Checks, firmware.Sum32("image", method, image, want, sum))
	}
	part.Checks = append(part.Checks, region.Padding(ctx, src, "footer", block.Between(image.Length+footerText, src.Size()), 0))
	child := region.Part(src, "image", firmware.Package, image)
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
	return part, ctx.Err()
}
