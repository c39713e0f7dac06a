package png_test

import (
	"errors"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/png"
)

func TestPreview(t *testing.T) {
	f := png.Formats()[0]
	for name, want := range map[string]filetype.Fact{"rgb8.png": {Name: "Picture", Value: "160 × 120 pixels"}, "anim.png": {Name: "Frames", Value: "5"},
		"texts.png": {Name: "Title", Value: "Harbour at dawn"}, "palette.png": {Name: "Colours", Value: "palette, 8 bits"}} {
		p, err := f.Preview(t.Context(), block.Bytes(files(t)[name]))
		found := false
		for _, fact := range p.Facts {
			found = found || fact == want
		}
		if err != nil || !found {
			t.Errorf("%s: %v %v", name, p.Facts, err)
		}
		m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)[name]), 10)
		if err != nil || m.Bounds().Dx() < 30 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Preview(t.Context(), block.Bytes([]byte("\x89PNG"))); !errors.Is(err, filetype.ErrNot) {
		t.Errorf("%v", err)
	}
	p := files(t)["rgb8.png"]
	if got, err := f.Preview(t.Context(), block.Bytes(p[:len(p)/2])); err != nil || len(got.Facts) < 2 {
		t.Errorf("cut: %v %v", got.Facts, err)
	}
}

func FuzzPreview(f *testing.F) {
	for _, p := range files(f) {
		f.Add(p)
	}
	row := png.Formats()[0]
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, err := row.Preview(t.Context(), block.Bytes(p)); err != nil && !errors.Is(err, filetype.ErrNot) {
			t.Fatal(err)
		}
	})
}
