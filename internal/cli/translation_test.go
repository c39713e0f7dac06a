package cli_test

import (
	"slices"
	"strings"
	"testing"

	"salvor/finding/translation"
)

// Each finding has a sentence in each language, with the placeholders of the English one, and none has one too many.
func TestFindingsAreTranslated(t *testing.T) {
	german, err := translation.Load("de")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for dir, table := range tables {
		for _, d := range table {
			known[d.Code] = true
			sentence, ok := german[d.Code]
			if !ok {
				t.Errorf("%s: %s has no German sentence", dir, d.Code)
				continue
			}
			want, got := placeholder.FindAllString(d.Text, -1), placeholder.FindAllString(sentence, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
				t.Errorf("%s: placeholders %v, of the English sentence %v", d.Code, got, want)
			}
			if strings.ContainsAny(sentence, "<>") {
				t.Errorf("%s: markup in %q", d.Code, sentence)
			}
		}
	}
	for code := range german {
		if !known[code] {
			t.Errorf("%s is translated and is no finding", code)
		}
	}
}
