//go:build linux

package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a name or a content would do if it were more than text: each sets the same mark in the window.
const (
	markupName = `<img src=x onerror=window.owned=1>.txt`
	quoteName  = `" onmouseover="window.owned=1" x='.txt`
	linkName   = `javascript:window.owned=1`
	entityName = `&lt;b&gt;&#x202e;.txt`
	rtlName    = "invoice\u202egpj.exe"
	emojiName  = "🛟 👩‍🔧 gerettet.txt"
	lineName   = "new\nline\x1b[31m.txt"
	spaceName  = " leading and trailing "
)

var longName = strings.Repeat("long-", 51)

// hostileFiles are on a medium of someone who means harm.
func hostileFiles() map[string]string {
	script := `window.owned=1;window.parent&&(window.parent.owned=1);fetch("http://evil.example/").catch(()=>0)`
	html := "<!doctype html><title>x</title><script>" + script + "</script><img src=http://evil.example/x onerror='" + script + "'>"
	svg := `<svg xmlns="http://www.w3.org/2000/svg" onload="` + strings.ReplaceAll(script, `"`, "'") + `"><script>` + script + `</script><image href="http://evil.example/x"/></svg>`
	return map[string]string{
		markupName: html, quoteName: "x", linkName: "x", entityName: "x", rtlName: "x", emojiName: "x", lineName: "x", spaceName: "x", longName: "x",
		"page.html": html, "page.txt": html, "picture.svg": svg, "page.xml": `<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">` + script + `</x:script>`,
		"notes.csv": "a;b\n=HYPERLINK(\"http://evil.example/\");<script>" + script + "</script>\n",
		"<svg onload=window.owned=1>" + "/inside.txt": "x",
	}
}

// hostile is a computer with the rescue of such a medium, whose folder and image have such names too.
func hostile(t *testing.T) (b *page, home string) {
	t.Helper()
	theBrowser.get(t)
	home = t.TempDir()
	image := filepath.Join(home, "<b onclick=window.owned=1>\u202egmi.img")
	tree(t, image, "<b>\"'&amp;", hostileFiles())
	must(t, os.WriteFile(filepath.Join(home, markupName), nil, 0o600))
	at := filepath.Join(home, `<i id="owned">rescue`)
	must(t, done(command(home, "rescue", image, "--to", at)))
	return visit(t, start(t, home, at)), home
}

// unharmed holds that nothing on the page was run, and nothing made into more than text.
func (b *page) unharmed() {
	b.t.Helper()
	if run[bool](b, `typeof window.owned !== "undefined"`) {
		b.t.Errorf("%s: a name or a content was run", b.address())
	}
	if got := run[string](b, `[...document.querySelectorAll("main b, main i, main svg:not(.map), [onerror], [onload], [onclick], [onmouseover], main script:not([src^='/static/']), iframe, object, embed, #owned, a[href^='javascript:'], a[href^='data:']")].map(e => e.outerHTML).join("\n")`); got != "" {
		b.t.Errorf("%s: this is more than text: %.500s", b.address(), got)
	}
	text := run[string](b, `document.documentElement.outerHTML`)
	for _, r := range "\u202a\u202b\u202d\u202e\u2066\u2067\x1b" {
		if strings.ContainsRune(text, r) {
			b.t.Errorf("%s holds %U, which moves what stands beside it", b.address(), r)
		}
	}
}

// Names and contents of a medium are shown as text on every page, whatever they hold.
func TestHostileNames(t *testing.T) {
	b, _ := hostile(t)
	b.unharmed()
	b.follow("Choose the file")
	b.must(markupName, "<b onclick=window.owned=1>⟨U+202E⟩gmi.img")
	b.unharmed()
	b.follow("<b onclick=window.owned=1>")
	b.until("What not to do now")
	b.must(`<b>"'&amp;`)
	b.unharmed()
	b.follow("Save its files")
	b.unharmed()
	b.open("/cases")
	b.must(`<i id="owned">rescue`)
	b.unharmed()
	b.follow(`<i id="owned">rescue`)
	b.unharmed()
	home := b.address()
	b.follow("What was done, and when")
	b.unharmed()
	b.open(home)
	b.follow("Show the files")
	files, _, _ := strings.Cut(b.address(), "?")
	b.open(files + "?tab=live&q=.")
	b.unharmed()
	b.must(markupName, quoteName, entityName, "invoice⟨U+202E⟩gpj.exe", "🛟", "new⟨U+000A⟩line⟨U+001B⟩[31m.txt")
	b.open(files + "?tab=live&q=long-")
	b.must(longName)
	b.unharmed()
	for _, q := range []string{"onerror", "onmouseover", "javascript:", "%26lt", "gpj", "gerettet", "31m", "leading", "long-", "page.html", "page.txt", "picture.svg", "page.xml", "notes.csv", "inside"} {
		b.open(files + "?tab=live&q=" + q)
		b.leave(func() { b.clickOn("a[href*='/file?id=']") })
		b.must("Download")
		b.unharmed()
		run[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), document.querySelectorAll("main a, main [title]").forEach(e => e.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}))), true)`)
		b.unharmed()
		if width := run[int](b, `document.documentElement.scrollWidth`); width > 1280 {
			t.Errorf("%s is %d pixels wide", q, width)
		}
	}
	// A search is someone's text too.
	b.open(files + "?tab=live&q=%22%3E%3Cscript%3Ewindow.owned=1%3C/script%3E")
	b.unharmed()
	b.open(home)
	b.follow("Save all of it elsewhere")
	b.unharmed()
	b.open(home)
	b.follow("Check that nothing changed")
	b.until("How it ended")
	b.unharmed()
}
