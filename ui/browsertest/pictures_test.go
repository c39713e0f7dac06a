//go:build linux

package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Bounds of a picture in docs/screens: what a window shows, and what a page of the documents may weigh.
const (
	pictureWidth  = 1280
	pictureHeight = 1500
	pictureBytes  = 150 << 10
)

const pictures = "../../docs/screens"

// Each screen has its picture, shown in docs/ui.md; with -update-screens they are made anew.
func TestPictures(t *testing.T) {
	if *updateScreens {
		makePictures(t)
	}
	manual, err := os.ReadFile("../../docs/ui.md")
	must(t, err)
	known := map[string]bool{}
	for _, s := range screens {
		if s.bare {
			continue
		}
		known[s.name+".png"] = true
		data, err := os.ReadFile(filepath.Join(pictures, s.name+".png"))
		if err != nil {
			t.Errorf("the screen has no picture: %v", err)
			continue
		}
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || c.Width != pictureWidth || c.Height > pictureHeight || len(data) > pictureBytes {
			t.Errorf("%s: %d by %d, %d bytes, %v", s.name, c.Width, c.Height, len(data), err)
		}
		if !strings.Contains(string(manual), "(screens/"+s.name+".png)") {
			t.Errorf("docs/ui.md does not show %s", s.name)
		}
	}
	list, err := os.ReadDir(pictures)
	must(t, err)
	for _, f := range list {
		if !known[f.Name()] {
			t.Errorf("%s is no picture of a screen", f.Name())
		}
	}
}

func makePictures(t *testing.T) {
	w := theWorld.get(t)
	b := w.visit(t)
	must(t, os.MkdirAll(pictures, 0o755))
	for _, s := range screens {
		if s.bare {
			continue
		}
		b.theme("light")
		b.language("en")
		b.size(pictureWidth, 800)
		s.at(b, w)
		run[bool](b, `(document.activeElement.blur(), window.scrollTo(0, 0), true)`)
		b.wait(`[...document.images].every(i => i.complete || i.loading === "lazy")`)
		high := min(run[float64](b, `document.documentElement.scrollHeight`), pictureHeight)
		b.size(pictureWidth, int64(high))
		b.wait(`[...document.images].every(i => i.complete)`)
		shot, err := chromedp.Call(b.ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Clip: &cdppage.Viewport{Width: pictureWidth, Height: high, Scale: 1}})
		must(t, err)
		small, err := smaller(shot.Data)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(pictures, s.name+".png"), small, 0o644))
	}
}

// smaller writes a picture by its 256 most frequent colours.
func smaller(data []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	box := full.Bounds()
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := full.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	// Of colours that a person does not tell apart only the most frequent one counts.
	var all []color.RGBA
	for c := range counts {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return bytes.Compare([]byte{a.R, a.G, a.B}, []byte{b.R, b.G, b.B})
	})
	var few color.Palette
	taken := map[color.RGBA]bool{}
	for _, c := range all {
		near := color.RGBA{c.R >> 4, c.G >> 4, c.B >> 4, 0}
		if len(few) < 32 || !taken[near] {
			few = append(few, c)
			taken[near] = true
		}
		if len(few) == 256 {
			break
		}
	}
	out := image.NewPaletted(box, few)
	index := map[color.RGBA]uint8{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := at(x, y)
			i, ok := index[c]
			if !ok {
				i = uint8(few.Index(c))
				index[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out)
	return b.Bytes(), err
}
