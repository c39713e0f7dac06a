package recovery

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
)

func TestNeedOf(t *testing.T) {
	b := newBench(t)
	b.add("small.jpg", pattern(1, 1000), nil)
	b.add("half.jpg", pattern(2, 2000), func(e *Entry) {
		e.Verdict = filetype.Partial
		e.Missing.Add(block.Extent{Length: 10})
	})
	b.add("large.iso", pattern(3, 70_000), nil)
	b.add("larger.iso", pattern(4, 90_000), nil)
	for _, q := range []Query{{}, {Name: "*"}} {
		n, err := NeedOf(t.Context(), b.c, q, Target{MaxFileSize: 65_536})
		if err != nil {
			t.Fatal(err)
		}
		if n.Count != (Count{Files: 2, Bytes: 3000}) || n.TooLarge != (Count{Files: 2, Bytes: 160_000}) || n.Largest != 90_000 || n.Space < 8192 || n.Space > 16<<10 ||
			n.Verdicts[filetype.Partial].Files != 1 {
			t.Errorf("%+v: %+v", q, n)
		}
	}
}

// TestGoOnElsewhere stops a saving and goes on: what stands there is read, and not written once more.
func TestGoOnElsewhere(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a", "b", "c"} {
		b.add(name, []byte(strings.Repeat(name, 5000)), nil)
	}
	b.save(nil) // the hashes are known from here on
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	o := SaveOptions{Catalog: b.c, Root: root, Elsewhere: true, batchFiles: 1, Medium: func(int) (block.Source, error) { return block.Bytes(b.medium), nil }}
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p SaveProgress) {
		if p.Checked.Files == 1 {
			cancel()
		}
	}
	r, err := Save(ctx, o)
	if !errors.Is(err, context.Canceled) || r.Checked.Files < 1 || r.Checked.Files > 2 || r.Checked.Files != r.Saved.Files {
		t.Fatalf("%+v, %v", r, err)
	}
	begun := r.Saved.Files
	var states []SaveState
	o.Progress, o.Settled = nil, func(e *Entry) {
		states = append(states, e.Save)
		if content, err := os.ReadFile(filepath.Join(dir, e.SavedAs)); err != nil || !bytes.Equal(content, []byte(strings.Repeat(e.Name, 5000))) {
			t.Errorf("%s stands at %q: %v", e.Name, e.SavedAs, err)
		}
	}
	reads := 0
	o.Medium = func(int) (block.Source, error) { reads++; return block.Bytes(b.medium), nil }
	r, err = Save(t.Context(), o)
	if err != nil || r.Saved.Files != 3 || r.Checked.Files != 3 || r.Already != begun || len(states) != 3 || int64(reads) != 3-begun {
		t.Errorf("%+v, %v, %v, %d files read", r, err, states, reads)
	}
}

// TestReadAgain holds that what differs is told apart from what could not be written, and links are compared too.
func TestReadAgain(t *testing.T) {
	b := newBench(t)
	b.add("good", []byte("good"), nil)
	b.add("bad", []byte("bad"), nil)
	b.add("link", nil, func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "good" })
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var failed []string
	r := b.save(func(o *SaveOptions) {
		o.Root, o.Elsewhere, o.Target.Symlinks = root, true, true
		o.Settled = func(e *Entry) {
			if e.Save == Failed {
				failed = append(failed, e.Name)
			}
		}
		o.hook = func(point string) error {
			if path, ok := strings.CutPrefix(point, "readback "); ok && strings.HasSuffix(path, "bad") {
				return os.WriteFile(filepath.Join(dir, path), []byte("BAD"), 0o600)
			}
			return nil
		}
	})
	if r.Checked.Files != 2 || r.Differ != 1 || r.Failed != 1 || len(failed) != 1 || failed[0] != "bad" {
		t.Errorf("%+v, %v", r, failed)
	}
}

// TestFindingPrefix asks for entries by their findings, however these words stand elsewhere in an entry.
func TestFindingPrefix(t *testing.T) {
	c := newCatalog(t)
	var list []*Entry
	for i := range 1200 {
		e := bigEntry(i)
		switch i % 100 {
		case 0:
			e.Findings = append(e.Findings, finding.Finding{Code: "relate.journal", Text: "x", Offset: -1, Args: map[string]string{"with": "a"}})
		case 1:
			e.Findings = append(e.Findings, finding.Finding{Code: "other.thing", Text: "relate.journal", Offset: -1})
		case 2:
			e.Hints.Title = "relate.journal"
		}
		list = append(list, e)
	}
	mustPut(t, c, list...)
	for name, q := range map[string]Query{"plain": {}, "behind": {From: list[50].ID}, "steps": {Steps: []Step{{}, {Query: Query{IDs: []string{list[100].ID}}, Out: true}}}} {
		var want, got []string
		for i := 0; i < 1200; i += 100 {
			if name == "behind" && i <= 50 || name == "steps" && i == 100 {
				continue
			}
			want = append(want, list[i].ID)
		}
		q.FindingPrefix = "relate."
		for e, err := range c.Select(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", name, got, want)
		}
		q.From = ""
		s, err := c.Summary(t.Context(), q)
		n, nerr := NeedOf(t.Context(), c, q, Target{})
		if files := s.Total(nil).Files; err != nil || nerr != nil || name != "behind" && (files != int64(len(want)) || n.Files != files) {
			t.Errorf("%s: %d and %d files, %v, %v", name, files, n.Files, err, nerr)
		}
	}
	if _, err := c.List(t.Context(), Listing{Query: Query{FindingPrefix: "relate."}, Limit: 1}); err == nil {
		t.Error("it is listed by findings")
	}
}
