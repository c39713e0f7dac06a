//go:build linux

package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// From a device that does not start any more to files that were saved and verified, by clicks, on the example; and the
// same with scripts switched off.
func TestJourney(t *testing.T) {
	for name, scripts := range map[string]bool{"scripts": true, "no scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := example(t)
			b := visit(t, start(t, home))
			if !scripts {
				b.noScripts()
				b.open("/")
			}
			journey(b, home)
		})
	}
}

func journey(b *page, home string) {
	b.t.Helper()
	b.must("Stop using it. Do not format, do not reset, do not update again.")
	b.follow("Choose the file")
	b.follow("gateway.img")
	b.until("What not to do now")
	b.follow("Save its files")
	b.fill("name", "rescued")
	b.leave(func() { b.clickOn("button.main") })
	b.until("How it ended")
	b.must("What is safe", "What is next")
	b.follow("Back to the rescue")
	home0 := b.address()
	b.must("What was found")
	b.follow("Show the files")
	b.follow("Photos")
	b.must(".jpg")
	b.open(home0)
	b.follow("Save all of it elsewhere")
	b.fill("name", "out")
	b.leave(func() { b.clickOn("button.main") })
	b.until("How it ended")
	b.must("is exactly what was written")
	b.open(home0)
	b.follow("Check that nothing changed")
	b.until("is what it was")
	saved(b.t, filepath.Join(home, "out"))
}

// The same without a mouse: by the tabulator, Enter and what is typed. The focus is seen wherever it goes.
func TestJourneyByKeys(t *testing.T) {
	t.Parallel()
	home := example(t)
	b := visit(t, start(t, home))
	b.key(kb.Tab)
	b.key(kb.Enter) // the first is the way past all that is the same on each page
	if at := run[string](b, `location.hash`); at != "#content" {
		t.Errorf("the first key leads to %q", at)
	}
	b.enter("Choose the file")
	b.leave(func() { b.tabTo("Tick gateway.img", "INPUT"); b.key(kb.Enter) })
	b.must("Nothing is ticked yet.")
	b.enter("gateway.img")
	b.until("What not to do now")
	b.enter("Save its files")
	b.tabTo("name", "INPUT")
	b.retype("rescued")
	b.leave(func() { b.key(kb.Enter) })
	b.until("How it ended")
	b.enter("Back to the rescue")
	b.enter("Show the files")
	b.enter("Photos")
	b.tabTo("Choose", "INPUT")
	b.key(" ")
	if n := run[int](b, `document.querySelectorAll("main input[type=checkbox]:checked").length`); n != 1 {
		t.Errorf("%d are chosen", n)
	}
	b.enter("My rescues")
	b.enter("rescued")
	b.enter("Save all of it elsewhere")
	b.tabTo("name", "INPUT")
	b.retype("out")
	b.leave(func() { b.key(kb.Enter) })
	b.until("How it ended")
	b.enter("My rescues")
	b.enter("rescued")
	b.enter("Check that nothing changed")
	b.until("is what it was")
	saved(t, filepath.Join(home, "out"))
}

// saved holds that files stand there.
func saved(t testing.TB, dir string) {
	t.Helper()
	n := 0
	must(t, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	}))
	if n < 40 {
		t.Errorf("%d files were saved", n)
	}
}
