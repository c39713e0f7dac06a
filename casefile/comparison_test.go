package casefile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/wire"
)

// A comparison is kept, read again, and shown in the report that is there; names of the package are no markup.
func TestComparison(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir, Writer, Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if k, err := c.Comparison(); k != nil || err != nil {
		t.Fatalf("there is none yet: %v %v", k, err)
	}
	page := "<html><p>before</p>\n<section id=\"update\" hidden>\n</section><p>behind</p></html>"
	report := filepath.Join(dir, htmlName)
	if err := os.WriteFile(report, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	what := wire.Comparing{Parts: []wire.Comparison{{V: 1, Type: "comparison", Name: "</section><script>alert(1)</script>", Region: "rootfs_b", Order: "ascending", Picture: "##..", Most: 0.5, Least: 0.5}}}
	for _, name := range []string{"first.swu", "<b>second</b>.swu"} {
		if err := c.PutComparison(name, what); err != nil {
			t.Fatal(err)
		}
		k, err := c.Comparison()
		if err != nil || k.Package != name || len(k.Parts) != 1 || k.Others == nil {
			t.Fatalf("%+v %v", k, err)
		}
		b, err := os.ReadFile(report)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if !strings.HasPrefix(text, "<html><p>before</p>\n<section") || !strings.HasSuffix(text, "</section><p>behind</p></html>") || strings.Count(text, "<section") != 1 || strings.Count(text, "</section>") != 1 {
			t.Errorf("the page is %s", text)
		}
		if strings.Contains(text, "<script>") || strings.Contains(text, "<b>") || !strings.Contains(text, "##..") || !strings.Contains(text, "50 % written") {
			t.Errorf("the page is %s", text)
		}
	}
	// A report of another version, and none at all, are no error.
	for _, page := range []string{"<html></html>", "<section id=\"update\""} {
		if err := os.WriteFile(report, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.PutComparison("x", what); err != nil {
			t.Error(err)
		}
		if b, _ := os.ReadFile(report); string(b) != page {
			t.Errorf("the page became %s", b)
		}
	}
	if err := errors.Join(os.Remove(report), c.PutComparison("x", what), c.Close()); err != nil {
		t.Error(err)
	}
	r, err := Open(dir, Reader, Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.PutComparison("x", what); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, comparisonName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Comparison(); err == nil {
		t.Error("a broken record is no error")
	}
}
