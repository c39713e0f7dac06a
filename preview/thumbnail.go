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
	mean := meanOf(img)
	for y := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		y0, y1 := b.Min.Y+y*b.Dy()/h, b.Min.Y+(y+1)*b.Dy()/h
		for x := range w {
			x0, x1 := b.Min.X+x*b.Dx()/w, b.Min.X+(x+1)*b.Dx()/w
			out.SetRGBA(x, y, mean(x0, y0, max(x1, x0+1), max(y1, y0+1)))
		}
	}
	return out, nil
}

// meanOf returns what takes the mean of some points of a square of img. Most pictures are photos, whose points are not
// turned into red, green and blue one by one.
func meanOf(img image.Image) func(x0, y0, x1, y1 int) color.RGBA {
	switch img := img.(type) {
	case *image.YCbCr:
		return func(x0, y0, x1, y1 int) color.RGBA {
			var luma, blue, red, n int
			points(x0, y0, x1, y1, func(x, y int) {
				c := img.COffset(x, y)
				luma, blue, red, n = luma+int(img.Y[img.YOffset(x, y)]), blue+int(img.Cb[c]), red+int(img.Cr[c]), n+1
			})
			r, g, b := color.YCbCrToRGB(uint8(luma/n), uint8(blue/n), uint8(red/n))
			return color.RGBA{r, g, b, 255}
		}
	case image.RGBA64Image:
		return func(x0, y0, x1, y1 int) color.RGBA {
			var r, g, b, n uint32
			points(x0, y0, x1, y1, func(x, y int) {
				c := img.RGBA64At(x, y)
				white := 0xffff - uint32(c.A)
				r, g, b, n = r+(uint32(c.R)+white)>>8, g+(uint32(c.G)+white)>>8, b+(uint32(c.B)+white)>>8, n+1
			})
			return color.RGBA{uint8(min(r/n, 255)), uint8(min(g/n, 255)), uint8(min(b/n, 255)), 255}
		}
	}
	return meanOf(whole{img})
}

// whole gives any picture the way to its points that those of the standard library have.
type whole struct{ image.Image }

func (w whole) RGBA64At(x, y int) color.RGBA64 {
	r, g, b, a := w.At(x, y).RGBA()
	return color.RGBA64{uint16(r), uint16(g), uint16(b), uint16(a)}
}

// points tells some points of a square, spread over it.
func points(x0, y0, x1, y1 int, tell func(x, y int)) {
	nx, ny := min(samples, x1-x0), min(samples, y1-y0)
	for j := range ny {
		for i := range nx {
			tell(x0+i*(x1-x0)/nx, y0+j*(y1-y0)/ny)
		}
	}
}
