//go:build linux

package browsertest

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"salvor/block"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/rescue"
	"salvor/ui"
)

// TestOtherComputers opens the pages as another computer does, over TLS and by the password: what was recovered on a host of
// its own, and on that of the pages. Styles, scripts and pictures come in both ways, and nothing else is let in.
func TestOtherComputers(t *testing.T) {
	need.Tools(t, "chromium")
	home := example(t)
	dir := filepath.Join(home, "rescued")
	o := rescue.Options{Source: filepath.Join(home, "gateway.img"), Case: dir, Program: "salvor test", Carve: rescue.CarveOptions{Within: []block.Extent{{Length: 512}}}}
	if _, err := rescue.Run(t.Context(), o, unheard{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	all, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath("chromium"),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-features", "LocalNetworkAccessChecks"))...)
	defer cancel()
	for name, contents := range map[string]string{"two hosts": "127.0.0.3", "one host": ""} {
		t.Run(name, func(t *testing.T) { fromAnotherComputer(t, all, dir, contents) })
	}
}

func fromAnotherComputer(t *testing.T, all context.Context, dir, contents string) {
	const password = "correct horse battery staple"
	p, err := ui.NewPassword([]byte(password))
	must(t, err)
	certificate, err := ui.SelfMade("127.0.0.2", "127.0.0.3")
	must(t, err)
	s, err := ui.Listen(ui.Options{Case: dir, Program: "salvor test", Uploads: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Remote: &ui.Remote{Host: "127.0.0.2", ContentHost: contents, Password: p, Certificate: certificate}})
	must(t, err)
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(serving) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	tab, cancel := chromedp.NewContext(all)
	defer cancel()
	b := &page{t: t, host: strings.Trim(strings.TrimPrefix(s.Link(), "https:"), "/")}
	b.watch(tab)
	b.open(s.Link())
	b.must("It shows what it holds only to who knows its password.")
	b.fill("password", password)
	b.leave(func() { b.key(kb.Enter) })
	b.must("Stop using it.")
	b.follow("My rescues")
	b.follow("rescued")
	if n := run[int](b, `document.styleSheets.length`); n < 2 {
		t.Errorf("%d style sheets", n)
	}
	b.follow("Show the files")
	b.follow("Photos")
	b.leave(func() { b.clickOn(`a[href*="/file?id="]`) })
	b.wait(`[...document.querySelectorAll("main img")].some(i => i.complete && i.naturalWidth > 0)`)
	// The photo itself comes from where contents are.
	run[bool](b, `(() => { const i = new Image(); i.id = "whole"; i.src = document.querySelector('main a[href*="/c/"]').href; document.querySelector("main").append(i); return true; })()`)
	b.wait(`document.querySelector("#whole").naturalWidth > 0`)
	hosts := map[string]bool{}
	for _, f := range strings.Split(b.forgive(), "\n") {
		u, err := url.Parse(strings.TrimPrefix(f, "a page asked "))
		if f != "" && (err != nil || u.Scheme != "https" || u.Hostname() != contents || contents == "") {
			t.Errorf("the browser complains: %s", f)
		}
		hosts[u.Hostname()] = true
	}
	if contents != "" && !hosts[contents] {
		t.Errorf("the picture does not come from %s: %v", contents, b.asked)
	}
	for address, cookie := range b.cookie {
		if contents != "" && strings.HasPrefix(address, "https://"+contents) && cookie != "" {
			t.Errorf("the host of contents is sent the cookie %s", cookie)
		}
	}
	b.leave(func() { b.clickOn(`form[action="/logout"] button`) })
	b.must("It shows what it holds only to who knows its password.")
}

// unheard hears no events.
type unheard struct{}

func (unheard) Progress(wire.Progress) {}
func (unheard) Layers([]wire.Layer)    {}
func (unheard) Finding(wire.Finding)   {}
