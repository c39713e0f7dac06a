package jpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPreview(t *testing.T) {
	p, err := preview(t.Context(), block.Bytes(read(t, "exif.jpg")))
	if err != nil || len(p.Facts) < 4 || p.Facts[0].Name != "Picture" || p.Facts[1].Value != "baseline" || p.Facts[2].Name != "Camera" || p.Facts[3].Name != "Taken" {
		t.Errorf("%v %v", p.Facts, err)
	}
	if _, err := preview(t.Context(), block.Bytes([]byte("GIF89a"))); !errors.Is(err, filetype.ErrNot) {
		t.Errorf("%v", err)
	}
	if p, err := preview(t.Context(), block.Bytes(read(t, "exif.jpg")[:60])); err != nil || len(p.Facts) > 2 {
		t.Errorf("cut: %v %v", p.Facts, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := preview(ctx, block.Bytes(read(t, "exif.jpg"))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The small picture inside serves when it is large enough, and when the picture itself is cut.
func TestThumbnail(t *testing.T) {
	p := read(t, "exif.jpg")
	o, err := overviewOf(t.Context(), block.Bytes(p))
	if err != nil || !bytes.Equal(o.thumb, read(t, "thumb.jpg")) {
		t.Fatalf("%d bytes of small picture: %v", len(o.thumb), err)
	}
	small, err := thumbnail(t.Context(), block.Bytes(p), 8)
	if err != nil {
		t.Fatal(err)
	}
	large, err := thumbnail(t.Context(), block.Bytes(p), 10000)
	if err != nil || large.Bounds().Dx() < small.Bounds().Dx() {
		t.Errorf("%v: %v, %v", err, large.Bounds(), small.Bounds())
	}
	if cut, err := thumbnail(t.Context(), block.Bytes(p[:len(p)-200]), 10000); err != nil || cut.Bounds() != small.Bounds() {
		t.Errorf("cut: %v", err)
	}
}

// Two views of one thing make an MPO file.
func TestStereo(t *testing.T) {
	be := binary.BigEndian
	entry := func(kind, size, off uint32) []byte {
		return be.AppendUint32(be.AppendUint32(be.AppendUint32(be.AppendUint32(nil, kind), size), off), 0)
	}
	index := append([]byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\xB0\x02\x00\x07\x00\x00\x00\x20\x00\x00\x00\x1A\x00\x00\x00\x00"), append(entry(0x020002, 100, 0), entry(0x020002, 100, 500)...)...)
	list := parseIndex(0, index)
	if len(list) != 1 || !list[0].stereo || list[0].off != 500 {
		t.Fatalf("%+v", list)
	}
	picture := read(t, "tiny.jpg")
	build := func(off int) []byte {
		i := append(index[:26:26], append(entry(0x020002, uint32(len(picture)), 0), entry(0x020002, uint32(len(picture)), uint32(off))...)...)
		segment := append([]byte("MPF\x00"), i...)
		out := append([]byte{0xFF, mSOI, 0xFF, mAPP2}, be.AppendUint16(nil, uint16(len(segment)+2))...)
		return append(append(append(out, segment...), picture[2:]...), picture...)
	}
	first := build(0)
	base := bytes.Index(first, []byte("MM\x00\x2a"))
	r, err := Examine(t.Context(), block.Bytes(build(len(first)-len(picture)-base)))
	if err != nil || r.Extension != "mpo" || r.Verdict != filetype.Consistent || r.Size != int64(len(first)) {
		t.Errorf("%v %q of %d, expected %d: %v %v", r.Verdict, r.Extension, r.Size, len(first), r.Findings, err)
	}
}

func FuzzPreview(f *testing.F) {
	f.Add(read(f, "exif.jpg"))
	f.Add(read(f, "thumb.jpg"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, err := preview(t.Context(), block.Bytes(p)); err != nil && !errors.Is(err, filetype.ErrNot) {
			t.Fatal(err)
		}
	})
}
