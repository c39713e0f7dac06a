package archtest

import (
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bounds of what a clone has to carry.
const (
	fixtureBytes = 30_000_000 // of all fixtures
	exampleBytes = 4_000_000  // of the shipped example, compressed
)

// Fixtures stay so small that a clone is quick.
func TestFixtures(t *testing.T) {
	var sum int64
	most, largest := "", int64(0)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || !strings.Contains(filepath.ToSlash(path), "/testdata/") {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if sum += info.Size(); info.Size() > largest {
			most, largest = path, info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum == 0 || sum > fixtureBytes {
		t.Errorf("%d bytes of fixtures, expected up to %d; the largest is %s, %d bytes", sum, fixtureBytes, most, largest)
	}
	f, err := os.Open(filepath.Join(root, "examples", "gateway.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var packed counter
	w := gzip.NewWriter(&packed)
	if _, err := io.Copy(w, f); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if packed == 0 || packed > exampleBytes {
		t.Errorf("the example takes %d bytes compressed, expected up to %d", packed, exampleBytes)
	}
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
