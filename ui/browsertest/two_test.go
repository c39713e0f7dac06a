//go:build linux

package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Two browsers on one case see the same work and do not disturb each other: what one looks at, chooses or speaks stays its
// own. A copy goes on when the page that began it is closed, and so it does when no page is open at all.
func TestTwoBrowsers(t *testing.T) {
	t.Parallel()
	theBrowser.get(t)
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	must(t, os.Mkdir(home, 0o700))
	d := slow(t, home, "../../examples/gateway.img")
	t.Cleanup(d.end)
	p := start(t, home)

	one := visit(t, p)
	closing := one.tab()
	closing.open("/")
	closing.follow("Choose the file")
	closing.follow("usb-drive")
	closing.follow("nbd")
	closing.until("Save its files")
	closing.follow("Save its files")
	closing.fill("name", "rescued")
	closing.clickOn("#also")
	d.set(t, 16<<20)
	closing.leave(func() { closing.clickOn("button.main") })
	closing.wait(`document.querySelector("progress")`)
	address := closing.address()
	must(t, chromedp.Cancel(closing.ctx))

	// The other browser finds the work, and stops none of it by leaving.
	two := visit(t, p)
	two.language("de")
	two.open(strings.TrimPrefix(address, "http://"+p.host))
	if l := run[string](two, `document.documentElement.lang`); l != "de" {
		t.Errorf("the second browser speaks %s", l)
	}
	one.open(address)
	if l := run[string](one, `document.documentElement.lang`); l != "en" {
		t.Errorf("the first browser speaks %s", l)
	}
	first, second := one.progress(), two.progress()
	d.set(t, 8<<30)
	one.open("/firmware")
	two.until("Wie es ausging")
	one.open(address)
	one.until("How it ended")
	if first < 0 || second < 0 {
		t.Errorf("the work was seen at %v and %v", first, second)
	}

	// What one chooses, the other has not chosen.
	one.follow("Back to the rescue")
	one.follow("Show the files")
	one.follow("Photos")
	two.open(one.address())
	one.press(`document.querySelector("td input[type=checkbox]")`, "a file")
	one.wait(`document.querySelectorAll("td input[type=checkbox]:checked").length === 1`)
	time.Sleep(300 * time.Millisecond)
	two.open(one.address())
	if n := run[int](two, `document.querySelectorAll("td input[type=checkbox]:checked").length`); n != 0 {
		t.Errorf("the choice of one browser is that of the other: %d", n)
	}

	// Both begin the same check: one check is done.
	one.open("/cases")
	two.open("/cases")
	one.follow("rescued")
	two.follow("rescued")
	one.follow("Check that nothing changed")
	two.leave(func() { two.clickOn("form[action$='/verify'] button") })
	one.until("is what it was")
	two.until("Wie es ausging")
}

// progress is what the bar of a job shows, negative where none is.
func (b *page) progress() float64 {
	b.t.Helper()
	return run[float64](b, `(p => p ? p.value : -1)(document.querySelector("progress"))`)
}
