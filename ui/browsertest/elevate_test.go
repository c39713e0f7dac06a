//go:build linux

package browsertest

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// sourceOf is a script that gives the address which looks at a disk: the page names it by a ticket, which ends in its path.
const sourceOf = `[...document.querySelectorAll("a[href^='/look?source=']")].map(a => a.getAttribute("href"))
	.find(h => atob(decodeURIComponent(h.split("source=")[1].split("&")[0]).split(".")[1].replaceAll("-", "+").replaceAll("_", "/")) === %q) || ""`

// A disk that only an administrator may read, for a user who is none: what the page says before anyone is asked, when the password
// is refused, and when it was given. It is held to what all screens are held to.
func TestElevation(t *testing.T) {
	d := hosttest.NewDesk(t, "pkexec")
	var give atomic.Bool
	d.Decide(func(string, []string) (int, string) {
		if give.Load() {
			return 0, ""
		}
		return 126, "Request dismissed\n"
	})
	dev := hosttest.LoopDevice(t, "../../examples/gateway.img", "-r")

	cmd := d.As("", asProgram+"=1")
	cmd.Args = append(cmd.Args, "ui", "--no-browser", "--json")
	p, err := begin(cmd)
	must(t, err)
	t.Cleanup(p.kill)
	b := visit(t, p)
	source := run[string](b, fmt.Sprintf(sourceOf, dev))
	if source == "" {
		t.Fatalf("%s is not among the disks:\n%s", dev, b.text())
	}
	var axe string
	if os.Getenv("SALVOR_AXE") != "" || need.CI() {
		axe = axeSource(t)
	}
	held := func(what string) {
		t.Helper()
		at := b.address()
		for _, language := range []string{"de", "en"} {
			b.language(language)
			b.open(at)
			for _, width := range []int64{320, 1280} {
				b.size(width, 900)
				for _, fault := range run[[]string](b, laid) {
					t.Errorf("%s, %s, %d pixels: %s", what, language, width, fault)
				}
				if axe == "" {
					continue
				}
				for _, v := range b.violations(axe) {
					t.Errorf("%s, %s, %d pixels: %s: %s\n  %s", what, language, width, v.ID, v.Help, strings.Join(v.At, "\n  "))
				}
			}
		}
	}
	b.open(source)
	b.must("This disk needs an administrator", "Never type the password into a page")
	held("before")
	b.click("Ask for the password")
	b.until("The password was not given", "sudo chown")
	held("refused")
	give.Store(true)
	b.click("Ask again")
	b.until("What not to do now")
}
