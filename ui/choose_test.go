package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/recovery"
)

// photosAndTexts is a case of 130 texts, 20 photos of other sizes and times, deleted and carved files.
func photosAndTexts(t *testing.T, dir string) knownCase {
	var entries []*recovery.Entry
	for i := range 130 {
		e := live(i, fmt.Sprintf("docs/part %d/page_%03d.txt", i%2, i), "text")
		e.Size = 1000
		e.Times.Modified = time.Date(2020, 1, 1+i, 0, 0, 0, 0, time.UTC)
		entries = append(entries, e)
	}
	for i := range 20 {
		e := live(500+i, fmt.Sprintf("DCIM/IMG_%d.jpg", i), "jpeg")
		e.Class, e.Size, e.Verdict = filetype.Photo, 1<<20*int64(i+1), filetype.Damaged
		e.Findings = []finding.Finding{{Code: "x", Severity: finding.Error, Offset: 7, Text: fmt.Sprintf("the picture breaks at line %d <b>", i)}}
		entries = append(entries, e)
	}
	gone := live(900, "DCIM/gone.txt", "text")
	gone.State = filesystem.Deleted
	carved := &recovery.Entry{ID: "c/0x1000", Source: 1, Origin: recovery.FromContent, State: filesystem.Orphan, Name: "found.jpg", Mode: 0o644, Class: filetype.Photo, Format: "jpeg", Size: 77}
	return made(t, filepath.Join(dir, "case"), nil, append(entries, gone, carved)...)
}

// ids are the files of a page, and which of them are ticked.
func (b *browser) ids() (shown, ticked []string) {
	for _, m := range regexp.MustCompile(`<input type="checkbox" name="id" value="([^"]*)"[^>]*?( checked)?>`).FindAllStringSubmatch(b.page, -1) {
		if shown = append(shown, unescape(m[1])); m[2] != "" {
			ticked = append(ticked, unescape(m[1]))
		}
	}
	return shown, ticked
}

// TestChoosing gathers files over pages and filters without any script, and saves exactly these.
func TestChoosing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k := photosAndTexts(t, dir)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	at := "/case/" + knownCase{Dir: k.Dir}.Key()
	choose := at + "/choose"
	b.get(at + "/files?tab=live&class=document")
	b.must("Chosen: 0 files, 0 bytes", "Choose all that were found here: 130 files", "With their names <span class=\"count\">130</span>", "Photos <span class=\"count\">20</span>")
	shown, ticked := b.ids()
	if len(shown) != 100 || len(ticked) != 0 {
		t.Fatalf("%d shown, %d ticked", len(shown), len(ticked))
	}
	b.post(choose, url.Values{"do": {"next"}, "id": {"v1/i3", "v1/i4", "v1/made up"}})
	b.must("Chosen: 2 files, 2.0 KiB", "First page")
	if shown, _ := b.ids(); len(shown) != 30 {
		t.Fatalf("%d on the next page", len(shown))
	}
	b.get(at + "/files?tab=live&class=document")
	if _, ticked := b.ids(); !slices.Equal(ticked, []string{"v1/i3", "v1/i4"}) {
		t.Errorf("%v are ticked", ticked)
	}
	b.post(choose, url.Values{"do": {"keep"}, "id": {"v1/i4"}})
	b.must("Chosen: 1 files, 1000 bytes")

	b.get(at + "/files?tab=live&class=photo&min=10+MB")
	b.must("Choose all that were found here: 11 files", "the picture breaks at line 19 &lt;b&gt;")
	b.post(choose, url.Values{"do": {"all"}})
	b.must("Chosen: 12 files, 165.0 MiB", "Take all of these out again")
	if shown, ticked := b.ids(); len(shown) != 11 || len(ticked) != 11 {
		t.Errorf("%d shown, %d ticked", len(shown), len(ticked))
	}
	b.post(choose, url.Values{"do": {"keep"}, "id": shown[:0]})
	b.must("Chosen: 1 files, 1000 bytes")
	b.post(choose, url.Values{"do": {"all"}})
	b.get(at + "/files?tab=live&q=IMG_19")
	b.post(choose, url.Values{"do": {"none"}})
	b.must("Chosen: 11 files, 145.0 MiB")
	saving := b.address("Save the chosen ones")

	// Another browser has its own choice, and none of this one's.
	other := open(t, s)
	other.get(at + "/files?tab=live&class=photo")
	other.must("Chosen: 0 files")
	other.get(saving)
	other.must("0 files, 0 bytes")

	// What stands in a form stays what it was when more is chosen beside it.
	b.get(saving)
	b.must("11 files, 145.0 MiB")
	b.get(at + "/files?tab=carved")
	b.post(choose, url.Values{"do": {"all"}})
	b.must("Chosen: 12 files, 145.0 MiB")
	b.get(saving)
	b.must("11 files, 145.0 MiB")
	b.get(at + "/files?tab=carved")
	b.post(choose, url.Values{"do": {"clear"}})
	b.must("Chosen: 0 files")

	b.get(at + "/files?tab=live&v=1&dir=docs/part+1")
	b.must("Choose everything in here: 65 files")
	b.post(choose, url.Values{"do": {"all"}})
	b.must("Chosen: 65 files")
	b.post(choose, url.Values{"do": {"nonsense"}})
	if b.code != http.StatusBadRequest {
		t.Errorf("nonsense is answered with %d", b.code)
	}
	b.get(at + "/save?chosen=99999")
	b.must("0 files, 0 bytes")
}

// TestTicksByScript is what the script of the page asks for.
func TestTicksByScript(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k := photosAndTexts(t, dir)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	at := "/case/" + knownCase{Dir: k.Dir}.Key()
	b.get(at + "/files?tab=live&class=photo")
	csrf := attribute(regexp.MustCompile(`<input[^>]*name="csrf"[^>]*>`).FindString(b.page), "name=\"csrf\" value")
	tick := func(id string, on bool) (answer struct {
		Files       int64
		Words, Save string
	}) {
		t.Helper()
		form := url.Values{"csrf": {csrf}, "do": {"keep"}, "shown": {id}}
		if on {
			form.Set("id", id)
		}
		r, err := http.NewRequest("POST", "http://"+s.pageHost+at+"/choose", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/json")
		b.take(b.http.Do(r))
		if err := json.Unmarshal([]byte(b.page), &answer); err != nil {
			t.Fatalf("%d: %s", b.code, b.page)
		}
		return answer
	}
	tick("v1/i500", true)
	if got := tick("v1/i501", true); got.Files != 2 || got.Words != "Chosen: 2 files, 3.0 MiB" || !strings.Contains(got.Save, "chosen=") {
		t.Errorf("%+v", got)
	}
	if got := tick("v1/i500", false); got.Files != 1 {
		t.Errorf("%+v", got)
	}
}

// TestFilters asks by size, time and order, keeps them while paging, and says what cannot be read.
func TestFilters(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	k := photosAndTexts(t, dir)
	b := open(t, serve(t, Options{Case: k.Dir}))
	at := "/case/" + knownCase{Dir: k.Dir}.Key() + "/files?tab=live&"
	for words, want := range map[string]int{
		"min=20+MiB": 1, "max=1+KB": 100, "min=1,5m&max=3M": 2, "from=2020-01-05&to=2020-01-07": 3, "from=2020-01-05&class=photo": 0, "to=2020-01-01": 1,
		"q=page_01": 10, "verdict=damaged": 20, "verdict=damaged&class=document": 0, "q=IMG&v=1&dir=docs": 0, "q=IMG&v=1&dir=DCIM": 20,
	} {
		b.get(at + words)
		if shown, _ := b.ids(); len(shown) != want {
			t.Errorf("%s: %d files, want %d", words, len(shown), want)
		}
	}
	b.get(at + "class=photo&sort=size&down=1")
	if shown, _ := b.ids(); shown[0] != "v1/i519" || shown[19] != "v1/i500" || !strings.Contains(b.page, `aria-sort="descending"`) {
		t.Errorf("the largest first: %v", shown)
	}
	b.get(at + "class=document&sort=time&down=1&from=2020-01-02")
	b.link("Next page")
	if shown, _ := b.ids(); len(shown) != 29 || shown[28] != "v1/i1" {
		t.Errorf("the rest: %v", shown)
	}
	b.must(`name="from" type="date" value="2020-01-02"`, `name="sort" value="time"`)
	b.get(at + "min=many&max=-1&from=yesterday&to=x")
	b.must("“At least” could not be read", "“At most” could not be read", "“Changed from” is no date", "The last day is no date")
	b.get(at + "class=photo&after=%25")
	if b.code != http.StatusNotFound {
		t.Errorf("a page behind nothing: %d", b.code)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "500": 500, "1 KB": 1024, "1,5 mib": 3 << 19, "2G": 2 << 30, "10 bytes": 10, "3 TB": 3 << 40} {
		if n, ok := parseSize(text); !ok || n != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "x", "1 XB", "-1", "1e3", "99999999999 TB", "1.2.3", "NaN", "inf"} {
		if n, ok := parseSize(text); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
}

// TestPicksAreBounded chooses more than is kept.
func TestPicksAreBounded(t *testing.T) {
	dir := t.TempDir()
	cat, err := recovery.OpenCatalog(filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	var p picks
	add := func(session string, ids ...string) (pick, error) {
		return p.change(t.Context(), session, "k", cat, func(s []recovery.Step) []recovery.Step { return pickFiles(s, ids, false) })
	}
	first, err := add("a", "1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxKept {
		if _, err := add("a", fmt.Sprint("x", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := p.get("a", "k", first.n); ok {
		t.Error("the oldest state is still kept")
	}
	var many []string
	for i := range maxPickedIDs {
		many = append(many, fmt.Sprint(i, "y"))
	}
	if _, err := add("a", many...); err != errTooMany {
		t.Errorf("%v", err)
	}
	for i := range maxPickers + 10 {
		if _, err := add(fmt.Sprint(i), "1"); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.list) != maxPickers || len(p.now("a", "k").steps) != 0 {
		t.Errorf("%d are kept", len(p.list))
	}
	var steps []recovery.Step
	for i := range 100 {
		steps = pickQuery(steps, recovery.Query{Name: "*a*"}, i%2 == 1)
		steps = pickFiles(steps, []string{"1", "2"}, i%3 == 0)
	}
	if len(steps) > 4 {
		t.Errorf("%d steps", len(steps))
	}
}
