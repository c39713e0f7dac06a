package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"salvor/internal/wire"
)

var updateManual = flag.Bool("update-man", false, "write the manual pages anew")

// manuals is where the manual pages stand.
const manuals = "../../man"

// TestManual holds the manual pages against the verbs that they are made from:
//
//	go test ./internal/cli -run Manual -update-man
func TestManual(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, lines: wire.NewWriter(io.Discard)}
	root := a.root()
	root.InitDefaultHelpCmd()
	want := map[string][]byte{"salvor.1": manual(root)}
	for _, c := range root.Commands() {
		if !c.Hidden && !slices.Contains([]string{"help", "completion"}, c.Name()) {
			want["salvor-"+c.Name()+".1"] = manual(c)
		}
	}
	if *updateManual {
		if err := os.RemoveAll(manuals); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(manuals, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, page := range want {
			if err := os.WriteFile(filepath.Join(manuals, name), page, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := pages(t, manuals)
	for name, page := range want {
		if !bytes.Equal(got[name], page) {
			t.Errorf("man/%s is not what the verb says of itself: run this test with -update-man", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("man/%s is of no verb", name)
	}
	// Every verb has a page here, and one for reading under docs.
	for _, c := range root.Commands() {
		if c.Hidden || slices.Contains([]string{"help", "completion"}, c.Name()) {
			continue
		}
		if want["salvor-"+c.Name()+".1"] == nil {
			t.Errorf("salvor %s has no manual page", c.Name())
		}
		if _, err := os.Stat(filepath.Join("../../docs", c.Name()+".md")); err != nil {
			t.Errorf("salvor %s has no page under docs: %v", c.Name(), err)
		}
	}
}

// manual returns the manual page of a verb, as man(7) wants it.
func manual(c *cobra.Command) []byte {
	var b bytes.Buffer
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".\\\" Made from the verb itself: go test ./internal/cli -run Manual -update-man\n.TH %s 1 \"\" Salvor \"User commands\"\n", strings.ToUpper(name))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n", roff(name), roff(c.Short), roff(c.UseLine()))
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, text)
	b.WriteString(".SH OPTIONS\n")
	c.InitDefaultHelpFlag()
	b.WriteString(".nf\n")
	for line := range strings.Lines(c.LocalFlags().FlagUsages() + c.InheritedFlags().FlagUsages()) {
		b.WriteString(roff(strings.TrimSuffix(line, "\n")) + "\n")
	}
	b.WriteString(".fi\n")
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n")
		for line := range strings.Lines(c.Example) {
			b.WriteString(roff(strings.TrimSuffix(line, "\n")) + "\n")
		}
		b.WriteString(".fi\n")
	}
	b.WriteString(".SH SEE ALSO\n")
	var others []string
	for _, o := range c.Root().Commands() {
		if o != c && !o.Hidden && !slices.Contains([]string{"help", "completion"}, o.Name()) {
			others = append(others, ".BR "+roff("salvor-"+o.Name())+" (1)")
		}
	}
	if c != c.Root() {
		others = append([]string{".BR salvor (1)"}, others...)
	}
	b.WriteString(strings.Join(others, ",\n") + "\n")
	return b.Bytes()
}

// paragraphs writes text; lines that begin with a blank stay as they are.
func paragraphs(b *bytes.Buffer, text string) {
	kept := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		indented := strings.HasPrefix(line, " ")
		if indented != kept {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
			kept = indented
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if kept {
		b.WriteString(".fi\n")
	}
}

// roff makes text part of a page: nothing of it is a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// pages returns the manual pages in dir by name.
func pages(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".1") {
			continue
		}
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
