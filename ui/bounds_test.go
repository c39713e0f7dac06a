package ui

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/casefile"
	"salvor/internal/need"
	"salvor/rescue"
)

// TestLargeJournal shows a journal whose lines are as long as they may be: a case can come from anywhere.
func TestLargeJournal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k := made(t, filepath.Join(dir, "case"), nil, live(1, "a.txt", "text"))
	c, err := casefile.Open(k.Dir, casefile.Writer, casefile.Options{Program: "salvor test"})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		for _, act := range []string{"odd", strings.Repeat("long", 100_000), "rescue." + strings.Repeat("x", 100_000)} {
			if err := c.Append(act, map[string]any{"x": strings.Repeat("ä", 300_000)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	b.get(known1(t, s, k) + "/journal")
	if b.code != 200 || len(b.page) > 4<<20 || !strings.Contains(b.page, "…") || strings.Contains(b.page, "\uFFFD") {
		t.Errorf("%d, a page of %d bytes", b.code, len(b.page))
	}
}

// TestPartOfAFile holds that of a large file only the part is read that is the key.
func TestPartOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const at, size = 1 << 29, 5 << 30
	if _, err := f.WriteAt([]byte("the key itself"), at); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		need.Lacking(t, "no files with holes here: %v", err)
	}
	f.Close()
	if b, err := readSecret(path, at, 7, maxKeyFile); err != nil || !bytes.Equal(b, []byte("the key")) {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := readSecret(path, size-5, 0, maxKeyFile); err != nil || len(b) != 5 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for _, bad := range [][2]int64{{0, 0}, {at, 0}, {size, 0}, {size + 1, 0}, {size - 1, 2}, {0, maxKeyFile + 1}} {
		if b, err := readSecret(path, bad[0], bad[1], maxKeyFile); err == nil {
			t.Errorf("%v: %d bytes", bad, len(b))
		}
	}
	if _, err := readSecret(filepath.Dir(path), 0, 0, maxKeyFile); err == nil {
		t.Error("a folder is no key")
	}
}

// TestLookThatIsKeptNoMore holds that a page whose answer was given up for others looks once more.
func TestLookThatIsKeptNoMore(t *testing.T) {
	dir := home(t)
	s := serve(t, Options{})
	b := open(t, s)
	look := "/look?" + s.sourceQuery([]string{filepath.Join(dir, "gateway.img")})
	b.get(look)
	b.wait()
	b.must("gateway.img")
	was := len(b.page)
	s.looks = memo[*rescue.Looked]{}
	b.get(look)
	b.wait()
	if len(b.page) < was/2 {
		t.Errorf("a page of %d bytes, and it had %d", len(b.page), was)
	}
}
