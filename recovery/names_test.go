package recovery

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSafeName(t *testing.T) {
	unix, windows := &Target{}, &Target{WindowsNames: true}
	tests := []struct {
		name          string
		unix, windows string
	}{
		{"IMG_0001.JPG", "IMG_0001.JPG", "IMG_0001.JPG"},
		{"Übersicht (1) – 中文.txt", "Übersicht (1) – 中文.txt", "Übersicht (1) – 中文.txt"},
		{"", "_", "_"},
		{".", "_.", "__"},
		{"..", "_..", "_._"},
		{"...", "...", ".._"},
		{".hidden", ".hidden", ".hidden"},
		{"a/b", "a_b", "a_b"},
		{"/etc/passwd", "_etc_passwd", "_etc_passwd"},
		{`..\..\x`, `..\..\x`, ".._.._x"},
		{"C:evil", "C:evil", "C_evil"},
		{"nul\x00byte", "nul␀byte", "nul␀byte"},
		{"line\nbreak", "line␊break", "line␊break"},
		{"del\x7f", "del␡", "del␡"},
		{"c1\u0085", "c1[U+0085]", "c1[U+0085]"},
		{"bad\xff\xfeutf8", "bad[FF][FE]utf8", "bad[FF][FE]utf8"},
		{"real \uFFFD", "real \uFFFD", "real \uFFFD"},
		{"invoice\u202Egpj.exe", "invoice[U+202E]gpj.exe", "invoice[U+202E]gpj.exe"},
		{"a\u200Bb", "a[U+200B]b", "a[U+200B]b"},
		{"a\u200Db", "a[U+200D]b", "a[U+200D]b"},
		{"👩\u200D👧.png", "👩\u200D👧.png", "👩\u200D👧.png"},
		{"می\u200Cخواهم.txt", "می\u200Cخواهم.txt", "می\u200Cخواهم.txt"},
		{"CON", "CON", "_CON"},
		{"con.txt", "con.txt", "_con.txt"},
		{"con .tar.gz", "con .tar.gz", "_con .tar.gz"},
		{"COM1", "COM1", "_COM1"},
		{"lpt².x", "lpt².x", "_lpt².x"},
		{"console", "console", "console"},
		{"COM10", "COM10", "COM10"},
		{"dot.", "dot.", "dot_"},
		{"space ", "space ", "space_"},
		{`a<b>c:"d|e?f*`, `a<b>c:"d|e?f*`, "a_b_c__d_e_f_"},
		{".salvor-tmp", "_.salvor-tmp", "_.salvor-tmp"},
		{".Salvor-TMP", "_.Salvor-TMP", "_.Salvor-TMP"},
	}
	for _, tt := range tests {
		if got := safeName(tt.name, unix, 255); got != tt.unix {
			t.Errorf("safeName(%q) = %q, want %q", tt.name, got, tt.unix)
		}
		if got := safeName(tt.name, windows, 255); got != tt.windows {
			t.Errorf("safeName(%q) for Windows = %q, want %q", tt.name, got, tt.windows)
		}
	}
}

func TestSafeNameShortens(t *testing.T) {
	long := strings.Repeat("ü", 300) + ".jpeg"
	a, b := safeName(long, &Target{}, 255), safeName("x"+long, &Target{}, 255)
	for _, s := range []string{a, b} {
		if len(s) > 255 || len(s) < 240 || !strings.HasSuffix(s, ".jpeg") || !utf8.ValidString(s) {
			t.Errorf("%d bytes: %q", len(s), s)
		}
	}
	if a == b {
		t.Error("two long names became one")
	}
	if got := safeName("a."+strings.Repeat("x", 300), &Target{}, 255); len(got) > 255 {
		t.Errorf("a long extension: %d bytes", len(got))
	}
}

func TestNumbered(t *testing.T) {
	tests := []struct {
		name string
		n    int
		want string
	}{
		{"a.jpg", 1, "a.jpg"}, {"a.jpg", 2, "a (2).jpg"}, {"a", 3, "a (3)"}, {".bashrc", 2, ".bashrc (2)"},
		{"a.tar.gz", 2, "a.tar (2).gz"}, {strings.Repeat("b", 255), 2, strings.Repeat("b", 251) + " (2)"},
	}
	for _, tt := range tests {
		if got := numbered(tt.name, tt.n, 255); got != tt.want {
			t.Errorf("numbered(%q, %d) = %q, want %q", tt.name, tt.n, got, tt.want)
		}
	}
}

func TestNameKey(t *testing.T) {
	fold, exact := &Target{CaseInsensitive: true}, &Target{}
	same := [][2]string{{"DCIM/A.JPG", "dcim/a.jpg"}, {"Straße", "STRASSE"}, {"\u00e9", "e\u0301"}, {"ﬁ", "FI"}, {"ı", "i"}}
	for _, s := range same {
		if nameKey(s[0], fold) != nameKey(s[1], fold) {
			t.Errorf("%q and %q are told apart", s[0], s[1])
		}
	}
	if nameKey("é", exact) != nameKey("e\u0301", exact) {
		t.Error("composed and decomposed are told apart")
	}
	if nameKey("A", exact) == nameKey("a", exact) {
		t.Error("case is joined where the target tells it apart")
	}
}

// anyName draws names from all that is hostile.
func anyName() *rapid.Generator[string] {
	parts := rapid.SampledFrom([]string{".", "..", "/", "\\", "\x00", "\n", " ", "CON", "nul", "com1", "\u202e", "\u200b", "\u200d",
		"\xff", "\xc3", "ü", "u\u0308", "👩", "a", "B", ".jpg", ":", "*", "\x7f", "\u0085", "~", " (2)", strings.Repeat("x", 120), "\ufffd", ".salvor", "中"})
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOfN(parts, 0, 8), func(p []string) string { return strings.Join(p, "") }))
}

func anyTarget() *rapid.Generator[*Target] {
	return rapid.Custom(func(t *rapid.T) *Target {
		return &Target{CaseInsensitive: rapid.Bool().Draw(t, "fold"), WindowsNames: rapid.Bool().Draw(t, "windows"),
			MaxName: rapid.SampledFrom([]int{0, 60, 255}).Draw(t, "name"), MaxPath: rapid.SampledFrom([]int{0, 260}).Draw(t, "path")}
	})
}

func checkName(t *rapid.T, name string, target *Target, limit int) {
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) || len(name) > limit || strings.ContainsAny(name, "/\x00") {
		t.Fatalf("%q is not a name", name)
	}
	if !filepath.IsLocal(name) {
		t.Fatalf("%q leaves its folder", name)
	}
	if strings.HasPrefix(strings.ToLower(name), reservedPrefix) {
		t.Fatalf("%q is the program's own", name)
	}
	for _, r := range name {
		if unicode.Is(unicode.Cc, r) || (isHidden(r) && !isJoiner(r)) {
			t.Fatalf("%q holds %U", name, r)
		}
	}
	if target.WindowsNames {
		if strings.ContainsAny(name, `<>:"\|?*`) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") || isDeviceName(name) {
			t.Fatalf("%q is no name for Windows", name)
		}
	}
}

func TestSafeNameLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := anyTarget().Draw(t, "target")
		name := anyName().Draw(t, "name")
		limit := rapid.IntRange(leastName, 255).Draw(t, "limit")
		safe := safeName(name, target, limit)
		checkName(t, safe, target, limit)
		if safeName(name, target, limit) != safe {
			t.Fatal("not stable")
		}
		n := rapid.IntRange(1, 99999).Draw(t, "n")
		checkName(t, numbered(safe, n, limit), target, limit)
		key := nameKey(safe, target)
		if nameKey(key, target) != key {
			t.Fatalf("the key of %q is not its own key", safe)
		}
	})
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"", "..", "CON.txt", "a\u202eb", "\xff", "x/y"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, name string, windows bool) {
		safe := safeName(name, &Target{WindowsNames: windows}, 255)
		if !filepath.IsLocal(safe) || len(safe) > 255 || safe == "." || strings.ContainsRune(safe, '/') {
			t.Errorf("safeName(%q) = %q", name, safe)
		}
	})
}
