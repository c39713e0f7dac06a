//go:build linux

package browsertest

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/casefile"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/internal/need"
	"salvor/layers"
	"salvor/recovery"
)

// large is a case of n rows of a catalogue: folders of 500 files, below 17 users.
func large(t testing.TB, home string, n int) *program {
	t.Helper()
	theBrowser.get(t)
	dir := filepath.Join(home, "large")
	c, err := casefile.Open(dir, casefile.Writer, casefile.Options{Program: "salvor test"})
	must(t, err)
	cat, err := recovery.OpenCatalog(c.CatalogPath())
	must(t, err)
	var batch []*recovery.Entry
	for i := range n {
		name := fmt.Sprintf("home/user%d/folder %d/IMG_%07d.JPG", i%17, i/500, i)
		e := &recovery.Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Volume: 1, Origin: recovery.FromFileSystem, State: filesystem.Live, Path: name, Name: path.Base(name),
			Mode: 0o644, Format: "jpeg", Class: filetype.Photo, Verdict: filetype.Consistent, Size: int64(i*7919%5000000) + 1}
		e.Times.Modified = time.Unix(1700000000+int64(i*7919%10000000), 0).UTC()
		if batch = append(batch, e); len(batch) == 5000 || i == n-1 {
			must(t, cat.Put(t.Context(), batch...))
			batch = batch[:0]
		}
	}
	must(t, cat.PutLayers(t.Context(), []recovery.LayerRow{{Source: 1, ID: "v1", Kind: "ext4", Label: "data", State: layers.Good, Score: 100, Readable: true, Volume: 1}}))
	must(t, cat.Optimize(t.Context()))
	must(t, cat.Close())
	must(t, c.Close())
	return start(t, home, dir)
}

// maxNodes bounds the elements of a page, however many files there are.
const maxNodes = 5000

// A case of a million rows is leafed through, searched and narrowed in the browser, and no page grows with it.
func TestMillion(t *testing.T) {
	t.Parallel()
	n := 100_000
	if need.CI() {
		n = 1_000_000
	}
	b := visit(t, large(t, t.TempDir(), n))
	bounded := func() {
		t.Helper()
		if nodes := run[int](b, `document.querySelectorAll("*").length`); nodes > maxNodes {
			t.Errorf("%s has %d elements", b.address(), nodes)
		}
	}
	b.open("/cases")
	b.follow("large")
	b.follow("Show the files")
	bounded()
	b.follow("Photos")
	bounded()
	met := map[string]bool{}
	for range 6 {
		names := run[[]string](b, `[...document.querySelectorAll("td.name a")].map(e => e.innerText)`)
		if len(names) == 0 {
			t.Fatalf("no files on %s", b.address())
		}
		for _, name := range names {
			// Names are their own in this case: a row that comes again was shown twice.
			if met[name] {
				t.Fatalf("%s came twice", name)
			}
			met[name] = true
		}
		run[bool](b, `(scrollTo(0, document.body.scrollHeight), true)`)
		b.leave(func() { b.clickOn("a[rel=next]") })
		bounded()
	}
	last := fmt.Sprintf("IMG_%07d", n-1)
	b.fill("q", last)
	b.leave(func() { b.key("\r") })
	b.must(last + ".JPG")
	bounded()
	if rows := run[int](b, `document.querySelectorAll("td.name a").length`); rows != 1 {
		t.Errorf("%d rows are called %s", rows, last)
	}
	b.fill("q", "no such name")
	b.leave(func() { b.key("\r") })
	if rows := run[int](b, `document.querySelectorAll("td.name a").length`); rows != 0 {
		t.Errorf("%d rows are called as none is", rows)
	}
	bounded()
}

// BenchmarkMillion is how long a person waits for a page of a million files: from the press until it is drawn.
func BenchmarkMillion(b *testing.B) {
	p := visit(b, large(b, b.TempDir(), 1_000_000))
	p.open("/cases")
	p.follow("large")
	p.follow("Show the files")
	files, _, _ := strings.Cut(p.address(), "?")
	for name, query := range map[string]string{"first": "tab=live&v=1", "folder": "tab=live&v=1&dir=home/user7/folder 7", "photos": "tab=live&class=photo",
		"search": "tab=live&q=IMG_0999", "rare": "tab=live&q=IMG_0999999", "sorted": "tab=live&class=photo&sort=size&down=1"} {
		b.Run(name, func(b *testing.B) {
			p := p.of(b)
			var drawn, answered float64
			for b.Loop() {
				p.open(files + "?" + strings.ReplaceAll(query, " ", "%20"))
				drawn += run[float64](p, `performance.getEntriesByType("navigation")[0].loadEventEnd`)
				answered += run[float64](p, `(e => e.responseStart - e.requestStart)(performance.getEntriesByType("navigation")[0])`)
			}
			b.ReportMetric(drawn/float64(b.N), "ms-drawn")
			b.ReportMetric(answered/float64(b.N), "ms-first-byte")
			b.ReportMetric(run[float64](p, `document.querySelectorAll("*").length`), "elements")
		})
	}
}
