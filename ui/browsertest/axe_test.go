//go:build linux

package browsertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"salvor/internal/need"
)

// axeSource is axe-core of the npm registry, which only this test runs.
func axeSource(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SALVOR_AXE")
	if path == "" {
		need.Lacking(t, "SALVOR_AXE names no axe.min.js of axe-core")
	}
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// violation is a rule of axe-core that a page breaks, and where.
type violation struct {
	ID, Impact, Help string
	At               []string
}

// Which rules to ask for: all, with those of WCAG 2.2 that axe-core leaves out unless it is asked; and what colours alone change.
const (
	allRules    = `rules: {"target-size": {enabled: true}}`
	colourRules = `runOnly: ["color-contrast", "link-in-text-block"]`
)

// runAxe tells what is serious.
const runAxe = `axe.run(document, {resultTypes: ["violations"], %s}).then(r =>
	r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
	.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, At: v.nodes.map(n => n.target.join(" ") + " " + (n.any[0] ? n.any[0].message : "") + " " + n.html.slice(0, 120))})))`

// violations of any rule on the page as it is now.
func (b *page) violations(axe string) []violation { b.t.Helper(); return b.breaks(axe, allRules) }

// breaks are the violations of some rules.
func (b *page) breaks(axe, rules string) []violation {
	b.t.Helper()
	var err error
	for range 3 { // a page may be made anew meanwhile, for a work that ended
		var there bool
		if there, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](`typeof axe !== "undefined"`)); err == nil && !there {
			err = chromedp.Do(b.ctx, chromedp.Evaluate[chromedp.Void](axe))
		}
		if err != nil {
			continue
		}
		var found []violation
		if found, err = chromedp.Run(b.ctx, chromedp.Evaluate[[]violation](fmt.Sprintf(runAxe, rules), chromedp.EvalAwaitPromise)); err == nil {
			return found
		}
	}
	b.t.Fatal(err)
	return nil
}

// What the tests below say is all right would be seen if it were not.
func TestFaultsAreSeen(t *testing.T) {
	axe := axeSource(t)
	b := visit(t, start(t, t.TempDir()))
	run[bool](b, `(document.querySelector("main").insertAdjacentHTML("beforeend",
		"<input id=bare><p id=pale>pale</p><p id=far>" + "x".repeat(400) + "</p><p id=over>lies on the other</p>"), document.getElementById("over").style.marginTop = "-3rem",
		document.getElementById("far").style.whiteSpace = "pre", document.getElementById("pale").style.color = "#ddd", document.getElementById("pale").style.background = "#fff", true)`)
	found := map[string]bool{}
	for _, v := range b.violations(axe) {
		found[v.ID] = true
	}
	if !found["label"] || !found["color-contrast"] {
		t.Errorf("axe-core found %v", found)
	}
	faults := strings.Join(run[[]string](b, laid), "\n")
	if !strings.Contains(faults, "pixels wide") || !strings.Contains(faults, "lies on") {
		t.Errorf("of the layout: %s", faults)
	}
}

// eachScreen shows each screen in both languages to check, as a test of its own.
func eachScreen(t *testing.T, check func(t *testing.T, b *page, language string)) {
	w := theWorld.get(t)
	b := w.visit(t)
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b := b.of(t)
			b.language("en")
			b.size(1280, 900)
			s.at(b, w)
			at := b.address()
			for _, language := range []string{"en", "de"} {
				b.language(language)
				b.open(at)
				check(t, b, language)
			}
		})
	}
}

// No screen has a serious fault for who cannot see well or has no mouse, in either language, light or dark, narrow or wide.
func TestAccessible(t *testing.T) {
	axe := axeSource(t)
	eachScreen(t, func(t *testing.T, b *page, language string) {
		if l := run[string](b, `document.documentElement.lang`); l != language {
			t.Errorf("the page speaks %s instead of %s", l, language)
		}
		for _, width := range []int64{320, 1280} {
			b.size(width, 900)
			for scheme, rules := range map[string]string{"light": allRules, "dark": colourRules} {
				b.theme(scheme)
				for _, v := range b.breaks(axe, rules) {
					t.Errorf("%s, %s, %d pixels: %s (%s): %s\n  %s", language, scheme, width, v.ID, v.Impact, v.Help, strings.Join(v.At, "\n  "))
				}
			}
		}
	})
}

// laid is a script that tells what leaves the page to the side, and which parts that are pressed or read lie on one another.
const laid = `(() => {
	const out = [];
	const wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
	const name = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.baseVal === undefined ? "." + e.className : "") + " " + JSON.stringify((e.innerText || "").slice(0, 40));
	const floats = e => e && (/sticky|fixed/.test(getComputedStyle(e).position) || floats(e.parentElement)); // they lie on others by their nature
	const seen = e => e.checkVisibility({visibilityProperty: true}) && !e.closest(".hidden, .skip");
	if (wide > room) {
		const far = [...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect(); return seen(e) && !e.parentElement.closest(".scroll, pre") && (r.right > room + 1 || r.left < -1); });
		out.push("it is " + wide + " pixels wide in a window of " + room + ": " + far.slice(0, 5).map(name).join("; "));
	}
	const parts = [...document.querySelectorAll("a, button, input, select, summary, label, h1, h2, h3, p, dt, dd, th, td, .lamp, .mark, .verdict")].filter(e => seen(e) && !floats(e))
		.map(e => ({e, rs: [...e.getClientRects()].filter(r => r.width > 1 && r.height > 1)}));
	for (let i = 0; i < parts.length && i < 600; i++) for (let k = i + 1; k < parts.length && k < 600; k++) {
		const a = parts[i], b = parts[k];
		if (a.e.contains(b.e) || b.e.contains(a.e)) continue;
		for (const p of a.rs) for (const q of b.rs) {
			const x = Math.min(p.right, q.right) - Math.max(p.left, q.left), y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
			if (x > 2 && y > 4 && out.length < 8) out.push(name(a.e) + " lies on " + name(b.e));
		}
	}
	return out;
})()`

// No screen has to be moved sideways to be read in a window of 320 pixels, nothing lies on something else there or in a
// wide one, and neither when it is laid out for writing from right to left.
func TestLaidOut(t *testing.T) {
	eachScreen(t, func(t *testing.T, b *page, language string) {
		for _, direction := range []string{"ltr", "rtl"} {
			run[bool](b, fmt.Sprintf(`(document.documentElement.dir = %q, true)`, direction))
			for _, width := range []int64{320, 1280, 3840} {
				b.size(width, 900)
				for _, fault := range run[[]string](b, laid) {
					t.Errorf("%s, %s, %d pixels: %s", language, direction, width, fault)
				}
			}
		}
	})
}
