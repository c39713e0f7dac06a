package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// A file inside of a larger source, at any sector, is judged as one that stands alone.
func TestInside(t *testing.T) {
	tb := table(t)
	for folder, want := range kinds {
		names, err := filepath.Glob("../" + folder + "/testdata/*")
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			f, ok := tb.ByName(want)
			data, err := os.ReadFile(name)
			if !ok || err != nil || len(data) > 100<<10 || strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".gz") {
				continue
			}
			alone, err := f.Examine(t.Context(), block.Bytes(data))
			if err != nil || alone.Verdict < filetype.Consistent || alone.Size != int64(len(data)) {
				continue
			}
			at := int64(512 * (1 + i%7))
			large := make([]byte, at+int64(len(data))+40<<10)
			copy(large[at:], data)
			inside, err := f.Examine(t.Context(), block.Section(block.Bytes(large), block.Between(at, int64(len(large)))))
			if err != nil || inside.Verdict != alone.Verdict || inside.Size != alone.Size {
				t.Errorf("%s: alone %v of %d bytes, inside %v of %d: %v %v", name, alone.Verdict, alone.Size, inside.Verdict, inside.Size, inside.Findings, err)
			}
		}
	}
}
