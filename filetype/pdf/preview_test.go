package pdf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

func TestPreview(t *testing.T) {
	names, err := filepath.Glob("testdata/*.pdf")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := preview(t.Context(), block.Bytes(b))
		if err != nil || len(p.Facts) < 2 {
			t.Errorf("%s: %+v %v", n, p, err)
		}
		t.Logf("%s: %v %.120q", n, p.Facts, p.Text)
		if strings.HasPrefix(filepath.Base(n), "libre") && len(p.Text) < 10 {
			t.Errorf("%s: no text: %q", n, p.Text)
		}
		for i := 0; i < len(b); i += 1 + len(b)/20 { // a cut file has a preview, or is none
			if p, err := preview(t.Context(), block.Bytes(b[:i])); err != nil && i >= 8 || len(p.Text) > filetype.MaxPreviewText {
				t.Errorf("%s cut at %d: %v", n, i, err)
			}
		}
	}
	if _, err := preview(t.Context(), block.Bytes([]byte("none"))); !errors.Is(err, filetype.ErrNot) {
		t.Error(err)
	}
}

func FuzzPreview(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.pdf")
	for _, n := range names {
		if b, err := os.ReadFile(n); err == nil && len(b) < 32<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := preview(t.Context(), block.Bytes(data)); err == nil && len(p.Text) > filetype.MaxPreviewText {
			t.Errorf("%d bytes", len(p.Text))
		}
	})
}
