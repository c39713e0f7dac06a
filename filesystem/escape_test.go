package filesystem

import (
	"io/fs"
	"testing"
)

func TestEscapeName(t *testing.T) {
	for _, c := range []struct{ stored, escaped string }{
		{"plain", "plain"}, {"", `\x`}, {".", `\x2e`}, {"..", `\x2e\x2e`}, {"a/b", `a\x2fb`}, {"a\x00", `a\x00`},
		{"\xff\xfe", `\xff\xfe`}, {`back\slash`, `back\slash`}, {`\x41`, `\x5cx41`}, {`\x`, `\x5cx`},
		{"Grüße", "Grüße"}, {"Gr\xfc\xdfe", `Gr\xfc\xdfe`}, {"\ufffd", "\ufffd"}, {"...", "..."},
	} {
		got := EscapeName(c.stored)
		if got != c.escaped {
			t.Errorf("EscapeName(%q) = %q, expected %q", c.stored, got, c.escaped)
		}
		if back := UnescapeName(got); back != c.stored {
			t.Errorf("UnescapeName(%q) = %q, expected %q", got, back, c.stored)
		}
	}
}

func FuzzEscapeName(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a/b", `\x41`, "\xff", `\\x\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := EscapeName(s)
		if !fs.ValidPath("dir/" + e) {
			t.Errorf("EscapeName(%q) = %q is no valid name", s, e)
		}
		if back := UnescapeName(e); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	})
}
