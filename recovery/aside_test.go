package recovery

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// answersOf are the first pages of all kinds of listings.
func answersOf(t *testing.T, c *Catalog) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, l := range some(t, listings) {
		l.Limit = 50
		got, err := c.List(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = []string{fmt.Sprint(got.Total, got.ByDrawer, got.ByClass, got.ByVerdict, got.Next)}
		for _, i := range got.Items {
			if i.Entry != nil {
				i.Name = i.Entry.ID
			}
			out[name] = append(out[name], i.Name)
		}
	}
	return out
}

func same(t *testing.T, what string, got, want map[string][]string) {
	t.Helper()
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %s: %d items, expected %d: %.200q", what, name, len(got[name]), len(want[name]), got[name])
		}
	}
}

func asideFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "aside"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestAside lists a case that has no columns of its own, or only some, and that is only read.
func TestAside(t *testing.T) {
	w := newCatalog(t)
	shelfOf(t, w, 3*chunkRows-100)
	open := func() *Catalog {
		c, err := OpenCatalogReadOnly(w.Path())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	c := open()
	want := answersOf(t, c)
	if l, err := c.Lacking(t.Context()); err != nil || l != (Lacking{3, 3}) {
		t.Fatalf("%+v, %v", l, err)
	}
	var told []Lacking
	file := asideFile(t)
	a, err := c.MakeAside(t.Context(), file, func(l Lacking) { told = append(told, l) })
	if err != nil || a.Bytes() == 0 || !slices.Equal(told, []Lacking{{2, 3}, {1, 3}, {0, 3}}) {
		t.Fatalf("%d bytes, %v, %v", a.Bytes(), told, err)
	}
	with := open()
	with.With(a)
	same(t, "all aside", answersOf(t, with), want)
	if l, err := with.Lacking(t.Context()); err != nil || l.Chunks != 3 {
		t.Errorf("the case was written to: %+v, %v", l, err)
	}

	// Damage of the file, and its loss, cost time and nothing else.
	if _, err := file.WriteAt([]byte("damaged"), 5000); err != nil {
		t.Fatal(err)
	}
	same(t, "damaged", answersOf(t, with), want)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "closed", answersOf(t, with), want)
	a.End()
	same(t, "ended", answersOf(t, with), want)

	// Where the case has chunks of its own, they count, and only the others are made.
	if err := w.MakeColumns(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.w.Exec("DELETE FROM chunks WHERE n & 4095 = 1"); err != nil {
		t.Fatal(err)
	}
	if l, err := c.Lacking(t.Context()); err != nil || l != (Lacking{1, 3}) {
		t.Fatalf("%+v, %v", l, err)
	}
	some, err := c.MakeAside(t.Context(), asideFile(t), nil)
	if err != nil || len(some.chunks) != 1 {
		t.Fatalf("%d chunks, %v", len(some.chunks), err)
	}
	with = open()
	with.With(some)
	same(t, "one aside", answersOf(t, with), want)
}

// TestAsideGrowsOld changes the case after its columns were made aside.
func TestAsideGrowsOld(t *testing.T) {
	w := newCatalog(t)
	shelfOf(t, w, 100)
	c, err := OpenCatalogReadOnly(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(w.Path(), long, long); err != nil {
		t.Fatal(err)
	}
	a, err := c.MakeAside(t.Context(), asideFile(t), nil)
	if err != nil || !a.Current() {
		t.Fatalf("it is not current, %v", err)
	}
	mustPut(t, w, bigEntry(7))
	if a.Current() {
		t.Error("it is current after a change")
	}
	// A change a moment ago, and another one in the same moment, cannot be told apart.
	a, err = c.MakeAside(t.Context(), asideFile(t), nil)
	if err != nil || a.Current() {
		t.Errorf("it is current a moment after a change, %v", err)
	}
	if _, err := c.MakeAside(t.Context(), full{}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: %v", err)
	}
}

// full is a file that takes nothing.
type full struct{ io.ReaderAt }

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
