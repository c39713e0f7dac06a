package translation

import (
	"strings"
	"testing"

	"salvor/finding"
)

func TestText(t *testing.T) {
	german, err := Load("de")
	if err != nil {
		t.Fatal(err)
	}
	known := &finding.Def{Code: "fat.chain.loop", Text: "the chain comes back to cluster {found}"}
	if got := german.Text(known.New(finding.Expected(nil, 17))); got != "die Kette kommt zu Cluster 17 zurück" {
		t.Error(got)
	}
	unknown := (&finding.Def{Code: "no.such", Text: "something {found}"}).New(finding.Expected(nil, "new"))
	if got := german.Text(unknown); got != "something new" {
		t.Error(got)
	}
	english, err := Load("en")
	if err != nil || english.Text(known.New(finding.Expected(nil, 3))) != "the chain comes back to cluster 3" {
		t.Error(err)
	}
	if _, err := Load("xx"); err == nil {
		t.Error("a language that is not there was loaded")
	}
}

func TestReadRefuses(t *testing.T) {
	for _, text := range []string{"a.b\n", "a.b = x\na.b = y\n", "\n"} {
		if err := (Catalogue{}).read(text); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
