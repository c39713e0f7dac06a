package ui

import (
	"testing"

	"salvor/finding"
)

// TestFindingInLanguage holds that a page says a finding in its language, with its place, and hides nothing in it.
func TestFindingInLanguage(t *testing.T) {
	all, err := loadFindings()
	if err != nil {
		t.Fatal(err)
	}
	words, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	f := (&finding.Def{Code: "fat.chain.copies-differ", Text: "the FATs differ in this chain; {found} was taken"}).
		New(finding.At(4096, 512), finding.Expected(nil, "\u202e<b>"))
	for lang, want := range map[string]string{
		"en": "the FATs differ in this chain; ⟨U+202E⟩<b> was taken (at 0x1000)",
		"de": "die FATs unterscheiden sich in dieser Kette; ⟨U+202E⟩<b> wurde genommen (bei 0x1000)",
	} {
		v := &view{words: words[lang], findings: all[lang], say: func(text string) said { return said{text, "en"} }}
		if got := v.Finding(f); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}
