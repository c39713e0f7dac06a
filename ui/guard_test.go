package ui

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

// TestOthersAreRefused sends what pages of others, and programs without the link, could send: on the loopback addresses,
// and over TLS with one name and with two.
func TestOthersAreRefused(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, remote := range map[string]*Remote{"loopback": nil, "two names": remoteOf(t, "localhost"), "one name": remoteOf(t, "")} {
		t.Run(name, func(t *testing.T) { othersAreRefused(t, serve(t, Options{Remote: remote})) })
	}
}

func othersAreRefused(t *testing.T, s *Server) {
	b := open(t, s)
	at, out := s.pageOrigin(), http.StatusForbidden
	if s.away != nil {
		out = http.StatusSeeOther // to where the password is asked for
	}
	place, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	cookie := b.http.Jar.Cookies(place)[0]
	if cookie.Name != s.cookieName() || cookie.Value == "" {
		t.Fatal(cookie)
	}
	mine := cookie.Name + "=" + cookie.Value
	form := "csrf=" + s.csrf(cookie.Value) + "&lang=de"
	typ := "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		method, path string
		head         http.Header
		body         string
		want         int
	}{
		"the page itself":             {"GET", "/", http.Header{"Cookie": {mine}}, "", 200},
		"no cookie":                   {"GET", "/", nil, "", out},
		"a made-up cookie":            {"GET", "/", http.Header{"Cookie": {cookie.Name + "=a.b"}}, "", out},
		"a wrong token":               {"GET", "/enter?token=x", nil, "", 403},
		"no token":                    {"GET", "/enter", nil, "", 403},
		"another host":                {"GET", "/", http.Header{"Cookie": {mine}, "Host": {"evil.example"}}, "", 421},
		"another host, same port":     {"GET", "/", http.Header{"Cookie": {mine}, "Host": {"evil.example:" + s.port}}, "", 421},
		"the host of contents":        {"GET", "/", http.Header{"Cookie": {mine}, "Host": {s.contentHost}}, "", 404},
		"a form of its own":           {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {at}}, form, 303},
		"a form of another page":      {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {"http://evil.example"}}, form, 403},
		"a form of a content":         {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {s.contentOrigin() + "0"}}, form, 403},
		"a form of a sandbox":         {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {"null"}}, form, 403},
		"a cross-site form":           {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Sec-Fetch-Site": {"cross-site"}}, form, 403},
		"a form without its token":    {"POST", "/settings", http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {at}}, "lang=de", 403},
		"a token in the address only": {"POST", "/settings?" + form, http.Header{"Cookie": {mine}, "Content-Type": {typ}, "Origin": {at}}, "", 403},
		"another method":              {"DELETE", "/", http.Header{"Cookie": {mine}}, "", 405},
		"a place that was not given":  {"GET", "/pick/source?at=" + "eA.L2V0Yw", http.Header{"Cookie": {mine}}, "", 403},
		"a source that was not given": {"GET", "/look?source=/etc/passwd", http.Header{"Cookie": {mine}}, "", 403},
		"a ticket for something else": {"GET", "/look?source=" + s.seal.ticket("dir", "/etc/passwd"), http.Header{"Cookie": {mine}}, "", 403},
		"a case that is not known":    {"GET", "/case/..%2f..%2fetc/files", http.Header{"Cookie": {mine}}, "", 404},
		"a way out of the style":      {"GET", "/static/../server.go", http.Header{"Cookie": {mine}}, "", 404},
		"a content that is made up":   {"GET", "/c/x/y/ei8x", http.Header{"Host": {s.contentHost}}, "", 404},
		"a report that is made up":    {"GET", "/r/x/y", http.Header{"Host": {s.contentHost}}, "", 404},
	} {
		if name == "the host of contents" && s.contentHost == s.pageHost {
			continue
		}
		if got := ask(t, c.method, at+c.path, c.head, c.body); got.code != c.want && !(c.want == 404 && got.code/100 == 3) {
			t.Errorf("%s: %d, expected %d", name, got.code, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, remote := range map[string]*Remote{"loopback": nil, "two names": remoteOf(t, "localhost"), "one name": remoteOf(t, "")} {
		t.Run(name, func(t *testing.T) { headers(t, serve(t, Options{Remote: remote})) })
	}
}

func headers(t *testing.T, s *Server) {
	b := open(t, s)
	for _, path := range []string{"/", "/cases", "/firmware", "/pick/source", "/none"} {
		b.get(path)
		policy := b.head.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if b.head.Get("X-Content-Type-Options") != "nosniff" || b.head.Get("Referrer-Policy") != "same-origin" || b.head.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, b.head)
		}
		if strings.Contains(b.page, "style=") || strings.Contains(b.page, "<script>") || strings.Contains(b.page, " onclick") || strings.Contains(strings.ReplaceAll(b.page, s.contentOrigin(), ""), "https://") {
			t.Errorf("%s holds a style or a script of its own, or leads out", path)
		}
		if b.head.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s binds the browser for all ports of this host", path)
		}
	}
	if s.away != nil {
		return // there is no link that lets in
	}
	got := get(t, s.Link(), nil)
	if c := got.head.Get("Set-Cookie"); got.code != http.StatusSeeOther || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
		t.Errorf("%d, %q", got.code, c)
	}
}

func TestLanguages(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages[1:] {
		for name, text := range all["en"] {
			other, ok := all[l][name]
			if !ok {
				t.Errorf("%s has no %s", l, name)
			}
			for _, mark := range []string{"{1}", "{2}", "{3}", "{4}"} {
				if strings.Contains(text, mark) != strings.Contains(other, mark) {
					t.Errorf("%s %s: %s stands in one language only", l, name, mark)
				}
			}
		}
		for name := range all[l] {
			if !all["en"].has(name) {
				t.Errorf("%s has %s, which English has not", l, name)
			}
		}
	}
	s := serve(t, Options{})
	b := open(t, s)
	b.get("/?lang=de")
	b.must(`<html lang="de">`, "Nicht weiter benutzen")
	b.get("/")
	b.must(`<html lang="en">`)
	b.post("/settings", url.Values{"lang": {"de"}})
	b.must(`<html lang="de">`)
	r, _ := http.NewRequest("GET", "/", nil)
	for accept, want := range map[string]string{"": "en", "de-AT,en;q=0.5": "de", "fr,de;q=0.3,en;q=0.8": "en", "xx": "en", "de;q=nonsense": "en"} {
		r.Header.Set("Accept-Language", accept)
		if got := languageOf(r); got != want {
			t.Errorf("%q: %s, expected %s", accept, got, want)
		}
	}
}

// TestWordsOfPages holds that every word that a page asks for by its name is in the catalogue.
func TestWordsOfPages(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	list, err := embedded.ReadDir("pages")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := embedded.ReadFile("pages/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), `.W "`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if !all["en"].has(name) {
				t.Errorf("%s: no word is called %s", f.Name(), name)
			}
		}
	}
}

func TestTickets(t *testing.T) {
	s := newSeal()
	ticket := s.ticket("source", "/dev/sdb\n\xff")
	if p, ok := s.place("source", ticket); !ok || p != "/dev/sdb\n\xff" {
		t.Errorf("%q, %v", p, ok)
	}
	for _, bad := range []string{"", ".", "a.b", ticket + "x", "x" + ticket, strings.Replace(ticket, ".", "", 1)} {
		if p, ok := s.place("source", bad); ok {
			t.Errorf("%q was taken for %q", bad, p)
		}
	}
	if _, ok := newSeal().place("source", ticket); ok {
		t.Error("another server took it")
	}
}

func TestFolderNames(t *testing.T) {
	for name, want := range map[string]bool{"rescued": true, "Große Rettung 2": true, " a ": true, "": false, ".": false, "..": false, "a/b": false, `a\b`: false, "/etc": false, "c:": false, "a\nb": false, strings.Repeat("x", 201): false} {
		if _, ok := folderName(name); ok != want {
			t.Errorf("%q: %v", name, ok)
		}
	}
}

func TestLocalAddresses(t *testing.T) {
	for address, want := range map[string]string{"/cases": "/cases", "//evil": "/", "http://evil": "/", `/\evil`: "/", "": "/", "/a\r\nb": "/"} {
		if got := local(address); got != want {
			t.Errorf("%q: %q", address, got)
		}
	}
}

// TestHostileNamesInThePicker lists a folder with names that try to be more than names.
func TestHostileNamesInThePicker(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for _, name := range []string{"<script>alert(1)<_script>", "a\u202egpj.exe", strings.Repeat("x", 255), "😀 \"'&", "new\nline"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			need.Lacking(t, "this file system does not take such names: %v", err)
		}
	}
	b := open(t, serve(t, Options{}))
	b.get("/pick/source")
	b.must("&lt;script&gt;alert(1)&lt;_script&gt;", "a⟨U&#43;202E⟩gpj.exe", strings.Repeat("x", 255), "😀 &#34;&#39;&amp;", "new⟨U&#43;000A⟩line")
	if strings.Contains(b.page, "<script>alert") || strings.Contains(b.page, "\u202e") {
		t.Error("a name is more than a name")
	}
}

func TestKnownCases(t *testing.T) {
	dir := t.TempDir()
	k, err := openKnown(dir)
	if err != nil {
		t.Fatal(err)
	}
	one := knownCase{Dir: filepath.Join(dir, "one"), Source: "/dev/x", Running: true}
	for _, c := range []knownCase{one, {Dir: filepath.Join(dir, "two")}, {Dir: one.Dir}} {
		if err := k.add(c); err != nil {
			t.Fatal(err)
		}
	}
	again, err := openKnown(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := again.all()
	if len(list) != 2 || list[0].Dir != one.Dir || !list[0].Running || list[0].Source != one.Source {
		t.Errorf("%+v", list)
	}
	if err := again.running(one.Key(), false); err != nil {
		t.Fatal(err)
	}
	if again, err = openKnown(dir); err != nil || again.all()[0].Running {
		t.Errorf("%+v, %v", again.all(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKnown(dir); err == nil {
		t.Error("a broken list was thrown away")
	}
}

// TestLinkOnce holds that the link which a browser is started with lets in one time: every user of the computer can read with
// what a program was started.
func TestLinkOnce(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	link := s.LinkOnce()
	if link == s.LinkOnce() || link == s.Link() {
		t.Error("it is the same as another one: ", link)
	}
	first := get(t, link, nil)
	cookie := first.head.Get("Set-Cookie")
	if first.code != http.StatusSeeOther || cookie == "" {
		t.Fatalf("%+v", first)
	}
	if got := get(t, link, nil); got.code != http.StatusForbidden || got.head.Get("Set-Cookie") != "" {
		t.Errorf("it lets in twice: %+v", got)
	}
	mine, _, _ := strings.Cut(cookie, ";")
	if got := get(t, link, http.Header{"Cookie": {mine}}); got.code != http.StatusSeeOther || got.head.Get("Set-Cookie") != "" {
		t.Errorf("the browser that was let in is refused: %+v", got)
	}
	late := s.tokens.add()
	s.tokens.left[late] = s.tokens.left[late].Add(-tokenTime)
	if s.tokens.take(late) || s.tokens.take("") {
		t.Error("it lets in after its time")
	}
}
