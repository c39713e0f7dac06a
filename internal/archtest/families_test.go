package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// told is how the table of docs/verdicts.md names a family that it does not call by the name of its folder.
var told = map[string]string{
	"asf": "WMV", "cab": "cabinets", "dtb": "device trees", "evtx": "event logs", "font": "fonts", "iso": "disc images", "javaclass": "Java classes",
	"leveldb": "LevelDB logs", "macho": "Mach-O", "mail": "mails", "markup": "HTML", "mo": "translations", "ole2": "DOC", "plist": "property lists",
	"regf": "registry hives", "sevenzip": "7z",
}

// families returns the folders of a room that hold a parser each.
func families(t *testing.T, room string) (dirs []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, room))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); e.IsDir() && !slices.Contains([]string{"all", "internal", room + "test"}, name) {
			dirs = append(dirs, name)
		}
	}
	if len(dirs) < 6 {
		t.Fatalf("%s: only %v", room, dirs)
	}
	return dirs
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// Every parser of foreign bytes says what it promises and whose description it follows, tells where its fixtures come
// from, and is fuzzed.
func TestFamilies(t *testing.T) {
	for _, room := range []string{"filetype", "filesystem", "container", "firmware", "volume"} {
		for _, name := range families(t, room) {
			dir := room + "/" + name
			doc, _, _ := strings.Cut(read(t, dir, "doc.go"), "\npackage ")
			if !strings.HasPrefix(doc, "// Package "+name+" ") || !regexp.MustCompile(`(?i)\bfollow(s|ed)\b|# Sources`).MatchString(doc) {
				t.Errorf("%s/doc.go does not say what the package promises and what document it follows", dir)
			}
			if _, err := os.Stat(filepath.Join(root, dir, "testdata")); err == nil && len(read(t, dir, "testdata/README.md")) < 100 {
				t.Errorf("%s/testdata/README.md does not tell where its files come from", dir)
			}
			tests, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			fuzzed := slices.ContainsFunc(tests, func(path string) bool {
				b, err := os.ReadFile(path)
				return err == nil && strings.Contains(string(b), "\nfunc Fuzz")
			})
			if !fuzzed {
				t.Errorf("%s has no fuzz target", dir)
			}
		}
	}
}

// The person finds every family in the table of verdicts.
func TestFamiliesAreTold(t *testing.T) {
	var table strings.Builder
	for line := range strings.Lines(read(t, "docs/verdicts.md")) {
		if strings.HasPrefix(line, "| ") {
			table.WriteString(strings.SplitN(line, "|", 3)[1])
		}
	}
	for _, name := range families(t, "filetype") {
		word := name
		if told[name] != "" {
			word = told[name]
		}
		if !regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `\b`).MatchString(table.String()) {
			t.Errorf("no row of the table in docs/verdicts.md names %s (%q)", name, word)
		}
	}
	for name := range told {
		if !slices.Contains(families(t, "filetype"), name) {
			t.Errorf("%s is told and is no family", name)
		}
	}
}
