package ui

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"salvor/host"
	"salvor/internal/need"
)

func TestStart(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Uploads: t.TempDir()})
	b := open(t, s)
	warning := strings.Index(b.page, "Stop using it. Do not format, do not reset, do not update again.")
	for _, later := range []string{"A card or a drive", "A copy of it in a file", "Messages of the device", "A firmware file", "Disks of this computer", "drop a file here"} {
		if at := strings.Index(b.page, later); warning < 0 || at < warning {
			t.Errorf("%q stands at %d, the warning at %d", later, at, warning)
		}
	}
	for words, want := range map[string]string{"Find the cause": "/why", "Check it": "/firmware", "Choose the file": "/pick/source", "Choose it below": "#disks", "Look again": "/#disks"} {
		if got := b.address(words); got != want {
			t.Errorf("%s leads to %s", words, got)
		}
	}
	b.get("/start/disks")
	if strings.Contains(b.page, "<html") || b.code != http.StatusOK || b.head.Get("Content-Security-Policy") == "" {
		t.Errorf("%d: %s", b.code, b.page)
	}
	if got := get(t, "http://"+s.pageHost+"/start/disks", nil); got.code != http.StatusForbidden {
		t.Errorf("without the cookie: %d", got.code)
	}
	b.get("/?lang=de")
	b.must("Nicht weiter benutzen", "Meldungen des Geräts", "Noch einmal nachsehen")
}

// TestDisksAreTold shows disks as no computer of a test has them.
func TestDisksAreTold(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	cards := []diskCard{
		s.diskCard(host.Disk{Path: "/dev/sda", Name: "sda", Size: 1 << 40, System: true, Model: "Inside"}, s.words["en"]),
		s.diskCard(host.Disk{Path: "/dev/sdb", Name: "sdb", Size: 32 << 30, Model: "<b>Card\u202e", Serial: "S\"1", Transport: "usb", Removable: true,
			Holders: []host.Holder{{Kind: host.HeldByMount, Device: "/dev/sdb1", Name: "/media/<i>", CanWrite: true}}}, s.words["en"]),
		s.diskCard(host.Disk{Path: "/dev/sdc", Name: "sdc", Removable: true}, s.words["en"]),
		s.diskCard(host.Disk{Path: "/dev/sdd", Name: "sdd", Size: 1 << 30, ReadOnly: true, Virtual: true, Health: host.Health{Known: true, Failing: true, Pending: 4}}, s.words["en"]),
	}
	var page bytes.Buffer
	if err := s.pages["start"].ExecuteTemplate(&page, "disks", &view{Lang: "en", words: s.words["en"], D: map[string]any{"Disks": cards, "Failed": nil}}); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, s: s, page: page.String()}
	b.must("It cannot be chosen.", "This computer runs from it", "Serial number", "S&#34;1", "USB", "can be taken out", "built in", "&lt;b&gt;Card⟨U&#43;202E⟩", "32.0 GiB",
		"\u2068/dev/sdb1\u2069 is open at \u2068/media/&lt;i&gt;\u2069", "Eject it first", "There is no card in it", "protected against writing",
		"it expects to fail soon, 4 places that it cannot read", "Look at the ticked ones together")
	if n := strings.Count(b.page, `type="checkbox"`); n != 2 {
		t.Errorf("%d disks can be ticked", n)
	}
	if strings.Count(b.page, `class="grey"`) != 2 {
		t.Error("not two are grey")
	}
	for _, bad := range []string{"<b>Card", "<i>", "\u202e"} {
		if strings.Contains(b.page, bad) {
			t.Errorf("it holds %q", bad)
		}
	}
	for name, h := range map[string]host.Health{"good": {Known: true}, "locked": {Known: true, Locked: true}, "worn": {Known: true, Used: 120}, "used": {Known: true, Used: 30}, "reserve": {Known: true, Reserve: "urgent"},
		"uncorrected": {Known: true, Uncorrected: 1}, "reallocated": {Known: true, Reallocated: 1}, "link": {Known: true, LinkErrors: 1}, "hot": {Known: true, Hot: true, Celsius: 70}} {
		for lang, words := range s.words {
			if got := healthWords(words, h); len(got) != 1 || strings.HasPrefix(got[0], "start.") || !words.has("start.health."+name) {
				t.Errorf("%s %s: %q", lang, name, got)
			}
		}
	}
	for _, kind := range []host.HolderKind{host.HeldByMount, host.HeldBySwap, host.HeldByMD, host.HeldByDM, host.HeldByLoop, host.HeldByOther} {
		for lang, words := range s.words {
			if got := holderWords(words, host.Holder{Kind: kind, ReadOnly: true}); strings.HasPrefix(got, "start.") {
				t.Errorf("%s %s: %s", lang, kind, got)
			}
		}
	}
}

// TestSeveralSources holds that disks which belong together are named by a ticket each, and by nothing else.
func TestSeveralSources(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	one, two := s.seal.ticket("source", "/dev/one"), s.seal.ticket("source", "/dev/two")
	for _, c := range []struct {
		tickets []string
		want    []string
	}{
		{[]string{one}, []string{"/dev/one"}}, {[]string{two, one, two}, []string{"/dev/two", "/dev/one"}}, {nil, nil}, {[]string{one, "x"}, nil},
		{[]string{s.seal.ticket("package", "/dev/one")}, nil}, {slices.Repeat([]string{one}, maxSources+1), nil},
	} {
		q := url.Values{"source": c.tickets}
		asked, err := http.NewRequest(http.MethodGet, "/look?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		sent, err := http.NewRequest(http.MethodPost, "/copy?source="+one, strings.NewReader(q.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, r := range []*http.Request{asked, sent} {
			if got, ok := s.sources(r); ok != (c.want != nil) || !slices.Equal(got, c.want) {
				t.Errorf("%s %v: %v, %v", r.Method, c.tickets, got, ok)
			}
		}
	}
	if q, err := url.ParseQuery(s.sourceQuery([]string{"/dev/one", "/dev/two"})); err != nil || !slices.Equal(q["source"], []string{one, two}) {
		t.Errorf("%v, %v", q, err)
	}
}

// TestDropped leads files to the pages that they are for.
func TestDropped(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Uploads: t.TempDir()})
	b := open(t, s)
	image, err := os.ReadFile("../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	drop := func(name, text string) {
		b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "dropped"}, field{name: "then", text: ""}, field{name: "file", file: name, text: text})
	}
	for name, c := range map[string]struct{ text, page string }{
		"boot.log":   {"[    0.0] Linux version 6.1\n[    1.0] Kernel panic\n", "/why?log="},
		"update.bin": {string(legacyImage("kernel", []byte("x"))), "/firmware?package="},
		"card.img":   {string(image), "/look?source="},
	} {
		drop(name, c.text)
		if !strings.Contains(b.at, c.page) || b.code != http.StatusOK {
			t.Errorf("%s led to %s (%d)", name, b.at, b.code)
		}
		b.wait()
	}
	drop("<b>noise", strings.Repeat("\x00\x01\xfe\x9c\x88", 4000))
	b.must("What is this file?", "_b_noise", "Look at it", "Check it", "Find the cause")
	b.link("Check it")
	b.must("Which device is it for?")
	for address, code := range map[string]int{"/dropped": 403, "/dropped?dropped=x": 403, "/pick/dropped": 404, "/dropped?dropped=" + s.seal.ticket("dropped", "/none/at/all"): 409} {
		if b.get(address); b.code != code {
			t.Errorf("%s: %d", address, b.code)
		}
	}
}

// endless is a form whose file never ends.
type endless struct {
	head io.Reader
	sent int64
	most int64
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); n > 0 || err == nil {
		return n, err
	}
	if e.sent >= e.most {
		return 0, io.EOF
	}
	n := min(len(p), 1<<20)
	clear(p[:n])
	e.sent += int64(n)
	return n, nil
}

// TestLargeImagesAreNotTakenIn sends one, with its length and without.
func TestLargeImagesAreNotTakenIn(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	uploads := t.TempDir()
	s := serve(t, Options{Uploads: uploads})
	b := open(t, s)
	b.get("/")
	b.must(fmt.Sprintf(`data-max="%d"`, min(int64(dropMost), s.uploads.most())), "choose it where it is")
	kind, body := form(t, field{name: "csrf", text: b.token()}, field{name: "purpose", text: "dropped"}, field{name: "file", file: "large.img", text: "x"})
	body = body[:bytes.LastIndex(body, []byte("\r\n--"))]
	r, err := http.NewRequest(http.MethodPost, "http://"+s.pageHost+"/upload", &endless{head: bytes.NewReader(body), most: dropMost + 2*maxForm})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(body)) + dropMost + 2*maxForm
	r.Header.Set("Content-Type", kind)
	b.take(b.http.Do(r))
	if b.code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", b.code)
	}
	b.must("This file is too large", "list of folders")
	if left := kept(t, uploads); len(left) > 0 {
		t.Errorf("%v stay", left)
	}
	small := &atMost{bytes.NewReader(make([]byte, 100)), 99}
	if _, err := io.ReadAll(small); err != errUploadLarge {
		t.Error(err)
	}
}

// TestSeveralImagesAreLookedAtTogether ticks two in the picker.
func TestSeveralImagesAreLookedAtTogether(t *testing.T) {
	dir := home(t)
	write(t, dir, map[string][]byte{"second.img": legacyImage("second", make([]byte, 4096))})
	b := open(t, serve(t, Options{}))
	b.get("/pick/source")
	q := url.Values{}
	for _, m := range regexp.MustCompile(`name="source" value="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
		q.Add("source", unescape(m[1]))
	}
	if len(q["source"]) != 2 {
		t.Fatal(b.page)
	}
	b.get("/look?" + q.Encode())
	b.wait()
	b.must("gateway.img", "second.img", "What not to do now")
}

// TestNothingTicked presses Enter in the picker without a tick: it stays there, and says what to do; with one it goes on.
func TestNothingTicked(t *testing.T) {
	home(t)
	b := open(t, serve(t, Options{}))
	for purpose, leads := range map[string]string{"source": "/look?", "log": "/why?"} {
		then := ""
		if purpose == "log" {
			then = "?then=" + url.QueryEscape("/why?x=1")
		}
		b.get("/pick/" + purpose + then)
		_, form, _ := strings.Cut(b.page, `<form method="get" action="/pick/`+purpose+`"`)
		q := url.Values{}
		for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
			q.Add(m[1], unescape(m[2]))
		}
		b.get("/pick/" + purpose + "?" + q.Encode())
		b.must("Nothing is ticked yet.", "gateway.img", "Take the ticked ones")
		if b.code != http.StatusOK || !strings.Contains(b.at, "/pick/"+purpose) {
			t.Errorf("%d at %s", b.code, b.at)
		}
		for _, m := range regexp.MustCompile(`type="checkbox" name="`+purpose+`" value="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			q.Add(purpose, unescape(m[1]))
		}
		b.get("/pick/" + purpose + "?" + q.Encode())
		if b.code != http.StatusOK || !strings.Contains(b.at, leads) || purpose == "log" && !strings.Contains(b.at, "x=1&") {
			t.Errorf("a tick leads to %d at %s", b.code, b.at)
		}
	}
}

func TestPicker(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	files := map[string][]byte{"Zoo/a": nil, "alpha.img": make([]byte, 2048), ".secret": {1}, "closed/x": nil}
	for i := range pagePlaces + 5 {
		files[fmt.Sprintf("many/f%05d.img", i)] = nil
	}
	write(t, dir, files)
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "broken.img")); err != nil {
		need.Lacking(t, "%v", err)
	}
	b := open(t, serve(t, Options{}))
	b.get("/pick/source")
	b.must("Home folder", "Whole computer", "2.0 KiB", "cannot be read", "Show hidden files", "One folder up")
	if strings.Contains(b.page, ".secret") {
		t.Error("a hidden file is shown")
	}
	if zoo, alpha := strings.Index(b.page, "<bdi>Zoo"), strings.Index(b.page, "<bdi>alpha.img"); zoo < 0 || alpha < zoo {
		t.Errorf("folders do not come first: %d, %d", zoo, alpha)
	}
	b.link("Show hidden files")
	b.must(".secret", "Do not show hidden files")
	b.get("/pick/source")
	b.link("many")
	b.must("f00000.img", fmt.Sprintf("1 to %d of %d", pagePlaces, pagePlaces+5))
	b.link("Those after")
	b.must(fmt.Sprintf("f%05d.img", pagePlaces+4), fmt.Sprintf("%d to %d of %d", pagePlaces+1, pagePlaces+5, pagePlaces+5))
	b.link("Those before")
	b.must("f00000.img")
	b.link("One folder up")
	b.must("alpha.img")
	b.link("Whole computer")
	b.must(`aria-current="location"`)
	// Several are ticked: they reach the page as a ticket each.
	b.get("/pick/source?then=" + url.QueryEscape("/cases?x=1"))
	b.must(`<form method="get" action="/pick/source">`, `<input type="hidden" name="then" value="/cases?x=1">`, "Take the ticked ones")
	// A folder that went away, and one that nobody may open.
	gone := b.address("Zoo")
	if err := os.RemoveAll(filepath.Join(dir, "Zoo")); err != nil {
		t.Fatal(err)
	}
	b.get(gone)
	b.must("is not there any more", "Home folder")
	if os.Getuid() != 0 {
		if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o700) })
		b.get("/pick/source")
		b.link("closed")
		b.must("you have no right to read it", "Home folder")
	}
	for purpose, p := range purposes {
		if purpose == "dropped" {
			continue
		}
		b.get("/pick/" + purpose)
		if takes := regexp.MustCompile(`(Take this folder)`).MatchString(b.page); takes != ((p.folder || p.either) && p.then != "") {
			t.Errorf("%s: the folder itself: %v", purpose, takes)
		}
	}
	if failure(os.ErrPermission) != "pick.failed.permission" || failure(os.ErrNotExist) != "pick.failed.gone" || failure(io.EOF) != "pick.failed" {
		t.Error("a failure has other words")
	}
}
