//go:build linux

package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
)

// screen is one of the pages that a person sees, and the way there.
type screen struct {
	name string // of its picture
	what string // under it in docs/ui.md
	at   func(b *page, w *world)
	bare bool // it has no picture
}

// screens are all of them. Every test of screens goes through this table.
var screens = []screen{
	{name: "start", what: "Start", at: func(b *page, _ *world) { b.open("/") }},
	{name: "pick", what: "Choosing a file of this computer", at: func(b *page, _ *world) { b.open("/"); b.follow("Choose the file") }},
	{name: "look", what: "What is on it", at: look},
	{name: "copy", what: "Before the copy begins", at: func(b *page, w *world) { look(b, w); b.follow("Save its files") }},
	{name: "copying", what: "The copy at work", at: func(b *page, w *world) { b.open(w.copying(b)) }},
	{name: "done", what: "What was done", at: func(b *page, w *world) { b.open(w.verified(b)) }},
	{name: "cases", what: "All rescues", at: func(b *page, _ *world) { b.open("/cases") }},
	{name: "case", what: "One rescue", at: rescued},
	{name: "journal", what: "Its record", at: func(b *page, w *world) { rescued(b, w); b.follow("What was done, and when") }},
	{name: "files", what: "Its files", at: files},
	{name: "photos", what: "Only photos", at: func(b *page, w *world) { files(b, w); b.follow("Photos") }},
	{name: "deleted", what: "Only what was deleted", at: func(b *page, w *world) { files(b, w); b.follow("Deleted") }},
	{name: "carved", what: "Found without a name", at: func(b *page, w *world) { files(b, w); b.follow("Found without a name") }},
	{name: "picture", what: "One photo", at: func(b *page, w *world) { file(b, w, "q=.jpg&class=photo") }},
	{name: "text", what: "One text", at: func(b *page, w *world) { file(b, w, "q=.csv") }},
	{name: "database", what: "One database", at: func(b *page, w *world) { file(b, w, "q=.db") }},
	{name: "paper", what: "One paper", at: func(b *page, w *world) { file(b, w, "q=.pdf") }},
	{name: "save", what: "Where to save", at: func(b *page, w *world) { rescued(b, w); b.follow("Save all of it elsewhere") }},
	{name: "saving", what: "Saving at work", at: func(b *page, w *world) { b.open(w.saving(b)) }},
	{name: "saved", what: "What was saved", at: func(b *page, w *world) { b.open(w.saved(b)) }},
	{name: "firmware", what: "An update file", at: func(b *page, _ *world) { b.open("/firmware") }},
	{name: "checked", what: "An update file that was checked", at: checked},
	{name: "why", what: "Why the update failed", at: func(b *page, _ *world) { b.open("/why") }},
	{name: "answer", what: "Why it failed, and what to do", at: answer},
	{name: "locked", what: "What is locked", at: locked},
	{name: "browse", what: "The files of a copy that is still being made", at: func(b *page, w *world) {
		b.open(w.copying(b))
		b.follow("Browse now")
		b.until("Choose everything in here", "List them now")
		for end := time.Now().Add(patience); strings.Contains(b.text(), "Nothing was read yet") && time.Now().Before(end); {
			time.Sleep(time.Second)
			b.follow("List them now")
			b.until("Choose everything in here", "List them now")
		}
		b.must("The copy is not finished.")
		b.follow("Text")
	}},
	{name: "dropped", what: "A dropped file whose kind a person has to say", at: func(b *page, _ *world) {
		b.open("/")
		b.leave(func() {
			run[bool](b, `(() => { const chosen = new DataTransfer(); chosen.items.add(new File([new Uint8Array(4096).map((_, i) => i * 37 + (i >> 3))], "from-the-device.bin"));
				const field = document.querySelector("form.drop input[type=file]"); field.files = chosen.files; field.form.requestSubmit(); return true; })()`)
		})
		b.must("from-the-device.bin")
	}},
	{name: "unlock", what: "What is locked in a rescue", at: func(b *page, _ *world) {
		b.open("/cases")
		b.follow("Open one from a folder")
		b.leave(func() { b.clickOn("form[action='/cases'] button") }) // of the "locked card", which is the first
		b.follow("Something on it is locked")
	}},
	{name: "elevate", bare: true, what: "A disk that only an administrator may read", at: func(b *page, w *world) {
		b.open(w.user.link)
		b.wait(fmt.Sprintf(sourceOf, w.disk))
		b.open(w.user.origin() + run[string](b, fmt.Sprintf(sourceOf, w.disk)))
		b.must("This disk needs an administrator")
	}},
	{name: "login", bare: true, what: "Asked for the password, on another computer", at: func(b *page, w *world) {
		b.open(w.away.link)
		b.must("It shows what it holds only to who knows its password.")
	}},
	{name: "message", what: "What cannot be done, and why", at: func(b *page, _ *world) { b.open("/case/none") }},
}

func look(b *page, _ *world) {
	b.open("/")
	b.follow("Choose the file")
	b.follow("gateway.img")
	b.until("What not to do now")
	b.wait(lookedAt)
}

// lookedAt holds when the search for causes in what is looked at has ended.
const lookedAt = `!document.body.innerText.includes("Looking for what went wrong")`

func rescued(b *page, _ *world) {
	b.open("/cases")
	b.follow("rescued")
}

func files(b *page, w *world) {
	rescued(b, w)
	b.follow("Show the files")
}

// file opens the first file of a search among those with names.
func file(b *page, w *world, query string) {
	files(b, w)
	address, _, _ := strings.Cut(b.address(), "?")
	b.open(address + "?tab=live&" + query)
	b.leave(func() { b.clickOn("a[href*='/file?id=']") })
}

func checked(b *page, w *world) {
	b.open("/firmware")
	b.follow("Choose the file")
	b.follow("gateway-1.5.0.swu")
	b.fill("device", "acme-gw100")
	b.leave(func() { b.clickOn("button.main") })
	b.until("Expected", "was expected")
}

func locked(b *page, _ *world) {
	b.open("/")
	b.follow("Choose the file")
	b.follow("locked.img")
	b.until("Password or recovery key")
	b.wait(lookedAt)
}

func answer(b *page, _ *world) {
	b.open("/why")
	b.clickOn("#said")
	b.insert(updateLog)
	b.leave(func() { b.clickOn("button[value=find]") })
	b.until("What to do, in this order")
}

// visit opens a new profile that may go to all programs of the world.
func (w *world) visit(t testing.TB) *page {
	t.Helper()
	b := blank(t, w.program.host)
	b.others = []string{w.user.origin(), w.away.origin()}
	_, err := chromedp.Call(b.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	must(t, err)
	b.open(w.program.link)
	return b
}

// Each screen is there, by clicks, and says no word of the catalogue by its name instead of in a language.
func TestScreens(t *testing.T) {
	w := theWorld.get(t)
	b := w.visit(t)
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b := b.of(t)
			s.at(b, w)
			if h := run[int](b, `document.querySelectorAll("h1").length`); h != 1 {
				t.Errorf("%d headings of the first order", h)
			}
			if text := b.text(); strings.Contains(text, "could not be made") {
				t.Error(text)
			}
		})
	}
}
