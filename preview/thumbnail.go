package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"

	"salvor/block"
	"salvor/filetype"
	"salvor/guard"
)

// ErrNoThumbnail is the answer for a format that has no small picture.
var ErrNoThumbnail = errors.New("preview: no picture")

// Thumbnail returns a JPEG file whose longer side has at most size pixels.
func Thumbnail(ctx context.Context, format *filetype.Format, src block.Source, size int) ([]byte, error) {
	if format == nil || format.Thumbnail == nil {
		return nil, ErrNoThumbnail
	}
	var img image.Image
	err := guard.Do(ctx, Time, src, func(ctx context.Context, src block.Source) (err error) {
		img, err = format.Thumbnail(ctx, src, size)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case img == nil:
		return nil, ErrNoThumbnail
	}
	b := img.Bounds()
	if b.Empty() || int64(b.Dx())*int64(b.Dy()) > filetype.MaxPixels {
		return nil, fmt.Errorf("%w: %d by %d pixels", ErrNoThumbnail, b.Dx(), b.Dy())
	}
	var out bytes.Buffer
	err = guard.Do(ctx, Time, block.Bytes(nil), func(ctx context.Context, _ block.Source) error {
		small, err := shrink(ctx, img, size)
		if err != nil {
			return err
		}
		return jpeg.Encode(&out, small, &jpeg.Options{Quality: 78})
	})
	return out.Bytes(), err
}

// samples is the most points of a side of a square that become one pixel.
const samples = 4

// shrink returns img with the longer side of at most size pixels, on white where it is transparent. Each pixel is the
// mean of some points of the square that it stands for.
func shrink(ctx context.Context, img image.Image, size int) (*image.RGBA, error) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if long := max(w, h); long > size {
		w, h = max(1, w*size/long), max(1, h*size/long)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	at := points(img)
	for y := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		y0, y1 := b.Min.Y+y*b.Dy()/h, b.Min.Y+(y+1)*b.Dy()/h
		for x := range w {
			x0, x1 := b.Min.X+x*b.Dx()/w, b.Min.X+(x+1)*b.Dx()/w
			out.SetRGBA(x, y, mean(at, x0, y0, max(x1, x0+1), max(y1, y0+1)))
		}
	}
	return out, nil
}

// points returns how the points of img are read: without an allocation for each where it can be, as those of all pictures of
// the standard library.
func points(img image.Image) func(x, y int) (r, g, b, a uint32) {
	if img, ok := img.(image.RGBA64Image); ok {
		return func(x, y int) (r, g, b, a uint32) {
			c := img.RGBA64At(x, y)
			return uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A)
		}
	}
	return func(x, y int) (r, g, b, a uint32) { return img.At(x, y).RGBA() }
}

func mean(at func(x, y int) (r, g, b, a uint32), x0, y0, x1, y1 int) color.RGBA {
	nx, ny := min(samples, x1-x0), min(samples, y1-y0)
	var r, g, b, n uint32
	for j := range ny {
		for i := range nx {
			pr, pg, pb, pa := at(x0+i*(x1-x0)/nx, y0+j*(y1-y0)/ny)
			white := 0xffff - min(pa, 0xffff)
			r, g, b, n = r+(pr+white)>>8, g+(pg+white)>>8, b+(pb+white)>>8, n+1
		}
	}
	return color.RGBA{uint8(min(r/n, 255)), uint8(min(g/n, 255)), uint8(min(b/n, 255)), 255}
}
