package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"salvor/host"
	"salvor/internal/wire"
)

// How often progress is shown: in place on a terminal, as a line on a pipe, as JSON.
const (
	terminalEvery = 150 * time.Millisecond
	pipeEvery     = 5 * time.Second
	jsonEvery     = time.Second
)

// progress shows how far the work is: one line in place on a terminal, plain lines on a pipe.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	fd    int
	tty   bool
	last  time.Time
	step  string
	shown bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.fd, p.tty = int(f.Fd()), true
	}
	return p
}

func (p *progress) show(l wire.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := pipeEvery
	if p.tty {
		every = terminalEvery
	}
	if l.Step == p.step && time.Since(p.last) < every {
		return
	}
	p.step, p.last = l.Step, time.Now()
	text := describe(l)
	if !p.tty {
		fmt.Fprintln(p.w, text)
		return
	}
	across, _, err := term.GetSize(p.fd)
	if err != nil || across < 20 {
		across = 80
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", fit(text, across-1))
	p.shown = true
}

// fit cuts text to so many columns: a line that is broken by the terminal could not be taken away again.
func fit(text string, width int) string {
	n := 0
	for i, r := range text {
		if n += columns(string(r)); n > width {
			return text[:i]
		}
	}
	return text
}

// columns returns how many columns text takes on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// wide reports whether r takes two columns: East Asian wide characters and pictures.
func wide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// clear takes the line away, so that text can follow.
func (p *progress) clear() { p.quiet(func() {}) }

// quiet takes the line away, and shows none while fn runs.
func (p *progress) quiet(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
	fn()
}

// describe says how far a step is: what, how much, how fast, how long, what is safe.
func describe(l wire.Progress) string {
	var b strings.Builder
	b.WriteString(show(l.Words))
	switch {
	case l.Unit == "bytes" && l.Total > 0:
		fmt.Fprintf(&b, "  %3d%%  %s of %s", int(100*float64(l.Done)/float64(l.Total)), host.Bytes(l.Done), host.Bytes(l.Total))
		if l.Rate > 0 {
			fmt.Fprintf(&b, "  %s/s", host.Bytes(int64(l.Rate)))
		}
	case l.Done > 0:
		fmt.Fprintf(&b, "  %d %s", l.Done, l.Unit)
	}
	if l.Left != nil && *l.Left >= 1 {
		fmt.Fprintf(&b, "  %v left", (time.Duration(*l.Left) * time.Second).Round(time.Second))
	}
	if l.SafeFiles > 0 {
		fmt.Fprintf(&b, "  safe: %s, %s", files(l.SafeFiles), host.Bytes(l.SafeBytes))
	}
	return b.String()
}

// events shows what the main job tells.
type events struct {
	a    *app
	p    *progress
	last time.Time
	step string
}

func (a *app) events() *events { return &events{a: a, p: newProgress(a.err)} }

func (e *events) Progress(l wire.Progress) {
	if !e.a.json {
		e.p.show(l)
		return
	}
	if l.Step == e.step && time.Since(e.last) < jsonEvery {
		return
	}
	e.step, e.last = l.Step, time.Now()
	e.write(l)
}

func (e *events) Layers(list []wire.Layer) {
	if e.a.json {
		for _, l := range list {
			e.write(l)
		}
		return
	}
	e.p.clear()
	printTree(e.a.out, list)
}

func (e *events) Finding(f wire.Finding) {
	if e.a.json {
		e.write(f)
		return
	}
	e.p.clear()
	fmt.Fprintf(e.a.err, "%s: %s\n", f.Severity, show(f.Finding.String()))
}

// write prints a JSON line. A reader that went away ends the output, not the rescue.
func (e *events) write(line any) {
	if err := e.a.lines.Write(line); err != nil {
		e.a.log().Debug("standard output", "error", err)
	}
}
