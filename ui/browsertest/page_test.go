//go:build linux

package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is a tab of a browser profile of its own, and the person before it.
type page struct {
	t    testing.TB
	ctx  context.Context
	host string // of the program's pages
	// others are the origins of other programs that it may go to.
	others []string

	mu     sync.Mutex
	asked  []string // addresses, in order
	faults []string
	cookie map[string]string // request address to the Cookie header that went with it
	ids    map[network.RequestID]string
}

// patience is how long a person waits for what the page does by itself.
const patience = 90 * time.Second

// visit opens a new profile at the program's link.
func visit(t testing.TB, p *program) *page {
	t.Helper()
	b := blank(t, p.host)
	b.open(p.link)
	return b
}

// blank is a new profile that was nowhere yet.
func blank(t testing.TB, host string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(theBrowser.get(t), chromedp.WithNewBrowserContext())
	b := &page{t: t, host: host}
	b.watch(ctx)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			t.Error(f)
		}
		cancel()
	})
	return b
}

// tab is another tab of the same profile: it has the same cookies.
func (b *page) tab() *page {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	n := &page{t: b.t, host: b.host}
	n.watch(ctx)
	b.t.Cleanup(cancel)
	return n
}

// of is the same tab before the person of another test.
func (b *page) of(t testing.TB) *page {
	b.t = t
	return b
}

// watch notes what a page must not do: ask another computer, throw, open a dialog, break the policy.
func (b *page) watch(ctx context.Context) {
	b.t.Helper()
	b.ctx, b.cookie, b.ids = ctx, map[string]string{}, map[network.RequestID]string{}
	must(b.t, chromedp.Do(ctx))
	must(b.t, chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			b.asked = append(b.asked, e.Request.URL)
			b.ids[e.RequestID] = e.Request.URL
			if u, err := url.Parse(e.Request.URL); err != nil || !b.ours(u) {
				b.faults = append(b.faults, "a page asked "+e.Request.URL)
			}
		case *network.EventRequestWillBeSentExtraInfo:
			for name, value := range e.Headers {
				if strings.EqualFold(name, "Cookie") {
					b.cookie[b.ids[e.RequestID]] = fmt.Sprint(value)
				}
			}
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, "a script threw: "+e.ExceptionDetails.Text)
		case *cdppage.EventJavascriptDialogOpening:
			b.faults = append(b.faults, "a dialog opened: "+e.Message)
		case *log.EventEntryAdded:
			if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
				b.faults = append(b.faults, "the browser says of "+e.Entry.URL+": "+e.Entry.Text)
			}
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(b.t, err)
	_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	must(b.t, err)
	// A tab behind another one takes keys as the one in front does.
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	must(b.t, err)
	b.size(1280, 900)
}

func (b *page) ours(u *url.URL) bool {
	return u.Host == b.host || slices.Contains(b.others, u.Scheme+"://"+u.Host) || u.Host == "localhost:"+strings.TrimPrefix(b.host, "127.0.0.1:") ||
		u.Scheme == "data" || u.Scheme == "about" || u.Scheme == "blob"
}

// forgive returns the faults so far and forgets them: an attack has its own.
func (b *page) forgive() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := strings.Join(b.faults, "\n")
	b.faults = nil
	return all
}

func (b *page) size(width, height int64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	must(b.t, err)
}

// theme shows the page light or dark.
func (b *page) theme(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	must(b.t, err)
}

// language makes the pages speak it.
func (b *page) language(l string) {
	b.t.Helper()
	for _, origin := range append([]string{"http://" + b.host}, b.others...) {
		_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "salvor-lang", Value: l, URL: origin})
		must(b.t, err)
	}
}

// noScripts is a browser whose owner switched JavaScript off.
func (b *page) noScripts() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(b.t, err)
}

// open goes to an address; one that begins with a slash is the program's own.
func (b *page) open(address string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = "http://" + b.host + address
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		b.t.Fatalf("%s: %v", address, err)
	}
}

// run evaluates an expression on the page, again while the page is on its way to another one.
func run[T any](b *page, expression string) T {
	b.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience/3) // what is asked while a page goes may get no answer at all
		var v T
		v, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		cancel()
		if err == nil {
			return v
		}
		if s := err.Error(); !strings.Contains(s, "context") && !strings.Contains(s, "navigat") && !strings.Contains(s, "null") {
			break
		}
	}
	b.t.Fatalf("%.200s: %v", expression, err)
	panic("not reached")
}

func (b *page) address() string { b.t.Helper(); return run[string](b, `location.href`) }
func (b *page) text() string    { b.t.Helper(); return run[string](b, `document.body.innerText`) }

// must holds that the page says these.
func (b *page) must(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Fatalf("%s does not say %q:\n%s", b.address(), w, text)
		}
	}
}

// until waits till the page says one of these.
func (b *page) until(words ...string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		text := b.text()
		for _, w := range words {
			if strings.Contains(text, w) {
				return
			}
		}
	}
	b.t.Fatalf("%s does not come to say one of %q:\n%s", b.address(), words, b.text())
}

// wait waits till an expression holds on the page.
func (b *page) wait(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if run[bool](b, "!!("+expression+")") {
			return
		}
	}
	b.t.Fatalf("%s: %s does not come to hold:\n%s", b.address(), expression, b.text())
}

// find is a script that finds what can be pressed by what it says: on the page itself rather than around it, and exactly
// these words rather than more of them.
const find = `(words => {
	const says = e => (e.innerText || e.value || "").trim();
	const all = ["main :is(a, button, input[type=submit])", ":is(a, button, input[type=submit])", "main :is(summary, label)"]
		.flatMap(pressed => [...document.querySelectorAll(pressed)])
		.filter(e => e.checkVisibility({visibilityProperty: true}) && says(e).includes(words));
	return all.find(e => says(e) === words) || all[0];
})`

// spot is where something is, in pixels of the window.
type spot struct{ X, Y float64 }

// click presses what says these words, by the mouse.
func (b *page) click(words string) {
	b.t.Helper()
	b.press(fmt.Sprintf("%s(%q)", find, words), words)
}

// clickOn presses the first element of a selector, by the mouse.
func (b *page) clickOn(selector string) {
	b.t.Helper()
	b.press(fmt.Sprintf("document.querySelector(%q)", selector), selector)
}

func (b *page) press(element, what string) {
	b.t.Helper()
	at := run[*spot](b, `(() => { const e = `+element+`; if (!e) return null; e.scrollIntoView({block: "center", behavior: "instant"});
		const r = [...e.getClientRects()].find(r => r.width && r.height); return r ? {X: r.left + Math.min(r.width / 2, 100), Y: r.top + r.height / 2} : null; })()`)
	if at == nil {
		b.t.Fatalf("nothing on %s can be pressed that says %q:\n%s", b.address(), what, b.text())
	}
	for _, typ := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		_, err := chromedp.Call(b.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: typ, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: 1})
		must(b.t, err)
	}
}

// follow presses what says these words, and waits for the page that it leads to.
func (b *page) follow(words string) {
	b.t.Helper()
	from := b.address()
	to := run[string](b, fmt.Sprintf(`(e => e && e.href || "")(%s(%q))`, find, words))
	b.leave(func() { b.click(words) })
	if to != "" && to != from && b.address() == from {
		b.leave(func() { b.click(words) }) // the page was made anew just then, for a work that ended
	}
}

// leave does something that leads to another page, and waits for that page.
func (b *page) leave(do func()) {
	b.t.Helper()
	old := run[float64](b, `performance.timeOrigin`)
	from := b.address()
	do()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if run[bool](b, fmt.Sprintf(`performance.timeOrigin !== %v && document.readyState === "complete"`, old)) {
			return
		}
	}
	b.t.Fatalf("%s was not left:\n%s", from, b.text())
}

// key presses a key.
func (b *page) key(keys string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// tabTo goes by the tabulator to what says these words, and is one of these elements, as a person without a mouse does.
func (b *page) tabTo(words string, tags ...string) {
	b.t.Helper()
	for range 400 {
		b.key(kb.Tab)
		got := run[struct {
			Words, Tag string
			Seen       bool
		}](b, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			const label = e.labels && e.labels.length ? e.labels[0].innerText : "";
			return {Words: [e.innerText, e.id, label, e.getAttribute("aria-label")].join("\n"), Tag: e.tagName,
				Seen: e === document.body || (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)}; })()`)
		if !got.Seen {
			b.t.Errorf("%s: the focus is not seen on %q", b.address(), got.Words)
		}
		if strings.Contains(got.Words, words) && slices.Contains(tags, got.Tag) {
			return
		}
	}
	b.t.Fatalf("the tabulator does not come to %q on %s:\n%s", words, b.address(), b.text())
}

// enter goes to what says these words by the tabulator and presses Enter, and waits for the page that follows.
func (b *page) enter(words string) {
	b.t.Helper()
	b.leave(func() { b.tabTo(words, "A", "BUTTON"); b.key(kb.Enter) })
}

// fill types into a field, in place of what stands in it.
func (b *page) fill(id, text string) {
	b.t.Helper()
	b.clickOn("#" + id)
	b.retype(text)
}

// retype types in place of what stands in the field that has the focus.
func (b *page) retype(text string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)), chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent(text)))
}

// insert puts a text into the field that has the focus at once, as pasting does.
func (b *page) insert(text string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text})
	must(b.t, err)
}
