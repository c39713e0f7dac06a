//go:build linux

package browsertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// evil is a server of someone else, under a name of its own and under the address of this computer, with pages that do what
// they can to the program's.
func evil(t *testing.T, pages map[string]string) (named, local string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>evil</title><body>"+pages[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	must(t, err)
	return "http://evil.example:" + u.Port(), s.URL
}

// Pages of others change nothing and read nothing, also those that the same computer serves on another port, for which a
// browser sends the cookie along.
func TestPagesOfOthers(t *testing.T) {
	b := visit(t, start(t, t.TempDir()))
	at := "http://" + b.host
	form := `<form method=post action=` + at + `/settings><input name=lang value=de><input name=csrf value=x><input name=back value=/></form>`
	named, local := evil(t, map[string]string{
		"/form":  form + `<script>document.forms[0].submit()</script>`,
		"/frame": `<iframe src="` + at + `/" width=600 height=400></iframe>`,
		"/read": `<script>(async () => { const out = {};
			const get = async (name, f) => { try { out[name] = await f() } catch (e) { out[name] = "refused" } };
			await get("fetch", async () => (await fetch("` + at + `/", {credentials: "include"})).status);
			await get("opaque", async () => (await fetch("` + at + `/", {mode: "no-cors", credentials: "include"})).type);
			await get("post", async () => (await fetch("` + at + `/settings", {method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({lang: "de"})})).type);
			await get("preflight", async () => (await fetch("` + at + `/settings", {method: "PUT", credentials: "include"})).status);
			await get("events", () => new Promise((yes, no) => { const e = new EventSource("` + at + `/job/x/events", {withCredentials: true}); e.onopen = () => yes("open"); e.onerror = () => no() }));
			await get("script", () => new Promise((yes, no) => { const s = document.createElement("script"); s.src = "` + at + `/static/app.js"; s.onload = () => yes("loaded"); s.onerror = () => no(); document.body.append(s) }));
			await get("window", () => new Promise((yes, no) => { const w = open("` + at + `/"); setTimeout(() => { try { yes(w ? String(w.document.title) : "no window") } catch (e) { no() } }, 1500) }));
			window.out = out })()</script>`,
	})
	for _, from := range []string{named, local} {
		o := b.tab()
		o.open(from + "/form")
		o.wait(`location.href.includes("/settings")`)
		if text := o.text(); !strings.Contains(text, "This came from another page") && !strings.Contains(text, "The link") && !strings.Contains(text, "link") {
			t.Errorf("a form of %s: %s", from, text)
		}
		o.open(from + "/frame")
		time.Sleep(500 * time.Millisecond)
		if framed := run[bool](o, `(() => { try { return frames[0].location.href.startsWith("http") } catch (e) { return frames[0].length > 0 } })()`); framed {
			t.Errorf("%s frames a page", from)
		}
		o.open(from + "/read")
		o.wait("window.out")
		for _, name := range []string{"fetch", "opaque", "post", "preflight", "events", "script"} {
			if got := run[string](o, fmt.Sprintf("String(window.out[%q])", name)); got != "refused" {
				t.Errorf("%s by a page of %s: %s", name, from, got)
			}
		}
		if got := run[string](o, `String(window.out.window)`); strings.Contains(got, "Salvor") {
			t.Errorf("a page of %s reads a window: %s", from, got)
		}
		o.forgive()
	}
	b.open("/")
	if l := run[string](b, `document.documentElement.lang`); l != "en" {
		t.Error("a page of others changed the language")
	}
}

// A name that someone had lead to this computer is answered by no page.
func TestRebinding(t *testing.T) {
	b := visit(t, start(t, t.TempDir()))
	_, port, _ := strings.Cut(b.host, ":")
	o := b.tab()
	for _, host := range []string{"evil.example", "localhost"} {
		for _, path := range []string{"/", "/cases", "/enter?token=x", "/static/app.js", "/pick/source"} {
			resp, err := chromedp.RunResponse(o.ctx, chromedp.Navigate("http://"+host+":"+port+path))
			must(t, err)
			if resp.Status != http.StatusMisdirectedRequest && resp.Status != http.StatusNotFound {
				t.Errorf("%s%s: %d", host, path, resp.Status)
			}
		}
	}
	o.forgive()
}

// What a page of the program's own could be made to send is refused too: forms without their token, places that were not
// offered, ways out of a folder.
func TestForgedRequests(t *testing.T) {
	w := theWorld.get(t)
	b := visit(t, w.program)
	rescued(b, w)
	home := run[string](b, `location.pathname`)
	for name, c := range map[string]struct {
		script string
		want   string
	}{
		"a form without its token":   {`fetch("/settings", {method: "POST", body: new URLSearchParams({lang: "de"})})`, "403"},
		"a form with another token":  {`fetch("/settings", {method: "POST", body: new URLSearchParams({lang: "de", csrf: "AAAA"})})`, "403"},
		"a form without words":       {`fetch("/settings", {method: "POST", body: "{}", headers: {"Content-Type": "text/plain"}})`, "403"},
		"another method":             {`fetch("/settings", {method: "DELETE"})`, "405"},
		"a place that was not given": {`fetch("/pick/source?at=eA.L2V0Yw")`, "403"},
		"a path":                     {`fetch("/look?source=/etc/passwd")`, "403"},
		"a way out of the pages":     {`fetch("/static/..%2f..%2fserver.go")`, "404"},
		"a way out, hidden":          {`fetch("/static/%2e%2e/%2e%2e/etc/passwd")`, "404"},
		"a way out, turned":          {`fetch("/static/..%5c..%5cserver.go")`, "404"},
		"a folder of styles":         {`fetch("/static/pages/layout.html")`, "404"},
		"a case that is none":        {`fetch("/case/..%2f..%2fetc/files")`, "404"},
		"a case that is not known":   {`fetch("/case/0000000000000000/files")`, "404"},
		"a file that is none":        {`fetch("` + home + `/file?id=../../../etc/passwd")`, "404"},
		"a picture of none":          {`fetch("` + home + `/thumb?id=../../../etc/passwd")`, "404"},
		"a job that is none":         {`fetch("/job/..%2fx")`, "404"},
	} {
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](c.script+`.then(r => String(r.status), e => "refused")`, chromedp.EvalAwaitPromise))
		must(t, err)
		if got != c.want {
			t.Errorf("%s: %s, expected %s", name, got, c.want)
		}
	}
	b.open("/")
	run[bool](b, `(document.querySelector("footer input[name=csrf]").value += "x", true)`)
	b.leave(func() { b.press(`document.querySelector("footer button")`, "the language") })
	b.must("Back to the start")
	if l := run[string](b, `document.documentElement.lang`); l != "en" {
		t.Error("a form with a changed token was taken")
	}
}

// What was recovered is handed out by another host, without a cookie, for as long as the program runs, and as something
// that runs nothing: pages and drawings are downloads.
func TestContentsAreHandedOut(t *testing.T) {
	b, home := hostile(t)
	downloads := filepath.Join(home, "Downloads")
	b.open("/cases")
	b.follow(`<i id="owned">rescue`)
	b.follow("Show the files")
	files, _, _ := strings.Cut(b.address(), "?")
	var last string
	for _, name := range []string{"page.html", "picture.svg", "page.xml", "page.txt"} {
		b.open(files + "?tab=live&q=" + name)
		b.leave(func() { b.clickOn("a[href*='/file?id=']") })
		content := run[string](b, `document.querySelector("a[download]").href`)
		if u, err := url.Parse(content); err != nil || !strings.HasPrefix(u.Host, "localhost:") || len(u.Path) < 40 {
			t.Errorf("the content of %s stands at %s", name, content)
		}
		last = content
		answer, err := http.Get(content)
		must(t, err)
		_ = answer.Body.Close()
		h := answer.Header
		if !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Type") != "application/octet-stream" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, h)
		}
		// In the window of a browser it becomes a file and no page, also when a page is led to it.
		o := b.tab()
		_, err = chromedp.CallBrowser(o.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: downloads, BrowserContextID: chromedp.FromContext(o.ctx).BrowserContextID})
		must(t, err)
		_ = chromedp.Do(o.ctx, chromedp.Navigate(content)) // it ends as a download does
		if at := o.address(); strings.HasPrefix(at, "http") {
			t.Errorf("%s is shown at %s", name, at)
		}
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			if got, err := os.ReadFile(filepath.Join(downloads, name)); err == nil && string(got) == hostileFiles()[name] {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s was not downloaded", name)
			}
		}
		b.unharmed()
	}

	// The cookie of the pages goes to the pages alone.
	for address, cookie := range b.cookies() {
		if strings.Contains(address, "//localhost") {
			t.Errorf("%s was asked with %s", address, cookie)
		}
	}
	got, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{last}})
	must(t, err)
	if len(got.Cookies) != 0 {
		t.Errorf("localhost has %d cookies", len(got.Cookies))
	}

	// An address that was changed leads nowhere, and neither does one of an earlier run.
	mark := strings.Split(strings.TrimPrefix(last, "http://"), "/")
	mark[2] = strings.ToUpper(mark[2])
	if code := status(t, "http://"+strings.Join(mark, "/")); code != http.StatusNotFound {
		t.Errorf("a changed address: %d", code)
	}
	again := start(t, home, filepath.Join(home, `<i id="owned">rescue`))
	u, err := url.Parse(last)
	must(t, err)
	u.Host = "localhost" + strings.TrimPrefix(again.host, "127.0.0.1")
	if code := status(t, u.String()); code != http.StatusNotFound {
		t.Errorf("an address of another run: %d", code)
	}
}

// cookies are those that went with requests so far.
func (b *page) cookies() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]string{}
	for k, v := range b.cookie {
		out[k] = v
	}
	return out
}

func status(t *testing.T, address string) int {
	t.Helper()
	r, err := http.Get(address)
	must(t, err)
	must(t, r.Body.Close())
	return r.StatusCode
}
