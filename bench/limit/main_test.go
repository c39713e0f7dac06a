//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		script string
		code   int
	}{
		{"ends well", "true", 0},
		{"ends badly", "exit 10", 10},
		{"crashes", "kill -SEGV $$", 128 + 11},
		{"does not end, with a child", "sleep 60 & sleep 60", tooLong},
		{"writes without end", "while :; do head -c 1000000 /dev/zero >>big; done", tooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l := limits{time: 2 * time.Second, bytes: 8 << 20, poll: 10 * time.Millisecond}
			if c.code == tooLarge {
				l.time = time.Minute
			}
			begin := time.Now()
			got, err := run(l, dir, filepath.Join(t.TempDir(), "log"), []string{"bash", "-c", c.script})
			if err != nil || got.code != c.code {
				t.Errorf("code %d, %v, want %d", got.code, err, c.code)
			}
			if took := time.Since(begin); took > 40*time.Second {
				t.Errorf("took %v", took)
			}
			if c.code == 0 && got.peak == 0 {
				t.Error("no peak of memory")
			}
		})
	}
}

func TestRecordIsAddedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	for _, c := range []cost{{1.5, 2048, 0, 1}, {600, 4096, tooLong, 0.25}} {
		if err := note(path, "tool", c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "tool 1.50 2048 0 1.00\ntool 600.00 4096 124 0.25\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCommandThatIsNotThere(t *testing.T) {
	if _, err := run(limits{time: time.Second, bytes: 1 << 20, poll: time.Second}, t.TempDir(), os.DevNull, []string{"/no/such/program"}); err == nil {
		t.Error("no error")
	}
}
