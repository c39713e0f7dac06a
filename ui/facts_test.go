package ui

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"salvor/filetype"
	"salvor/finding"
)

// TestFactsAreTranslated holds that the names of facts that formats tell have a word in each language.
func TestFactsAreTranslated(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	told := regexp.MustCompile(`\b(?:Fact|add)\("([A-Z][^"]*)"|Fact\{+Name: "([^"]+)"`)
	err = fs.WalkDir(os.DirFS(".."), ".", func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && p != "." && !strings.HasPrefix(p, "filetype") && !strings.HasPrefix(p, "preview") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(os.DirFS(".."), p)
		for _, m := range told.FindAllStringSubmatch(string(text), -1) {
			names[m[1]+m[2]] = true
		}
		return err
	})
	if err != nil || len(names) < 40 {
		t.Fatalf("%d names, %v", len(names), err)
	}
	for name := range names {
		for lang, words := range all {
			if !words.has("fact." + name) {
				t.Errorf("%s: no word for the fact %q", lang, name)
			}
		}
	}
	for _, f := range factValues {
		for lang, words := range all {
			if !words.has(f.word) {
				t.Errorf("%s: no word is called %s", lang, f.word)
			}
		}
	}
}

// TestGermanFacts shows a file in German: what formats tell of it, and what was found in it.
func TestGermanFacts(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	known := finding.Finding{Code: "fat.chain.loop", Text: "the chain comes back to cluster 17", Offset: -1, Found: "17"}
	strange := finding.Finding{Code: "no.such", Text: "something new", Offset: -1}
	e := live(1, "a.jpg", "jpeg")
	data := map[string]any{"Key": "k", "CaseName": "case", "Entry": e, "Verdict": "damaged", "Regular": true, "Reasons": []finding.Finding{known, strange}, "Notes": []finding.Finding{strange},
		"Places": filePlaces{}, "Missing": int64(0), "Facts": []fact{{Name: "Picture", Value: "40 × 30 pixels"}, {Name: "Camera", Value: "ACME 40 pixels"}, {Name: "Odd", Value: "x"},
			{Word: "file.title.hint", Value: "7 bytes"}}, "MoreMembers": 0}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/?lang=de", nil)
	s.show(w, r, http.StatusOK, "file", view{}, data)
	for _, want := range []string{"<dt>Bild</dt>", "<bdi>40 × 30 Pixel</bdi>", "<dt>Kamera</dt>", "ACME 40 pixels", `<bdi lang="en">Odd</bdi>`, "<bdi>7 bytes</bdi>",
		"<bdi>die Kette kommt zu Cluster 17 zurück</bdi>", `<bdi lang="en">something new</bdi>`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not say %s: %s", want, w.Body)
		}
	}
	l := lister{s: s, findings: s.findings["de"]}
	e.Verdict, e.Findings = filetype.Damaged, []finding.Finding{known}
	e.Findings[0].Severity = finding.Warning
	if got := l.row(e); got.Why != (said{Text: "die Kette kommt zu Cluster 17 zurück"}) {
		t.Errorf("%+v", got.Why)
	}
	if got := (&lister{s: s}).row(e); got.Why != (said{Text: known.Text}) {
		t.Errorf("%+v", got.Why)
	}
	strange.Severity = finding.Error
	e.Findings = append(e.Findings, strange)
	if got := l.row(e); got.Why != (said{"something new", "en"}) || got.Verdict != filetype.Damaged.String() {
		t.Errorf("%+v", got.Why)
	}
}
