package ui

import (
	"regexp"
	"strconv"
	"testing"

	"salvor/diagnosis/knowledge"
)

// TestRulesAreTranslated holds that what the rules say, ask, and tell of logs has each other language.
func TestRulesAreTranslated(t *testing.T) {
	base, err := knowledge.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	group := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range languages[1:] {
		s, err := loadSentences(lang)
		if err != nil {
			t.Fatal(err)
		}
		has := func(of, english string) {
			if english == "" {
				return
			}
			numbers := map[string]string{}
			english = group.ReplaceAllStringFunc(english, func(name string) string {
				if numbers[name] == "" {
					numbers[name] = "{" + strconv.Itoa(len(numbers)+1) + "}"
				}
				return numbers[name]
			})
			if s.whole[english] == "" {
				t.Errorf("%s: %s has no sentence for %q", lang, of, english)
			}
		}
		for _, eco := range base.Ecosystems {
			has(eco.Name, eco.Logs)
			for _, r := range eco.Rules {
				has(r.ID, r.Means)
				has(r.ID, r.Decide)
			}
		}
		if got, ok := s.say("The package is for acme,gw, the device is acme,hub."); lang == "de" && (!ok || got != "Das Paket ist für acme,gw, das Gerät ist acme,hub.") {
			t.Errorf("%q", got)
		}
	}
}
