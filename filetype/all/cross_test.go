package all_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// fixtures returns what all families have, unpacked where a fixture was packed to be kept small.
func fixtures(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../*/testdata/*")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		if fi, err := os.Stat(name); err != nil || fi.IsDir() || strings.HasSuffix(name, ".md") || fi.Size() > 256<<10 {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".gz") && !strings.Contains(name, "/gzip/") {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(name, err)
			}
			if b, err = io.ReadAll(io.LimitReader(z, 1<<20)); err != nil {
				t.Fatal(name, err)
			}
			name = strings.TrimSuffix(name, ".gz")
		}
		out[name] = b
	}
	return out
}

// texts are rows that take what others know more exactly: text is text, whatever it says.
var texts = map[string]bool{"text": true, "csv": true, "json": true}

// siblings are rows of one family, which may take each other's files: the more exact one is asked first.
var siblings = map[string]string{"mp4": "mp4", "mov": "mp4", "ps": "mpeg", "ts": "mpeg", "mpeg": "mpeg", "mp3": "mp3", "mpa": "mp3"}

// No format takes the file of another for a whole one of its own.
func TestOthersFixtures(t *testing.T) {
	tb := table(t)
	pairs := 0
	for name, data := range fixtures(t) {
		own, _, err := tb.Identify(t.Context(), block.Bytes(data), "")
		if err != nil {
			t.Fatal(err)
		}
		rows := tb.Formats()
		for i := range rows {
			f := &rows[i]
			if f == own || texts[f.Name] || own != nil && siblings[f.Name] != "" && siblings[f.Name] == siblings[own.Name] {
				continue
			}
			r, err := f.Examine(t.Context(), block.Bytes(data))
			pairs++
			if err != nil && !errors.Is(err, filetype.ErrNot) {
				t.Errorf("%s: %s: %v", name, f.Name, err)
			}
			if err == nil && r.Verdict >= filetype.Consistent {
				is := "none"
				if own != nil {
					is = own.Name
				}
				t.Errorf("%s, which is %s: %s calls it %v, %d of %d bytes", name, is, f.Name, r.Verdict, r.Size, len(data))
			}
		}
	}
	if pairs < 5000 {
		t.Errorf("%d pairs", pairs)
	}
}
