package recovery

import (
	"os"
	"testing"
	"time"

	"salvor/filetype"
)

// BenchmarkList asks a catalogue of a million files for pages, and says what its columns cost.
func BenchmarkList(b *testing.B) {
	const n = 1_000_000
	c := newCatalog(b)
	start := time.Now()
	for i := 0; i < n; {
		batch := make([]*Entry, 0, 5000)
		for ; len(batch) < cap(batch); i++ {
			batch = append(batch, bigEntry(i))
		}
		mustPut(b, c, batch...)
	}
	put := time.Since(start)
	before := size(b, c)
	b.Run("without-columns", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.List(b.Context(), Listing{Limit: 100}); err != nil {
				b.Fatal(err)
			}
		}
	})
	start = time.Now()
	if err := c.makeColumns(b.Context()); err != nil {
		b.Fatal(err)
	}
	made, bytes := time.Since(start), size(b, c)-before
	pages := []struct {
		name string
		l    Listing
	}{
		{"first", Listing{}},
		{"largest", Listing{Sort: SortSize, Down: true}},
		{"newest", Listing{Sort: SortTime, Down: true}},
		{"folder", Listing{InFolder: true, Query: Query{Volumes: []int{2}, PathPrefix: "home/user3"}}},
		{"search", Listing{Query: Query{Name: "*img_0999*"}}},
		{"search-nothing", Listing{Query: Query{Name: "*nothing*"}}},
		{"search-often", Listing{Query: Query{Name: "*3*"}}},
		{"class", Listing{Query: Query{Classes: []filetype.Class{filetype.Photo}}}},
		{"all-at-once", Listing{Sort: SortSize, Query: Query{Name: "*77*", Drawers: []string{"files"}, Verdicts: []filetype.Verdict{filetype.Damaged}, MinSize: 1000, After: time.Unix(1700000000, 0)}}},
	}
	for _, p := range pages {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			p.l.Limit = 100
			for b.Loop() {
				if _, err := c.List(b.Context(), p.l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("columns", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(put.Seconds(), "put-s")
		b.ReportMetric(made.Seconds(), "columns-s")
		b.ReportMetric(float64(bytes)/n, "columns-B/file")
		b.ReportMetric(float64(before)/n, "catalogue-B/file")
	})
}

func size(b *testing.B, c *Catalog) int64 {
	b.Helper()
	info, err := os.Stat(c.Path())
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
