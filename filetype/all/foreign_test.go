package all_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// kin are the rows that a file of one may rightly be taken for too.
var kin = [][]string{{"mp3", "mpa"}, {"ts", "ps", "mpeg"}, {"mp4", "mov"}}

func related(a, b string) bool {
	return a == b || slices.ContainsFunc(kin, func(k []string) bool { return slices.Contains(k, a) && slices.Contains(k, b) })
}

// No format calls a file of another whole, and none takes long to see that it is none.
func TestForeign(t *testing.T) {
	tb := table(t)
	for folder := range kinds {
		names, err := filepath.Glob("../" + folder + "/testdata/*")
		if err != nil {
			t.Fatal(err)
		}
		dir := os.DirFS("../" + folder + "/testdata")
		for _, name := range names {
			base := filepath.Base(name)
			if fi, err := os.Stat(name); err != nil || fi.IsDir() || strings.HasSuffix(base, ".md") || fi.Size() > 300<<10 {
				continue
			}
			for _, data := range filetypetest.Load(t, dir, base) {
				own, whole, err := tb.Identify(t.Context(), block.Bytes(data), base)
				if err != nil {
					t.Fatal(err)
				}
				if own == nil || whole.Verdict < filetype.Consistent {
					continue
				}
				for i := range tb.Formats() {
					f := &tb.Formats()[i]
					if related(f.Name, own.Name) || len(f.Signatures) == 0 && len(own.Signatures) == 0 {
						continue
					}
					start := time.Now()
					r, err := f.Examine(t.Context(), block.Bytes(data))
					if err == nil && r.Verdict >= filetype.Consistent {
						t.Errorf("%s/%s, which is %s, is %v as %s: %v", folder, base, own.Name, r.Verdict, f.Name, r.Findings)
					}
					if d := time.Since(start); d > 5*time.Second {
						t.Errorf("%s/%s: %s took %v", folder, base, f.Name, d)
					}
				}
			}
		}
	}
}

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
