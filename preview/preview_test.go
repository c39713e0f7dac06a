package preview

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/filetype"
)

// formatOf returns a format whose preview is this.
func formatOf(p filetype.Preview, err error) *filetype.Format {
	return &filetype.Format{Name: "made", Preview: func(context.Context, block.Source) (filetype.Preview, error) { return p, err }}
}

func TestOf(t *testing.T) {
	ctx := context.Background()
	src := block.Bytes([]byte("some words in a file\n"))
	t.Run("format", func(t *testing.T) {
		p, err := Of(ctx, formatOf(filetype.Preview{Facts: []filetype.Fact{{Name: "Picture", Value: "1 × 1"}}}, nil), src)
		if err != nil || len(p.Facts) != 1 || p.Text != "" || len(p.Findings) != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("none", func(t *testing.T) {
		for _, f := range []*filetype.Format{nil, {Name: "bare"}, formatOf(filetype.Preview{}, filetype.ErrNot)} {
			p, err := Of(ctx, f, src)
			if err != nil || p.Text != "some words in a file\n" || p.Encoding != "ASCII" || len(p.Findings) != 0 {
				t.Errorf("%+v, %v", p, err)
			}
		}
	})
	t.Run("failing", func(t *testing.T) {
		p, err := Of(ctx, formatOf(filetype.Preview{Facts: []filetype.Fact{{Name: "a", Value: "b"}}}, errors.New("broken")), src)
		if err != nil || len(p.Findings) != 1 || p.Findings[0].Code != "preview.failed" || len(p.Facts) == 0 {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("panic", func(t *testing.T) {
		f := &filetype.Format{Name: "made", Preview: func(context.Context, block.Source) (filetype.Preview, error) { panic("hostile") }}
		p, err := Of(ctx, f, src)
		if err != nil || len(p.Findings) != 1 || p.Findings[0].Code != "guard.panic" || p.Text == "" {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := Of(ctx, formatOf(filetype.Preview{}, context.Canceled), src); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("too much", func(t *testing.T) {
		long := strings.Repeat("é", 2*filetype.MaxPreviewText)
		much := filetype.Preview{Text: long[:filetype.MaxPreviewText+1]}
		for range filetype.MaxMembers + 7 {
			much.Members = append(much.Members, filetype.Member{Name: long, Note: long})
		}
		for range 200 {
			much.Facts = append(much.Facts, filetype.Fact{Name: long, Value: long})
		}
		p, err := Of(ctx, formatOf(much, nil), src)
		if err != nil || len(p.Members) != filetype.MaxMembers || p.More != 7 || len(p.Facts) != maxFacts {
			t.Fatalf("%d members, %d more, %d facts, %v", len(p.Members), p.More, len(p.Facts), err)
		}
		if n := utf8.RuneCountInString(p.Members[0].Name); n > maxName+1 {
			t.Errorf("a name of %d characters", n)
		}
		if len(p.Text) > filetype.MaxPreviewText || !utf8.ValidString(p.Text) {
			t.Errorf("a text of %d bytes, valid %v", len(p.Text), utf8.ValidString(p.Text))
		}
	})
}

func TestText(t *testing.T) {
	utf16Bytes := func(s string, order binary.ByteOrder, mark bool) []byte {
		var p []byte
		units := utf16.Encode([]rune(s))
		if mark {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			p = append(p, 0, 0)
			order.PutUint16(p[len(p)-2:], u)
		}
		return p
	}
	noise := make([]byte, 4096)
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for _, tc := range []struct {
		name     string
		head     []byte
		text     string
		encoding string
	}{
		{"ASCII", []byte("plain words\r\nand more\n"), "plain words\r\nand more\n", "ASCII"},
		{"UTF-8", []byte("Grüße, 世界"), "Grüße, 世界", "UTF-8"},
		{"UTF-8 cut", []byte("Grüße, 世界")[:12], "Grüße, 世"[:9], "UTF-8"},
		{"mark", []byte("\ufeffGrüße"), "Grüße", "UTF-8 with a mark"},
		{"UTF-16 LE", utf16Bytes("Grüße, 世界 𝄞", binary.LittleEndian, true), "Grüße, 世界 𝄞", "UTF-16, little-endian"},
		{"UTF-16 BE", utf16Bytes("Grüße", binary.BigEndian, true), "Grüße", "UTF-16, big-endian"},
		{"UTF-16 LE without a mark", utf16Bytes("settings of a window", binary.LittleEndian, false), "settings of a window", "UTF-16, little-endian, without a mark"},
		{"UTF-16 BE without a mark", utf16Bytes("settings of a window", binary.BigEndian, false), "settings of a window", "UTF-16, big-endian, without a mark"},
		{"Windows-1252", []byte("Gr\xfc\xdfe \x80 5, und noch einiges mehr"), "Grüße € 5, und noch einiges mehr", "one byte a character, shown as Windows-1252"},
		{"noise", noise, "", ""},
		{"zeros", make([]byte, 100), "", ""},
		{"nothing", nil, "", ""},
		{"program", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, encoding, ok := Text(tc.head)
			if tc.name == "UTF-8 cut" {
				if !ok || !strings.HasPrefix("Grüße, 世界", text) || len(text) < 8 {
					t.Errorf("%q, %q", text, encoding)
				}
				return
			}
			if text != tc.text || encoding != tc.encoding || ok != (tc.encoding != "") {
				t.Errorf("%q, %q, %v, want %q, %q", text, encoding, ok, tc.text, tc.encoding)
			}
		})
	}
}

func TestDump(t *testing.T) {
	p := make([]byte, 100)
	for i := range p {
		p[i] = byte(i + 0x30)
	}
	src := blocktest.Faulty(block.Bytes(p), blocktest.Bad(block.Extent{Offset: 36, Length: 4}))
	lines := Dump(src, block.Extent{Offset: 20, Length: 1000})
	if len(lines) != 6 || lines[0].Offset != 16 || len(lines[5].Bytes) != 4 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	want := "00000020  50 51 52 53 ?? ?? ?? ??  58 59 5a 5b 5c 5d 5e 5f  |PQRS????XYZ[\\]^_|"
	if got := lines[1].String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	want = "00000060  90 91 92 93                                       |....|"
	if got := lines[5].String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := Dump(src, block.Extent{Offset: 200, Length: 10}); len(got) != 0 {
		t.Errorf("behind the end: %v", got)
	}
}

func TestThumbnail(t *testing.T) {
	ctx := context.Background()
	img := image.NewNRGBA(image.Rect(10, 20, 410, 220))
	for y := range 200 {
		for x := range 400 {
			img.SetNRGBA(10+x, 20+y, color.NRGBA{uint8(x / 2), uint8(y), 100, 255})
		}
	}
	format := &filetype.Format{Name: "made", Thumbnail: func(context.Context, block.Source, int) (image.Image, error) { return img, nil }}
	p, err := Thumbnail(ctx, format, block.Bytes(nil), 100)
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(p))
	if err != nil || got.Bounds().Dx() != 100 || got.Bounds().Dy() != 50 {
		t.Fatalf("%v, %v", got.Bounds(), err)
	}
	r, g, _, _ := got.At(90, 40).RGBA()
	if r>>8 < 160 || r>>8 > 200 || g>>8 < 140 || g>>8 > 180 {
		t.Errorf("the colour at 90, 40 is %d, %d", r>>8, g>>8)
	}
	clear := image.NewNRGBA(image.Rect(0, 0, 3, 3))
	format.Thumbnail = func(context.Context, block.Source, int) (image.Image, error) { return clear, nil }
	if p, err = Thumbnail(ctx, format, block.Bytes(nil), 100); err != nil {
		t.Fatal(err)
	}
	if got, _ = jpeg.Decode(bytes.NewReader(p)); got.Bounds().Dx() != 3 {
		t.Errorf("%v", got.Bounds())
	}
	if r, _, _, _ := got.At(1, 1).RGBA(); r>>8 < 250 {
		t.Errorf("what is transparent is %d, want white", r>>8)
	}
	for name, f := range map[string]func(context.Context, block.Source, int) (image.Image, error){
		"nothing": func(context.Context, block.Source, int) (image.Image, error) { return nil, nil },
		"empty": func(context.Context, block.Source, int) (image.Image, error) {
			return image.NewGray(image.Rectangle{}), nil
		},
		"bomb": func(context.Context, block.Source, int) (image.Image, error) {
			return huge{image.NewUniform(color.White)}, nil
		},
		"panic": func(context.Context, block.Source, int) (image.Image, error) { panic("hostile") },
	} {
		format.Thumbnail = f
		if p, err := Thumbnail(ctx, format, block.Bytes(nil), 100); err == nil || p != nil {
			t.Errorf("%s: %d bytes, %v", name, len(p), err)
		}
	}
	if _, err := Thumbnail(ctx, nil, block.Bytes(nil), 100); !errors.Is(err, ErrNoThumbnail) {
		t.Error(err)
	}
}

// huge is a picture that says that it has more pixels than any that is decoded.
type huge struct{ *image.Uniform }

func (huge) Bounds() image.Rectangle { return image.Rect(0, 0, 1<<20, 1<<20) }

func FuzzText(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("Gr\xfc\xdfe"))
	f.Fuzz(func(t *testing.T, p []byte) {
		text, encoding, ok := Text(p)
		if !utf8.ValidString(text) || ok != (encoding != "") || !ok && text != "" || len(text) > 4*len(p) {
			t.Errorf("%q, %q, %v", text, encoding, ok)
		}
	})
}

// plain is a picture that shows its points in the most general way only.
type plain struct{ image.Image }

// The means of a photo and of any picture of the same points are the same.
func TestMeans(t *testing.T) {
	photo := image.NewYCbCr(image.Rect(3, 5, 203, 155), image.YCbCrSubsampleRatio420)
	for y := 5; y < 155; y++ {
		for x := 3; x < 203; x++ {
			at := photo.COffset(x, y)
			photo.Y[photo.YOffset(x, y)], photo.Cb[at], photo.Cr[at] = uint8(x), uint8(80+y/2), uint8(90+x/4)
		}
	}
	fast, err := shrink(t.Context(), photo, 64)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := shrink(t.Context(), plain{photo}, 64)
	if err != nil {
		t.Fatal(err)
	}
	if fast.Bounds() != slow.Bounds() || fast.Bounds().Dx() != 64 {
		t.Fatalf("%v and %v", fast.Bounds(), slow.Bounds())
	}
	for i := range fast.Pix {
		if d := int(fast.Pix[i]) - int(slow.Pix[i]); d < -3 || d > 3 {
			t.Fatalf("byte %d is %d, and %d point by point", i, fast.Pix[i], slow.Pix[i])
		}
	}
	if fast.Pix[0] == fast.Pix[len(fast.Pix)-4] {
		t.Error("all points are alike")
	}
}
