package filetypetest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
)

// Load returns the fixtures of dir that pattern matches, by name; those that end in ".gz" are unpacked, and named
// without it.
func Load(t testing.TB, dir fs.FS, pattern string) map[string][]byte {
	t.Helper()
	names, err := fs.Glob(dir, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d fixtures, %v", pattern, len(names), err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, ".md") {
			continue
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		base := path.Base(name)
		if plain, packed := strings.CutSuffix(base, ".gz"); packed {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			base = plain
		}
		out[base] = b
	}
	return out
}

// Named returns the fixtures of those names, in that order; one that is only there with ".gz" behind its name is unpacked.
func Named(t testing.TB, dir fs.FS, names ...string) (out [][]byte) {
	t.Helper()
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			b = Load(t, dir, name+".gz")[path.Base(name)]
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}
