package ui

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"salvor/host"
	"salvor/rescue"
)

// TestMain holds that nothing is left running. A device of a test is read by this program itself, run again.
func TestMain(m *testing.M) {
	if host.IsReader() {
		os.Exit(host.ServeReader())
	}
	beside()
	goleak.VerifyTestMain(m)
}

// browser is a person with a browser that knows no scripts.
type browser struct {
	t    *testing.T
	s    *Server
	http *http.Client
	at   string // address of the last page
	page string
	code int
	head http.Header
}

var discard = slog.New(slog.DiscardHandler)

// unchecked takes any certificate: a test of its own compares fingerprints.
var unchecked = &tls.Config{InsecureSkipVerify: true}

// serve starts a server that ends with the test.
func serve(t *testing.T, o Options) *Server {
	t.Helper()
	o.Log, o.Program = discard, "salvor test"
	if o.Uploads == "" {
		o.Uploads = filepath.Join(t.TempDir(), "uploads")
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// open is a browser that came by the link.
func open(t *testing.T, s *Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: unchecked}
	t.Cleanup(transport.CloseIdleConnections)
	b := &browser{t: t, s: s, http: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
	b.get(s.Link())
	if s.away != nil {
		b.post("/login", url.Values{"password": {testPassword}})
	}
	if b.code != http.StatusOK || strings.Contains(b.at, "token") {
		t.Fatalf("the link led to %d at %s", b.code, b.at)
	}
	return b
}

func (b *browser) take(r *http.Response, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.at, b.page, b.code, b.head = r.Request.URL.String(), string(text), r.StatusCode, r.Header
}

func (b *browser) get(address string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.s.pageOrigin() + address
	}
	b.take(b.http.Get(address))
}

// post sends the form of the page whose action is this, with what is filled in.
func (b *browser) post(action string, fill url.Values) {
	b.t.Helper()
	_, form, ok := strings.Cut(b.page, `<form method="post" action="`+action+`"`)
	if !ok {
		b.t.Fatalf("no form leads to %s on %s", action, b.page)
	}
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(form, -1) {
		name, value := attribute(input, "name"), attribute(input, "value")
		if attribute(input, "type") != "checkbox" {
			values.Add(name, value)
		}
	}
	for name, list := range fill {
		values[name] = list
	}
	b.take(b.http.PostForm(b.s.pageOrigin()+action, values))
}

func attribute(tag, name string) string {
	m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return unescape(m[1])
}

func unescape(text string) string {
	return strings.NewReplacer("&amp;", "&", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+").Replace(text)
}

// link follows the first link whose words hold these.
func (b *browser) link(words string) {
	b.t.Helper()
	b.get(b.address(words))
}

func (b *browser) address(words string) string {
	b.t.Helper()
	for _, m := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(b.page, -1) {
		if strings.Contains(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[2], ""), words) {
			return unescape(m[1])
		}
	}
	b.t.Fatalf("no link says %q on %s:\n%s", words, b.at, b.page)
	return ""
}

// must holds that the page says these.
func (b *browser) must(words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(b.page, w) {
			b.t.Fatalf("%s (%d) does not say %q:\n%s", b.at, b.code, w, b.page)
		}
	}
}

// wait asks for the page again, as its refresh does, until it does so no more.
func (b *browser) wait() {
	b.t.Helper()
	for end := time.Now().Add(4 * time.Minute); strings.Contains(b.page, `http-equiv="refresh"`); {
		if time.Now().After(end) {
			b.t.Fatalf("it does not come to an end: %s", b.page)
		}
		time.Sleep(100 * time.Millisecond)
		b.get(b.at)
	}
}

// home makes an empty folder the user's own, with the example image in it.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	image, err := os.ReadFile("../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.img"), image, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFromStartToSaved walks the whole path on the example without any script: look, copy, files, save, verify.
func TestFromStartToSaved(t *testing.T) {
	dir := home(t)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	b.must("Stop using it. Do not format, do not reset, do not update again.")
	b.link("Choose the file")
	b.link("gateway.img")
	b.wait()
	b.must("What not to do now", "What stands in what", `class="light`)
	b.link("Save its files")
	b.post("/copy", url.Values{"name": {"rescued"}})
	b.must("You can close this page")
	jobPage := b.at
	b.wait()
	b.must("How it ended", "What is safe", "What is next")

	b.link("Back to the rescue")
	caseHome := b.at
	b.must("What was found", "whole")
	b.link("What was done, and when")
	b.must("The record is unbroken", "source.add", "The rescue was begun")
	b.get(caseHome)
	b.link("Show the report")
	if !strings.HasPrefix(b.at, "http://"+s.contentHost+"/r/") || !strings.Contains(b.head.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the report stands at %s, %v", b.at, b.head)
	}

	b.get(caseHome)
	b.link("Show the files")
	b.must("With their names", "Found without a name")
	b.get(b.at + "?tab=live&class=photo&q=.jpg")
	name := regexp.MustCompile(`href="([^"]*/file\?id=[^"]*)"`).FindStringSubmatch(b.page)
	if name == nil {
		t.Fatalf("no picture is listed: %s", b.page)
	}
	b.get(unescape(name[1]))
	b.must("Download", "verdict", "SHA-256")
	content := b.address("Download")
	whole := get(t, content, nil)
	if len(whole.body) == 0 || whole.code != 200 || whole.head.Get("Set-Cookie") != "" {
		t.Fatalf("the content: %d, %v", whole.code, whole.head)
	}
	if p := get(t, content, http.Header{"Range": {"bytes=2-5"}}); p.code != http.StatusPartialContent || p.body != whole.body[2:6] {
		t.Errorf("a range: %d, %q", p.code, p.body)
	}

	b.get(caseHome)
	b.link("Save all of it elsewhere")
	b.post(regexp.MustCompile(`action="(/case/[0-9a-f]+/save)"`).FindStringSubmatch(b.page)[1], url.Values{"folder": {"out"}})
	b.wait()
	b.must("How it ended", "is exactly what was written")
	saved := 0
	if err := filepath.WalkDir(filepath.Join(dir, "out"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			saved++
		}
		return err
	}); err != nil || saved < 10 {
		t.Errorf("%d files saved, %v", saved, err)
	}

	b.get(caseHome)
	b.post(regexp.MustCompile(`action="(/case/[0-9a-f]+/verify)"`).FindStringSubmatch(b.page)[1], nil)
	b.wait()
	b.must("Everything is what it was.", "everything in the case is what it was")

	b.get("/cases")
	b.must("rescued")
	b.get(jobPage)
	b.must("How it ended")
	c, err := rescue.OpenCase(filepath.Join(dir, "rescued"), "salvor test")
	if err != nil {
		t.Fatal("the command line does not take the case: ", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// answered is what a request without a browser came to.
type answered struct {
	code int
	head http.Header
	body string
}

func get(t *testing.T, address string, head http.Header) answered {
	t.Helper()
	return ask(t, http.MethodGet, address, head, "")
}

func ask(t *testing.T, method, address string, head http.Header, body string) answered {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range head {
		r.Header[k] = v
	}
	r.Host = head.Get("Host")
	transport := &http.Transport{TLSClientConfig: unchecked}
	defer transport.CloseIdleConnections()
	c := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{got.StatusCode, got.Header, string(text)}
}
