package ui

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"salvor/recovery"
)

// spent is the time of the processors that this program took so far, in milliseconds; 0 where the system does not tell.
func spent() (ms float64) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, text := range fields[11:13] { // in hundredths of a second
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0
		}
		ms += 10 * n
	}
	return ms
}

// rounds and each are how often a page is asked for: the median is that of the rounds.
const rounds, each = 5, 10

// BenchmarkUnprepared answers with pages of a case of a million files that has no columns, as one by an earlier version, one
// in a hundred with something that belongs to it.
func BenchmarkUnprepared(b *testing.B) {
	b.Setenv("HOME", b.TempDir())
	const files = 1_000_000
	k := made(b, filepath.Join(b.TempDir(), "case"), nil, millionth(0))
	catalog := filepath.Join(k.Dir, "catalog.db")
	cat, err := recovery.OpenCatalog(catalog)
	if err != nil {
		b.Fatal(err)
	}
	for i := 1; i < files; {
		var list []*recovery.Entry
		for ; i < files && len(list) < 20_000; i++ {
			e := millionth(i)
			if e.Size = 5; i%100 == 50 {
				e.Findings = append(e.Findings, related(millionth(i-1).ID))
			}
			list = append(list, e)
		}
		if err := cat.Put(b.Context(), list...); err != nil {
			b.Fatal(err)
		}
	}
	if err := cat.Close(); err != nil {
		b.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(catalog, long, long); err != nil {
		b.Fatal(err)
	}
	s, err := Listen(Options{Log: quiet(), Case: k.Dir})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.known.add(k); err != nil {
		b.Fatal(err)
	}
	get := func(address string) string {
		w := &discarded{head: http.Header{}}
		r, err := http.NewRequest("GET", "http://"+s.pageHost+"/case/"+k.Key()+address, nil)
		if err != nil {
			b.Fatal(err)
		}
		if s.routes().ServeHTTP(w, r); w.code != http.StatusOK {
			b.Fatal(w.code)
		}
		return w.page.String()
	}
	// once measures what is done once, until the page has want.
	once := func(name, address, want string) {
		b.Run(name, func(b *testing.B) {
			begun, used, first := time.Now(), spent(), time.Duration(0)
			for n := 0; ; n++ {
				page := get(address)
				if n == 0 {
					first = time.Since(begun)
				}
				if strings.Contains(page, want) {
					break
				}
				if time.Since(begun) > 10*time.Minute {
					b.Fatal("it does not come: ", page)
				}
				time.Sleep(time.Second) // as a browser does
			}
			b.ReportMetric(spent()-used, "cpu-ms")
			b.ReportMetric(float64(first.Milliseconds()), "first-answer-ms")
			b.ReportMetric(time.Since(begun).Seconds(), "done-s")
			b.ReportMetric(0, "ns/op")
		})
	}
	again := func(name, address, want string) {
		b.Run(name, func(b *testing.B) {
			var list, clock []float64
			for range rounds {
				used := spent()
				for range each {
					begun := time.Now()
					if !strings.Contains(get(address), want) {
						b.Fatal("another page")
					}
					clock = append(clock, float64(time.Since(begun).Microseconds())/1000)
				}
				list = append(list, (spent()-used)/each)
			}
			slices.Sort(list)
			slices.Sort(clock)
			b.ReportMetric(list[len(list)/2], "median-cpu-ms")
			b.ReportMetric(clock[len(clock)/2], "median-clock-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
	c, err := recovery.OpenCatalogReadOnly(catalog)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	// What the pages did before.
	for name, ask := range map[string]func() error{
		"before: a page": func() error {
			_, err := c.List(b.Context(), recovery.Listing{InFolder: true, Query: recovery.Query{Volumes: []int{1}, PathPrefix: "home/user7"}, Limit: 100})
			return err
		},
		"before: the case": func() error { _, err := c.Summary(b.Context(), recovery.Query{}); return err },
		"before: saving all": func() error {
			n := 0
			for e, err := range c.Select(b.Context(), recovery.Query{}) {
				if err != nil {
					return err
				}
				n += len(e.Findings)
			}
			_, err := recovery.NeedOf(b.Context(), c, recovery.Query{}, recovery.Target{})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var list []float64
			begun := time.Now()
			for range 3 {
				used := spent()
				if err := ask(); err != nil {
					b.Fatal(err)
				}
				list = append(list, spent()-used)
			}
			slices.Sort(list)
			b.ReportMetric(list[1], "median-cpu-ms")
			b.ReportMetric(float64(time.Since(begun).Milliseconds())/3, "mean-clock-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
	once("the list is prepared", "/files?tab=live&v=1&dir=home/user7", "folder 10")
	again("a folder of folders", "/files?tab=live&v=1&dir=home/user7", "folder 10")
	again("part of a name", "/files?tab=live&q=img_0999", `class="files"`)
	again("the case", "", "1000 files")
	once("saving all is counted", "/save", `name="folder"`)
	again("saving all, known", "/save", `name="folder"`)
	once("saving a kind is counted", "/save?tab=live&class=document", `name="folder"`)
}
