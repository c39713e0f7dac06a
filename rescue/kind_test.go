package rescue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
)

func TestKindOf(t *testing.T) {
	dir := t.TempDir()
	image, err := os.ReadFile("../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		want FileKind
	}{
		"update.bin":  {[]byte(":0400000001020304F2\n:00000001FF\n"), PackageFile},
		"card.img":    {image, ImageFile},
		"boot.txt":    {[]byte("[    0.000000] Linux version 6.1\n[    1.0] Kernel panic\n"), LogFile},
		"page.bin":    {[]byte("<!doctype html><html>Not found</html>"), PackageFile},
		"noise":       {[]byte(strings.Repeat("\x00\x01\xfe\x9c\x88", 4000)), OtherFile},
		"journal.dat": {append([]byte("LPKSHHRH"), make([]byte, 300)...), LogFile},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := KindOf(t.Context(), path); err != nil || got != test.want {
			t.Errorf("%s: expected %q, found %q, %v", name, test.want, got, err)
		}
	}
	if _, err := KindOf(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there has a kind")
	}
}

func TestFirstReadsAreCountedOnce(t *testing.T) {
	var last int64
	src := block.Bytes(make([]byte, 3*readPiece+100))
	f := &firstReads{Source: src, told: func(done, total int64) {
		if done <= last || total != src.Size() {
			t.Errorf("%d of %d behind %d", done, total, last)
		}
		last = done
	}}
	buf := make([]byte, readPiece)
	for _, at := range []int64{0, 0, readPiece, 10, 3 * readPiece, 3 * readPiece} {
		if n, err := f.ReadAt(buf, at); n == 0 {
			t.Fatal(err)
		}
	}
	if last != 2*readPiece+100 {
		t.Errorf("%d bytes were counted", last)
	}
}
