package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"salvor/internal/wire"
)

func step(name string, done, total int64) wire.Progress {
	l := wire.NewProgress(name, done, total, "bytes")
	l.Words = name
	return l
}

func TestDescribe(t *testing.T) {
	left := func(s float64) *float64 { return &s }
	for _, c := range []struct {
		name string
		in   wire.Progress
		want string
	}{
		{"words alone", wire.Progress{Words: "looking", Unit: "volumes"}, "looking"},
		{"bytes of a total", wire.Progress{Words: "reading a", Unit: "bytes", Done: 1 << 20, Total: 4 << 20}, "reading a   25%  1.0 MiB of 4.0 MiB"},
		{"the end", wire.Progress{Words: "reading a", Unit: "bytes", Done: 4096, Total: 4096}, "reading a  100%  4.0 KiB of 4.0 KiB"},
		{"a rate", wire.Progress{Words: "a", Unit: "bytes", Done: 0, Total: 2048, Rate: 1.5 * (1 << 20)}, "a    0%  0 bytes of 2.0 KiB  1.5 MiB/s"},
		{"no total", wire.Progress{Words: "a", Unit: "files", Done: 12}, "a  12 files"},
		{"bytes with no total", wire.Progress{Words: "a", Unit: "bytes", Done: 12}, "a  12 bytes"},
		{"the time left", wire.Progress{Words: "a", Unit: "bytes", Done: 1024, Total: 2048, Left: left(3723.9)}, "a   50%  1.0 KiB of 2.0 KiB  1h2m3s left"},
		{"next to no time left", wire.Progress{Words: "a", Left: left(0.5)}, "a"},
		{"what is safe", wire.Progress{Words: "a", SafeFiles: 2, SafeBytes: 2048}, "a  safe: 2 files, 2.0 KiB"},
		{"one safe file", wire.Progress{Words: "a", SafeFiles: 1, SafeBytes: 2048}, "a  safe: 1 file, 2.0 KiB"},
		{"a hostile name", wire.Progress{Words: "reading \x1b[2J\u202egpj\n.img"}, `reading \u{1b}[2J\u{202e}gpj\u{a}.img`},
		{"a very large total", wire.Progress{Words: "a", Unit: "bytes", Done: 1 << 60, Total: 1 << 61}, "a   50%  1.0 EiB of 2.0 EiB"},
	} {
		if got := describe(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// On a pipe each step begins with a line, and says more every few seconds only.
func TestProgressOnPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out)
		if p.tty {
			t.Fatal("a buffer is no terminal")
		}
		for i := range int64(100) {
			p.show(step("read", i, 100))
			time.Sleep(100 * time.Millisecond)
		}
		p.show(step("save", 0, 10))
		p.clear()
		want := "read    0%  0 bytes of 100 bytes\nread   50%  50 bytes of 100 bytes\nsave    0%  0 bytes of 10 bytes\n"
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}

// On a terminal one line is written again and again in place, no wider than the terminal, and taken away.
func TestProgressOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{w: &out, fd: -1, tty: true}
		p.clear()
		if out.Len() > 0 {
			t.Errorf("cleared what was not there: %q", &out)
		}
		for i := range int64(10) {
			p.show(step("read", i, 10))
			time.Sleep(100 * time.Millisecond)
		}
		if n := strings.Count(out.String(), "\r\x1b[K"); n != 5 {
			t.Errorf("%d times in a second: %q", n, &out)
		}
		if strings.Contains(out.String(), "\n") {
			t.Errorf("a line break: %q", &out)
		}
		out.Reset()
		p.show(step(strings.Repeat("現", 500), 0, 10))
		if got := strings.TrimPrefix(out.String(), "\r\x1b[K"); columns(got) > 79 {
			t.Errorf("%d columns: %q", columns(got), got)
		}
		out.Reset()
		p.clear()
		p.clear()
		if out.String() != "\r\x1b[K" {
			t.Errorf("%q", &out)
		}
	})
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"", 3, ""}, {"現場写真", 5, "現場"}, {"現場写真", 8, "現場写真"},
		{"a現場", 3, "a現"}, {"e\u0301e\u0301", 1, "e\u0301"}, {"ÄÖÜ", 2, "ÄÖ"},
	} {
		if got := fit(c.in, c.width); got != c.want {
			t.Errorf("fit(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

// A file that is no terminal is treated as a pipe.
func TestProgressOnFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if newProgress(f).tty {
		t.Error("a file is no terminal")
	}
}

// With --json progress is a line a second, and the first of each step.
func TestProgressAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, err bytes.Buffer
		a := &app{out: &out, err: &err, json: true, lines: wire.NewWriter(&out)}
		e := a.events()
		for i := range int64(25) {
			e.Progress(step("read", i, 25))
			time.Sleep(100 * time.Millisecond)
		}
		e.Progress(step("save", 0, 1))
		if n := strings.Count(out.String(), `"step":"read"`); n != 3 {
			t.Errorf("%d lines of the first step:\n%s", n, &out)
		}
		if n := strings.Count(out.String(), `"step":"save"`); n != 1 {
			t.Errorf("%d lines of the second step:\n%s", n, &out)
		}
		if err.Len() > 0 {
			t.Errorf("%s", &err)
		}
	})
}
