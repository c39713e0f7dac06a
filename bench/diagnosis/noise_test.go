package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The rules that take lines of texts are told, with what they lead to; what is no text is passed over.
func TestNoise(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"quiet.log":  strings.Repeat("all is as usual\n", 500),
		"loud.log":   "update begins\ncurl: (6) Could not resolve host: up.example\n",
		"binary.img": "No space left on device\x00\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := noise(&b, dir, 1000); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{"loud.log#0: network.dns", "| net.dns | cause | 88 | 1 |", ": 1 findings"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "no-space") {
		t.Errorf("what is no text was read:\n%s", got)
	}
	if err := noise(&b, filepath.Join(dir, "none"), 0); err == nil {
		t.Error("a folder that is not there was read")
	}
}

func TestCut(t *testing.T) {
	var parts []string
	for _, p := range cut([]byte("one\ntwo\nthree\nfour"), 5) {
		parts = append(parts, string(p))
	}
	if got := strings.Join(parts, "|"); got != "one\ntwo\n|three\n|four" {
		t.Errorf("%q", got)
	}
	if got := cut([]byte("one\ntwo"), 0); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
