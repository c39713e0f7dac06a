package recovery

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// TestNameLikeLosesNothing holds the search of names against what the pattern alone says, over names of all kinds.
func TestNameLikeLosesNothing(t *testing.T) {
	c := newCatalog(t)
	names := []string{"a", "A.JPG", "IMG_0001.jpg", "img-0001.JPG", "100%.txt", "a_b", "axb", `back\slash`, "*star*", "[x]", "É.txt", "é.txt", "\u212a.txt", "k.txt", "\u0130stanbul", "istanbul",
		"\xff\xfe.bin", "new\nline", "日本.png", "a%b", "", " ", "q?", "zero\x00byte", "s\u017f.txt", "ß.txt"}
	for i, n := range names {
		mustPut(t, c, &Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Volume: 1, Origin: FromFileSystem, Path: "Folder_k%/" + n, Name: n},
			&Entry{ID: fmt.Sprintf("c/0x%d", i), Source: 1, Origin: FromContent, Name: n})
	}
	for _, p := range []string{"*", "a", "*.jpg", "*.JPG", "img?0001*", `*\%*`, "*%*", "*_*", `a\_b`, `*\\*`, `\*star\*`, `\[x\]`, "[a-z]*", "*[x]*", "é.txt", "É*", "k.txt", "K*", "istanbul", "*stan*", "*日*", "*\xff*",
		"new\nline", "?", "??", "*folder*", "q\\?", "*\x00*", "s?.txt", "*i*", "*k*", "* *"} {
		want := 0
		for _, n := range names {
			if ok, _ := path.Match(strings.ToLower(p), strings.ToLower(n)); ok {
				want++
			}
			if ok, _ := path.Match(strings.ToLower(p), strings.ToLower(n)); ok && n != "" {
				want++
			}
		}
		got := ids(t, c, Query{Name: p})
		if n := len(got); n != want && n != want+1 {
			t.Errorf("%q: %d, expected %d: %q", p, n, want, got)
		}
		s, err := c.Summary(t.Context(), Query{Name: p})
		if err != nil || s.Total(nil).Files != int64(len(got)) {
			t.Errorf("%q: the summary counts %d, the list has %d, %v", p, s.Total(nil).Files, len(got), err)
		}
	}
}
