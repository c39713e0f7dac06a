package ui

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"salvor/casefile"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/layers"
	"salvor/recovery"
)

// made is a case with these entries, whose content stands in the case by their IDs.
func made(t testing.TB, dir string, content map[string]string, entries ...*recovery.Entry) knownCase {
	t.Helper()
	c, err := casefile.Open(dir, casefile.Writer, casefile.Options{Program: "salvor test"})
	if err != nil {
		t.Fatal(err)
	}
	cat, err := recovery.OpenCatalog(c.CatalogPath())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if text, ok := content[e.ID]; ok {
			name := "files/" + strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return 'x'
			}, e.ID)
			at := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			e.SavedAs, e.Save, e.Size = name, recovery.Saved, int64(len(text))
		}
	}
	if err := cat.Put(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
	row := recovery.LayerRow{Source: 1, ID: "v1", Kind: "ext4", Label: "da\u202eta<b>", State: layers.Good, Score: 100, Readable: true, Volume: 1}
	if err := cat.PutLayers(t.Context(), []recovery.LayerRow{row}); err != nil {
		t.Fatal(err)
	}
	if err := cat.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return knownCase{Dir: dir}
}

func live(n int, name, format string) *recovery.Entry {
	return &recovery.Entry{ID: fmt.Sprintf("v1/i%d", n), Source: 1, Volume: 1, Origin: recovery.FromFileSystem, State: filesystem.Live,
		Path: name, Name: path.Base(name), Mode: 0o644, Format: format, Class: filetype.Document, Verdict: filetype.Consistent, Size: 5}
}

// TestHostileFiles shows and hands out files whose names and contents try to be more than that.
func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	script := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	k := made(t, filepath.Join(dir, "case"), map[string]string{"v1/i1": script, "v1/i2": "<html><script>alert(2)</script>", "v1/i3": "\xff\xd8\xff\xe0"},
		live(1, "<img src=x onerror=alert(1)>.svg", "svg"), live(2, "a\u202egpj.html", "html"), live(3, "\xff\xfe\r\nSet-Cookie: x.jpg", "jpeg"),
		live(4, strings.Repeat("é", 127)+"x", ""), live(5, "../../etc/passwd", ""), live(6, "javascript:alert(1)", ""), live(7, "😀\"'&.txt", "text"))
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	all, err := filepath.Abs(k.Dir)
	if err != nil {
		t.Fatal(err)
	}
	key := knownCase{Dir: all}.Key()
	for _, address := range []string{"/files?tab=live&v=1", "/files?tab=live&class=document", ""} {
		b.get("/case/" + key + address)
		if b.code != http.StatusOK {
			t.Fatalf("%s: %d %s", address, b.code, b.page)
		}
		for _, bad := range []string{"<img src=x", "\u202e", "<b>", `href="javascript`, "<script>alert"} {
			if strings.Contains(b.page, bad) {
				t.Errorf("%s holds %q", address, bad)
			}
		}
	}
	b.get("/case/" + key + "/files?tab=live&class=document")
	b.must("&lt;img src=x onerror=alert(1)&gt;.svg", "a⟨U&#43;202E⟩gpj.html", strings.Repeat("é", 127)+"x", "😀&#34;&#39;&amp;.txt")
	for id, want := range map[int]string{1: "attachment", 2: "attachment", 3: "inline"} {
		b.get(fmt.Sprintf("/case/%s/file?id=v1/i%d", key, id))
		if strings.Contains(b.page, "<script>alert") || b.code != http.StatusOK {
			t.Errorf("file %d: %d %s", id, b.code, b.page)
		}
		at := b.address("Download")
		got := get(t, at, nil)
		h := got.head
		if got.code != http.StatusOK || !strings.HasPrefix(h.Get("Content-Disposition"), want) || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") || len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("file %d: %d, %v", id, got.code, h)
		}
		if kind := h.Get("Content-Type"); want == "attachment" && kind != "application/octet-stream" {
			t.Errorf("file %d is handed out as %s", id, kind)
		}
		// The address of one file opens no other, and nothing on the host of the pages.
		other := regexp.MustCompile(`[^/]*$`).ReplaceAllString(at, "djEvaTQ")
		if got := get(t, other, nil); got.code != http.StatusNotFound {
			t.Errorf("another file answers %d", got.code)
		}
		if got := get(t, strings.Replace(at, s.contentHost, s.pageHost, 1), nil); got.code != http.StatusForbidden {
			t.Errorf("on the host of pages: %d", got.code)
		}
	}
}

// TestPagesOfFiles goes through all pages of a case, as folders and as a list, and meets each file once.
func TestPagesOfFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	var entries []*recovery.Entry
	for i := range 250 {
		entries = append(entries, live(i, fmt.Sprintf("DCIM/IMG_%03d*.txt", i), "text"))
	}
	deleted := live(900, "DCIM/gone.txt", "text")
	deleted.State = filesystem.Deleted
	carved := &recovery.Entry{ID: "c/0x1000", Source: 1, Origin: recovery.FromContent, State: filesystem.Orphan, Name: "found.jpg", Mode: 0o644, Class: filetype.Photo, Format: "jpeg"}
	k := made(t, filepath.Join(dir, "case"), nil, append(entries, deleted, carved)...)
	b := open(t, serve(t, Options{Case: k.Dir}))
	key := knownCase{Dir: k.Dir}.Key()
	for _, start := range []string{"?tab=live&v=1&dir=DCIM", "?tab=live&class=document", "?tab=live&q=" + url.QueryEscape("img_"), "?tab=live&q=" + url.QueryEscape("*.TXT")} {
		met := map[string]int{}
		b.get("/case/" + key + "/files" + start)
		for pages := 1; ; pages++ {
			for _, m := range regexp.MustCompile(`name="id" value="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
				met[m[1]]++
			}
			if !strings.Contains(b.page, `rel="next"`) || pages > 5 {
				break
			}
			b.link("Next page")
		}
		if len(met) != 250 {
			t.Errorf("%s: %d files", start, len(met))
		}
		for id, n := range met {
			if n != 1 {
				t.Errorf("%s: %s came %d times", start, id, n)
			}
		}
	}
	for address, words := range map[string]string{"?tab=live": "1 · da", "?tab=live&v=1": "DCIM", "?tab=deleted&v=1&dir=DCIM": "gone.txt", "?tab=carved": "found.jpg", "?tab=live&q=none": "Nothing here",
		"?tab=nonsense&class=x&verdict=y&v=-1": "da⟨U&#43;202E⟩ta&lt;b&gt;"} {
		b.get("/case/" + key + "/files" + address)
		b.must(words)
	}
}

// TestSavingWhereItMustNot asks for the folder of the case, and for places that were not offered.
func TestSavingWhereItMustNot(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k := made(t, filepath.Join(dir, "case"), map[string]string{"v1/i1": "hello"}, live(1, "a.txt", "text"))
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	key := knownCase{Dir: k.Dir}.Key()
	b.get("/case/" + key + "/save?id=v1/i1")
	b.must("1 files, 5 bytes")
	action := "/case/" + key + "/save"
	for name, fill := range map[string]url.Values{
		"out of the folder": {"folder": {"../x"}},
		"a made-up place":   {"target": {"x.y"}},
		"a place of others": {"target": {s.seal.ticket("source", dir)}},
		"into the case":     {"target": {s.seal.ticket("target", k.Dir)}},
	} {
		b.get("/case/" + key + "/save?id=v1/i1")
		b.post(action, fill)
		if b.code < 400 {
			t.Errorf("%s: %d %s", name, b.code, b.page)
		}
	}
	b.get("/case/" + key + "/save?id=v1/i1&target=" + url.QueryEscape(s.seal.ticket("target", k.Dir)))
	b.must("It cannot be saved there", "lies in the case itself")
	b.get("/case/" + key + "/save?id=v1/none")
	b.must("there is no file v1/none")
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// millionth is the entry of that number in a large case.
func millionth(i int) *recovery.Entry {
	e := live(i, fmt.Sprintf("home/user%d/folder %d/IMG_%07d.txt", i%17, i/500, i), "text")
	e.Size = int64(i*7919%5000000) + 1
	e.Times.Modified = time.Unix(1700000000+int64(i*7919%10000000), 0).UTC()
	if i%100 == 0 {
		e.Verdict = filetype.Damaged
	}
	switch {
	case i%1000 == 999:
		e.State = filesystem.Deleted
	case i == 777_777:
		e.Class, e.Format = filetype.Photo, "jpeg"
	}
	return e
}

// BenchmarkFiles answers with pages of a large case.
func BenchmarkFiles(b *testing.B) {
	b.Setenv("HOME", b.TempDir())
	var entries []*recovery.Entry
	for i := range 1_000_000 {
		entries = append(entries, millionth(i))
	}
	k := made(b, filepath.Join(b.TempDir(), "case"), nil, entries...)
	entries = nil
	cat, err := recovery.OpenCatalog(filepath.Join(k.Dir, "catalog.db"))
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(cat.Optimize(b.Context()), cat.Close()); err != nil {
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
	get := func(b *testing.B, address string) string {
		w := &discarded{head: http.Header{}}
		r, err := http.NewRequest("GET", "http://"+s.pageHost+strings.ReplaceAll(address, " ", "%20"), nil)
		if err != nil {
			b.Fatal(err)
		}
		if s.routes().ServeHTTP(w, r); w.code != http.StatusOK {
			b.Fatal(w.code)
		}
		return w.page.String()
	}
	for _, address := range []string{"tab=live", "tab=live&v=1", "tab=live&v=1&dir=home/user7", "tab=live&v=1&dir=home/user7/folder 7", "tab=deleted&v=1", "tab=carved",
		"tab=live&class=document", "tab=live&class=photo", "tab=deleted&class=document", "tab=live&verdict=damaged", "tab=live&verdict=partial",
		"tab=live&q=img_0999", "tab=live&q=none", "tab=live&q=3", "tab=live&min=4 MB", "tab=live&min=1 KB&max=2 KB", "tab=live&from=2023-12-01&to=2023-12-02",
		"tab=live&class=document&sort=size&down=1", "tab=live&class=document&sort=time", "tab=live&v=1&dir=home/user7/folder 7&sort=good",
		"tab=live&class=document&verdict=damaged&q=77&min=1 KB&from=2023-11-15&sort=time&down=1"} {
		address = "/case/" + k.Key() + "/files?" + address
		first := get(b, address)
		b.Run(address[len("/case/"+k.Key()):], func(b *testing.B) {
			defer worked(b)()
			for b.Loop() {
				get(b, address)
			}
		})
		next := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(first)
		if next == nil {
			continue
		}
		b.Run(address[len("/case/"+k.Key()):]+" next", func(b *testing.B) {
			defer worked(b)()
			for b.Loop() {
				get(b, unescape(next[1]))
			}
		})
	}
}

// worked reports the time of the processors that the operations of a benchmark took, where the system tells it: on a machine
// that does other work too, the time of the clock says little.
func worked(b *testing.B) func() {
	begun := spent()
	return func() {
		if n := spent() - begun; n > 0 {
			b.ReportMetric(n/float64(b.N), "cpu-ms/op")
		}
	}
}

type discarded struct {
	head http.Header
	code int
	page strings.Builder
}

func (d *discarded) Header() http.Header         { return d.head }
func (d *discarded) WriteHeader(code int)        { d.code = code }
func (d *discarded) Write(p []byte) (int, error) { return d.page.Write(p) }
