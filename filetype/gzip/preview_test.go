package gzip_test

import (
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype/gzip"
)

func TestPreview(t *testing.T) {
	f := gzip.Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["named.gz"]))
	if err != nil || p.Facts[0].Value != "lines.txt" || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
		t.Errorf("%+v %v", p, err)
	}
	for name, data := range files(t) {
		for n := 0; n < len(data); n += 1 + len(data)/50 { // a cut file has a preview too, or is none
			if _, err := f.Preview(t.Context(), block.Bytes(data[:n])); err != nil && n >= 4 {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}
