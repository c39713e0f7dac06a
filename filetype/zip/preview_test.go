package zip

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// Every archive is listed as the standard library lists it.
func TestPreviewMembers(t *testing.T) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil || strings.HasSuffix(name, ".md") {
			continue
		}
		p, err := preview(t.Context(), block.Bytes(b))
		if err != nil || len(p.Members) != len(z.File) {
			t.Errorf("%s: %d members, expected %d, %v", name, len(p.Members), len(z.File), err)
			continue
		}
		for i, f := range z.File {
			if f.NonUTF8 {
				continue
			}
			if p.Members[i].Name != f.Name || p.Members[i].Size != int64(f.UncompressedSize64) {
				t.Errorf("%s: %+v, expected %s of %d", name, p.Members[i], f.Name, f.UncompressedSize64)
			}
		}
		// Without its end an archive is listed by its members' own headers.
		if p, err := preview(t.Context(), block.Bytes(b[:max(0, len(b)-30)])); err != nil && len(b) > 200 || len(b) > 400 && len(p.Members) == 0 {
			t.Errorf("%s without its end: %d members, %v", name, len(p.Members), err)
		}
	}
}

func TestPreviewText(t *testing.T) {
	for _, name := range []string{"doc.docx", "doc.odt", "doc.odp", "doc.pptx", "python.epub"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := preview(t.Context(), block.Bytes(b))
		if err != nil || len(p.Facts) == 0 || p.Facts[0].Value != strings.TrimPrefix(filepath.Ext(name), ".") || strings.TrimSpace(p.Text) == "" || strings.ContainsAny(p.Text, "<>") {
			t.Errorf("%s: %v %.200q %v", name, p.Facts, p.Text, err)
		}
	}
	if _, err := preview(t.Context(), block.Bytes([]byte("none"))); !errors.Is(err, filetype.ErrNot) {
		t.Error(err)
	}
}

func FuzzPreview(f *testing.F) {
	for _, name := range []string{"doc.docx", "doc.odt", "infozip.zip", "python.epub"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := preview(t.Context(), block.Bytes(data))
		if err == nil && (len(p.Members) > filetype.MaxMembers || len(p.Text) > filetype.MaxPreviewText) {
			t.Errorf("%d members, %d bytes", len(p.Members), len(p.Text))
		}
	})
}
