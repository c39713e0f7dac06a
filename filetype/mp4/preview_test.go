package mp4

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
)

func facts(p filetype.Preview) (s string) {
	for _, f := range p.Facts {
		s += f.Name + ": " + f.Value + "\n"
	}
	for _, m := range p.Members {
		s += m.Name + " " + m.Note + "\n"
	}
	return s
}

func TestPreview(t *testing.T) {
	for name, want := range map[string][]string{
		"h264.mp4":   {"Picture: H.264 96 × 64 pixels", "Length: 0:02", "Title: Test ride", "sound AAC 22050 Hz"},
		"h264.mov":   {"Camera: Maker Cam 1", "Title: Test ride"},
		"hevc.mov":   {"H.265 96 × 64"},
		"frag.mp4":   {"H.264 96 × 64"},
		"tone.m4a":   {"Title: A tone", "Author: Someone", "Length: 0:02"},
		"photo.heic": {"Picture: 200 × 150 pixels"},
		"still.avif": {"Picture: 96 × 64 pixels"},
		"exif.heic":  {"Camera: Maker Cam 1", "Taken: 2024-05-06 07:08:09", "Title: Harbour"},
	} {
		p, err := preview(t.Context(), block.Bytes(fixture(t, name)))
		for _, w := range want {
			if err != nil || !strings.Contains(facts(p), w) {
				t.Errorf("%s: %q in %q, %v", name, w, facts(p), err)
			}
		}
	}
	if _, err := preview(t.Context(), block.Bytes([]byte("no film at all, but text"))); !errors.Is(err, filetype.ErrNot) {
		t.Errorf("%v", err)
	}
	p := fixture(t, "faststart.mp4")
	if got, err := preview(t.Context(), block.Bytes(p[:len(p)/2])); err != nil || len(got.Members) != 2 {
		t.Errorf("cut: %v %v", facts(got), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := preview(ctx, block.Bytes(p)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What Exif says of a picture becomes its name.
func TestExif(t *testing.T) {
	r := judge(t, fixture(t, "exif.heic"))
	if r.Hints.Camera != "Maker Cam 1" || !r.Hints.Taken.Equal(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)) || r.Hints.Title != "Harbour" {
		t.Errorf("%+v", r.Hints)
	}
}

func makeBox(kind string, parts ...string) string {
	data := strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)+8))) + kind + data
}

// cr3 returns the parts of a CR3 photo that say what it is.
func cr3(t testing.TB) []byte {
	picture := func(w int) string {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, 16)), nil); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	le := binary.LittleEndian
	tiff := []byte("II*\x00\x08\x00\x00\x00\x02\x00")
	tiff = le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(tiff, 0x110), 2), 12), 38)
	tiff = le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(tiff, 0x132), 2), 20), 50)
	tiff = append(tiff, "\x00\x00\x00\x00Canon EOS R\x002024:05:06 07:08:09\x00"...)
	mvhd := makeBox("mvhd", string(make([]byte, 100)))
	return []byte(makeBox("ftyp", "crx \x00\x00\x00\x01crx isom") +
		makeBox("moov", makeBox("uuid", canonNotes, makeBox("CMT1", string(tiff)), makeBox("THMB", strings.Repeat("\x00", 16), picture(160))), mvhd) +
		makeBox("uuid", canonPreview, strings.Repeat("\x00", 8), makeBox("PRVW", strings.Repeat("\x00", 16), picture(640))) +
		makeBox("mdat", strings.Repeat("raw", 100)))
}

func TestCR3(t *testing.T) {
	r := judge(t, cr3(t))
	if r.Extension != "cr3" || r.Class != filetype.Photo || r.Hints.Camera != "Canon EOS R" || r.Hints.Taken.Year() != 2024 {
		t.Errorf("%q %v %+v", r.Extension, r.Class, r.Hints)
	}
	for size, want := range map[int]int{100: 160, 300: 640, 9000: 640} {
		m, err := thumbnail(t.Context(), block.Bytes(cr3(t)), size)
		if err != nil || m.Bounds().Dx() != want {
			t.Errorf("%d: %v", size, err)
		}
	}
}

func TestThumbnail(t *testing.T) {
	m, err := thumbnail(t.Context(), block.Bytes(fixture(t, "cover.m4a")), 10)
	if err != nil || m.Bounds().Dx() != 32 {
		t.Errorf("%v", err)
	}
	if _, err := thumbnail(t.Context(), block.Bytes(fixture(t, "h264.mp4")), 10); !errors.Is(err, filetype.ErrNot) {
		t.Errorf("%v", err)
	}
}

func FuzzPreview(f *testing.F) {
	f.Add(cr3(f))
	f.Add(fixture(f, "exif.heic"))
	f.Add(fixture(f, "cover.m4a"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, err := preview(t.Context(), block.Bytes(p)); err != nil && !errors.Is(err, filetype.ErrNot) {
			t.Fatal(err)
		}
		if _, err := thumbnail(t.Context(), block.Bytes(p), 100); err != nil && !errors.Is(err, filetype.ErrNot) {
			t.Fatal(err)
		}
	})
}
