package filesystemtest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// Testdata reads a file of the package's testdata whole, decompressed when its name ends in ".gz", or ends the test.
func Testdata(t testing.TB, name string) []byte {
	t.Helper()
	dir, base := filepath.Split(filepath.Join("testdata", name)) // which may lead to the testdata of another package
	p, err := io.ReadAll(block.Reader(Image(t, os.DirFS(dir), base)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

// Files lists a volume: its files, by state and path ("deleted a/b"), and the errors of the walk.
func Files(_ testing.TB, v filesystem.FileSystem) (map[string]*filesystem.File, []error) {
	out := map[string]*filesystem.File{}
	var errs []error
	for f, err := range v.Files(context.Background()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[f.State.String()+" "+f.Path] = f
	}
	return out, errs
}

// Content reads the content of a file to its end, or to the first error. A file that does not open ends the test.
func Content(t testing.TB, v filesystem.FileSystem, f *filesystem.File) ([]byte, error) {
	t.Helper()
	src, err := v.Open(f, "")
	if err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(block.Reader(src))
}

// Codes lists findings by their codes, apart by spaces, each without room and the dot behind it.
func Codes(room string, list []finding.Finding) string {
	var out []string
	for _, x := range list {
		out = append(out, strings.TrimPrefix(x.Code, room+"."))
	}
	return strings.Join(out, " ")
}

// Laws walks over a volume that may be broken in any way, as a fuzzer makes them: no two files have one ID, paths are
// escaped, each stream
// whose bytes stand as they are opens and can be read at without a panic, and Used gives no error.
func Laws(t testing.TB, v filesystem.FileSystem) {
	t.Helper()
	ctx := context.Background()
	if _, err := v.Used(ctx); err != nil {
		t.Error(err)
	}
	ids := map[string]bool{}
	var buf [512]byte
	for f, err := range v.Files(ctx) {
		if err != nil {
			continue
		}
		if ids[f.ID] {
			t.Errorf("two files have the ID %s", f.ID)
		}
		ids[f.ID] = true
		if f.Path != "" {
			for name := range strings.SplitSeq(f.Path, "/") {
				if filesystem.EscapeName(filesystem.UnescapeName(name)) != name {
					t.Errorf("%s: the path %q is not escaped", f.ID, f.Path)
				}
			}
		}
		for _, s := range f.Streams {
			src, err := v.Open(f, s.Name)
			switch {
			case err == nil:
				_, _ = src.ReadAt(buf[:], 0)
			case !f.Locked && s.Encoding == "":
				t.Errorf("%s: stream %q: %v", f.ID, s.Name, err)
			}
		}
	}
}
