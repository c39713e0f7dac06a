package recovery

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

func TestSaveHostileNames(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("l", 300) + ".txt"
	deep := strings.Repeat("d/", 5000) + "end"
	paths := []string{"../../escape", "/abs", "a/../../b", "CON", "nul.txt", "x\x00y", "new\nline", "back\\slash", "r\u202etl", long, "x" + long, deep, deep + "2",
		"e\u0301", "\u00e9", "Case", "case", "trail.", "trail ", ".salvor-tmp/new", "a:b*c", "\xff\xfe"}
	for i, p := range paths {
		b.add(p, []byte(fmt.Sprint("content ", i)), nil)
	}
	for _, target := range []Target{{Symlinks: true}, {CaseInsensitive: true, WindowsNames: true, MaxPath: 260}} {
		dir := t.TempDir()
		case1 := &bench{t: t, dir: dir, medium: b.medium}
		case1.open()
		for e, err := range b.c.Select(t.Context(), Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			mustPut(t, case1.c, e)
		}
		r := case1.save(func(o *SaveOptions) { o.Target = target; o.LabelOf = func(int) string { return "../ev\u202eil/label" } })
		if int(r.Saved.Files) != len(paths) || r.Failed != 0 {
			t.Errorf("%+v", r)
		}
		tree := treeOf(t, dir)
		seen := map[string]bool{}
		keys := map[string]bool{}
		for _, p := range filesOf(tree) {
			seen[tree[p]] = true
			if keys[nameKey(p, &target)] {
				t.Errorf("%q stands for two", p)
			}
			keys[nameKey(p, &target)] = true
			if len(p) > target.maxPath() || !strings.HasPrefix(p, "files/2-.._ev[U+202E]il_label/") {
				t.Errorf("%d bytes: %q", len(p), p)
			}
		}
		if len(seen) != len(paths) {
			t.Errorf("%d contents, want %d", len(seen), len(paths))
		}
		checkSums(t, dir)
		mapped := map[string]string{}
		for m, err := range case1.c.MappedNames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			mapped[m.ID] = m.Saved
		}
		for e, err := range case1.c.Select(t.Context(), Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if tree[e.SavedAs] == "" {
				t.Errorf("%q is not at %q", e.Path, e.SavedAs)
			}
			if saved, ok := mapped[e.ID]; ok && saved != e.SavedAs {
				t.Errorf("%q is mapped to %q and saved as %q", e.Path, saved, e.SavedAs)
			}
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "escape")); err == nil {
			t.Error("a file left the case")
		}
	}
}

func TestSaveClashes(t *testing.T) {
	b := newBench(t)
	b.add("a", []byte("file a"), nil)
	b.add("a/b", []byte("inside a"), nil)
	b.add("a/b", []byte("the same path again"), nil)
	b.add("x.txt.missing.txt", []byte("not a list"), nil)
	b.add("x.txt", []byte("partial"), func(e *Entry) {
		e.Verdict = filetype.Partial
		e.Missing.Add(block.Extent{Offset: 6, Length: 1})
	})
	b.add("x.txt.missing.txt", []byte("partial, too"), func(e *Entry) { e.Verdict = filetype.Damaged })
	b.save(nil)
	tree := treeOf(t, b.dir)
	contents := map[string]bool{}
	for _, p := range filesOf(tree) {
		contents[tree[p]] = true
	}
	for _, want := range []string{"file a", "inside a", "the same path again", "not a list", "partial", "partial, too"} {
		if !contents[want] {
			t.Errorf("%q was lost in %v", want, filesOf(tree))
		}
	}
	if len(filesOf(tree)) != 7 {
		t.Errorf("%v", filesOf(tree))
	}
	checkSums(t, b.dir)
}

func TestSaveLinks(t *testing.T) {
	outside := t.TempDir()
	link := func(target string) func(*Entry) {
		return func(e *Entry) { e.Mode, e.Target, e.Size, e.Runs = fs.ModeSymlink|0o777, target, 0, nil }
	}
	b := newBench(t)
	b.add("sub/ok", nil, link("../file"))
	b.add("sub/down", nil, link("x/./y"))
	b.add("sub/up", nil, link("../../other"))
	b.add("abs", nil, link("/etc/passwd"))
	b.add("sub/zigzag", nil, link("down/../.."))
	b.add("nul", nil, link("a\x00b"))
	b.add("empty", nil, link(""))
	b.add("trap", nil, link(outside)) // absolute
	b.add("trap/evil", []byte("evil"), nil)
	b.add("here", nil, link("sub"))
	b.add("here/evil", []byte("evil"), nil)
	b.add(strings.Repeat("d/", 800)+"deep", nil, link(strings.Repeat("../", 790)+"x"))
	r := b.save(nil)
	if r.Saved.Files != 12 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	tree := treeOf(t, b.dir)
	want := map[string]string{
		"sub/ok": "-> ../file", "sub/down": "-> x/./y", "sub/up.symlink.txt": "../../other", "abs.symlink.txt": "/etc/passwd",
		"sub/zigzag.symlink.txt": "down/../..", "nul.symlink.txt": "a\x00b", "empty.symlink.txt": "", "trap.symlink.txt": outside,
		"trap/evil": "evil", "here": "-> sub", "here (2)/evil": "evil",
	}
	for p, content := range want {
		if got, ok := tree["files/2-DATA/"+p]; !ok || got != content {
			t.Errorf("%s: %q, want %q", p, got, content)
		}
	}
	for p, v := range tree {
		if strings.HasPrefix(v, "-> ") {
			if real, err := filepath.EvalSymlinks(filepath.Join(b.dir, p)); err == nil && !strings.HasPrefix(real, filepath.Join(b.dir, "files")) {
				t.Errorf("%s leads to %s", p, real)
			}
			if strings.Contains(p, "deep") {
				t.Errorf("%s %s", p, v)
			}
		}
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Error("something was written outside")
	}
	if v, err := Verify(t.Context(), b.c, b.root, nil); err != nil || !v.Whole() || v.ExtraCount != 0 {
		t.Errorf("verify: %+v, %v", v, err)
	}

	plain := newBench(t)
	plain.add("sub/ok", nil, link("../file"))
	plain.save(func(o *SaveOptions) { o.Target.Symlinks = false })
	if tree := treeOf(t, plain.dir); tree["files/2-DATA/sub/ok.symlink.txt"] != "../file" {
		t.Errorf("%v", tree)
	}
}

// A link that was planted in the case, in the place of a folder, is not followed.
func TestSavePlantedLink(t *testing.T) {
	b := newBench(t)
	outside := t.TempDir()
	for _, target := range []string{outside, "../../.."} {
		b.add("sub/file", []byte("content"), nil)
		if err := os.MkdirAll(filepath.Join(b.dir, "files/2-DATA"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(b.dir, "files/2-DATA/sub")); err != nil {
			t.Fatal(err)
		}
		if r := b.save(nil); r.Failed == 0 || r.Saved.Files != 0 {
			t.Errorf("%+v", r)
		}
		if left, _ := os.ReadDir(outside); len(left) != 0 {
			t.Error("something was written outside")
		}
		os.Remove(filepath.Join(b.dir, "files/2-DATA/sub"))
	}
}
