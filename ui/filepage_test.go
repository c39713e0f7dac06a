package ui

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
	"salvor/recovery"
)

// hostileDatabase is a database whose names and values are markup and hidden characters.
func hostileDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{`CREATE TABLE "<script>alert(1)</script>" (id INTEGER PRIMARY KEY, "a` + "\u202e" + `b" TEXT)`,
		`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 120) INSERT INTO "<script>alert(1)</script>" SELECT i, '<img src=x>' || i FROM c`,
		`CREATE VIEW harm AS SELECT load_extension('x')`, `CREATE TRIGGER t AFTER INSERT ON "<script>alert(1)</script>" BEGIN DELETE FROM "<script>alert(1)</script>"; END`} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func specimen(t *testing.T, path string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("..", "filetype", path))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kinds is a case with a file of each kind that a page shows in its own way.
func kinds(t *testing.T, dir string) (k knownCase, ids map[string]string) {
	text := strings.Repeat("A line of text, grüße.\n", 4000)
	archive := specimen(t, "zip/testdata/infozip.zip")
	pdf := specimen(t, "pdf/testdata/libre.pdf")
	content := map[string]string{}
	ids = map[string]string{}
	var list []*recovery.Entry
	add := func(name, format string, class filetype.Class, p []byte, change func(*recovery.Entry)) {
		e := live(len(list)+1, "all/"+name, format)
		e.Class = class
		content[e.ID], ids[name] = string(p), e.ID
		e.Runs = []block.Run{{Physical: int64(1<<20 + len(list)<<16), Length: int64(len(p))}}
		if change != nil {
			change(e)
		}
		list = append(list, e)
	}
	add("x.db", "sqlite", filetype.Database, hostileDatabase(t), nil)
	add("long.txt", "text", filetype.Text, []byte(text), nil)
	add("hole.txt", "text", filetype.Text, []byte(text[:3000]), func(e *recovery.Entry) {
		e.Verdict, e.Missing = filetype.Partial, block.SetOf(block.Extent{Offset: 512, Length: 512})
		e.Findings = []finding.Finding{{Code: "x.lost", Severity: finding.Error, Offset: 512, Size: 512, Text: "512 bytes <i>are</i> missing"}}
	})
	add("good.zip", "zip", filetype.Archive, archive, nil)
	add("bad.zip", "zip", filetype.Archive, archive, func(e *recovery.Entry) {
		e.Verdict = filetype.Damaged
		e.Findings = []finding.Finding{{Code: "zip.member.crc", Severity: finding.Error, Args: map[string]string{"name": "notes.txt"}, Text: "member notes.txt"}}
	})
	add("book.pdf", "pdf", filetype.Document, pdf, nil)
	add("song.m4a", "mp4", filetype.Audio, []byte("0123456789"), nil)
	add("photo.heic", "mp4", filetype.Photo, []byte("0123456789"), nil)
	add("page.svg", "svg", filetype.Photo, []byte("<svg><script>alert(1)</script></svg>"), nil)
	add("linked", "text", filetype.Text, []byte("same"), func(e *recovery.Entry) { e.Runs = []block.Run{{Physical: 77, Length: 4}} })
	add("linked too", "text", filetype.Text, []byte("same"), func(e *recovery.Entry) {
		e.Runs, e.AlsoAt = []block.Run{{Physical: 77, Length: 4}}, []int64{123456}
	})
	add("empty", "", filetype.Other, nil, nil)
	r := rand.New(rand.NewPCG(7, 8))
	for i, p := range [][]byte{hostileDatabase(t), archive, pdf} {
		for n := range 8 {
			p := bytes.Clone(p)
			for range 30 {
				p[r.IntN(len(p))] = byte(r.Uint32())
			}
			add(fmt.Sprint("damaged ", i, n), []string{"sqlite", "zip", "pdf"}[i], filetype.Archive, p, func(e *recovery.Entry) { e.Verdict = filetype.Damaged })
		}
	}
	return made(t, filepath.Join(dir, "case"), content, list...), ids
}

// TestPageOfAFile opens files of each kind, without any script.
func TestPageOfAFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k, ids := kinds(t, dir)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	base := "/case/" + knownCase{Dir: k.Dir}.Key() + "/file?id="
	page := func(name, more string) {
		t.Helper()
		b.get(base + url.QueryEscape(ids[name]) + more)
		if b.code != http.StatusOK {
			t.Fatalf("%s: %d %s", name, b.code, b.page)
		}
		for _, bad := range []string{"<script>alert", "<img src=x", "\u202e", "<i>are"} {
			if strings.Contains(b.page, bad) {
				t.Errorf("the page of %s holds %q", name, bad)
			}
		}
	}
	part := func(name string, fn func(*testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer func(was *testing.T) { b.t = was }(b.t)
			b.t = t
			fn(t)
		})
	}
	part("database", func(t *testing.T) {
		page("x.db", "")
		b.must("120 rows", "Rows 1 to 100", "its area still lists it", "&lt;script&gt;alert(1)&lt;/script&gt;")
		b.link("script")
		b.must("Rows 1 to 100", `<th scope="col"><bdi>id</bdi></th>`, "a⟨U&#43;202E⟩b", "<td><bdi>1</bdi></td><td><bdi>&lt;img src=x&gt;1</bdi></td>")
		b.link("Further")
		b.must("Rows 101 to 120", "&lt;img src=x&gt;120")
		for _, more := range []string{"&table=99", "&table=-1", "&table=x", "&table=0&skip=9999", "&table=0&skip=-5"} {
			page("x.db", more)
		}
	})
	part("text", func(t *testing.T) {
		page("long.txt", "")
		b.must("written as UTF-8", "A line of text, grüße.")
		pages := 1
		for ; strings.Contains(b.page, `rel="next"`) && pages < 10; pages++ {
			b.link("Further")
		}
		if pages != 4 {
			t.Errorf("%d pages", pages)
		}
		page("hole.txt", "")
		b.must("<mark>[512 bytes cannot be read]</mark>", " ?? ??", "512 bytes &lt;i&gt;are&lt;/i&gt; missing", "Where it is damaged", "512 bytes of it are missing")
	})
	part("bytes", func(t *testing.T) {
		page("long.txt", "&hex=0x400")
		b.must("<details open>", "00000400  ", "Bytes 1024 to 2048")
		b.link("The last ones")
		b.must("Bytes 99328 to 100000 of 100000")
		for _, more := range []string{"&hex=-1", "&hex=99999999999", "&hex=x", "&hex="} {
			page("long.txt", more)
		}
		page("empty", "&hex=5")
	})
	part("archive", func(t *testing.T) {
		page("good.zip", "")
		b.must("What it holds", `<span class="state member.good">in order</span>`)
		page("bad.zip", "")
		b.must(`<span class="state member.unknown">not checked</span>`)
	})
	part("document", func(t *testing.T) {
		page("book.pdf", "")
		b.must("Pages", "Gateway handbook")
		if strings.Contains(b.page, "<iframe") || strings.Contains(b.page, "<embed") || strings.Contains(b.page, "<object") {
			t.Error("the browser's own reader is used")
		}
	})
	part("places", func(t *testing.T) {
		page("linked too", "")
		b.must("Other ways to the same content", ">all/linked<", "from byte 123456 of the source on", "bytes 0 to 4 at 77")
	})
	part("damage", func(t *testing.T) {
		for name := range ids {
			if strings.HasPrefix(name, "damaged") {
				page(name, "")
				page(name, "&table=0")
			}
		}
	})
	part("choice", func(t *testing.T) {
		page("linked", "")
		b.post("/case/"+knownCase{Dir: k.Dir}.Key()+"/choose", url.Values{"do": {"keep"}})
		b.must("Chosen: 1 files, 4 bytes", "Take it out of what is chosen")
		b.post("/case/"+knownCase{Dir: k.Dir}.Key()+"/choose", url.Values{"do": {"keep"}})
		b.must("Choose this file")
	})
}

// TestContents hands out sound by ranges, nothing that runs, and no byte that cannot be read.
func TestContents(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k, ids := kinds(t, dir)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	base := "/case/" + knownCase{Dir: k.Dir}.Key() + "/file?id="
	for name, want := range map[string]string{"song.m4a": "audio/mp4 inline", "photo.heic": "application/octet-stream attachment", "page.svg": "application/octet-stream attachment",
		"book.pdf": "application/octet-stream attachment", "long.txt": "application/octet-stream attachment"} {
		b.get(base + url.QueryEscape(ids[name]))
		got := get(t, b.address("Download"), http.Header{"Range": {"bytes=2-5"}})
		how, _, _ := strings.Cut(got.head.Get("Content-Disposition"), ";")
		if got.code != http.StatusPartialContent || got.head.Get("Content-Type")+" "+how != want || len(got.body) != 4 {
			t.Errorf("%s: %d %v", name, got.code, got.head)
		}
		if plays := strings.Contains(b.page, "<audio controls"); plays != (name == "song.m4a") {
			t.Errorf("%s: plays: %v", name, plays)
		}
	}
	b.get(base + url.QueryEscape(ids["hole.txt"]))
	at := b.address("Download")
	if got := get(t, at, http.Header{"Range": {"bytes=0-511"}}); got.code != http.StatusPartialContent || len(got.body) != 512 {
		t.Errorf("before the hole: %d, %d bytes", got.code, len(got.body))
	}
	if got := get(t, at, http.Header{"Range": {"bytes=1024-1033"}}); got.code != http.StatusPartialContent || len(got.body) != 10 {
		t.Errorf("behind the hole: %d, %d bytes", got.code, len(got.body))
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if p, err := io.ReadAll(r.Body); err == nil || len(p) > 512 {
		t.Errorf("over the hole: %d bytes, %v", len(p), err)
	}
}
