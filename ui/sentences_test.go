package ui

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"salvor/diagnosis"
	"salvor/diagnosis/knowledge"
	"salvor/diagnosis/plan"
)

// plans makes the plans of every cause, on every device, for every updater, and gives them to do.
func plans(t *testing.T, do func(*diagnosis.Answer, *plan.Plan)) {
	t.Helper()
	base, err := knowledge.Load()
	if err != nil {
		t.Fatal(err)
	}
	var devices []plan.Device
	known := []plan.Known{plan.Unknown, plan.Yes, plan.No}
	for _, dir := range []string{"", "my case"} {
		for _, safe := range known {
			for _, sound := range known {
				for _, slot := range known {
					for _, whole := range []string{"", "OK", "NO"} {
						devices = append(devices, plan.Device{Case: dir, FilesSafe: safe, StorageSound: sound, WholeSlot: slot, TwoSlots: slot, PackageWhole: whole, PackageFits: whole, Source: "/dev/sd b", Package: "up.swu"})
					}
				}
			}
		}
	}
	devices = append(devices, plan.Device{Case: "c", FilesSafe: plan.No, Verified: "3 files were found and not saved"})
	for _, c := range append(diagnosis.Causes(), diagnosis.CannotTell, diagnosis.None) {
		for i, eco := range base.Ecosystems {
			list := devices
			if i > 0 { // the rules do not ask for the updater
				list = devices[len(devices)/2 : len(devices)/2+2]
			}
			for _, d := range list {
				for _, writing := range []bool{false, true} {
					a := &diagnosis.Answer{Cause: c, Grade: diagnosis.Likely, Speakers: []diagnosis.Speaker{{Ecosystem: eco.Name}}, NeverRetry: writing && i == 0,
						Stories: []diagnosis.Story{{Boots: []diagnosis.Boot{{Writing: writing, Failed: writing}}}}}
					switch c {
					case diagnosis.CannotTell:
						a.Grade = diagnosis.Unknown
						a.Conclusions = []diagnosis.Conclusion{{Cause: "storage.io", Grade: diagnosis.Possible}}
					case diagnosis.None:
					default:
						a.Conclusions = []diagnosis.Conclusion{{Cause: c, Grade: diagnosis.Likely, Passing: writing}}
					}
					p, err := plan.Make(a, d)
					if err != nil {
						t.Fatal(err)
					}
					do(a, p)
				}
			}
		}
	}
}

// TestSentencesOfPlans holds that every cause, and every sentence of every plan, is there in every language.
func TestSentencesOfPlans(t *testing.T) {
	for _, l := range languages[1:] {
		s, err := loadSentences(l)
		if err != nil {
			t.Fatal(err)
		}
		missing := map[string]bool{}
		count := map[string]bool{}
		need := func(texts ...string) {
			for _, text := range texts {
				if text == "" || count[text] {
					continue
				}
				count[text] = true
				other, ok := s.say(text)
				if !ok {
					missing[text] = true
					continue
				}
				if other == text || blanks.MatchString(other) || strings.Contains(text, "`salvor ") != strings.Contains(other, "`salvor ") {
					t.Errorf("%s: %q became %q", l, text, other)
				}
				for _, name := range []string{"'my case'", "'/dev/sd b'", "up.swu"} {
					if strings.Contains(text, name) != strings.Contains(other, name) {
						t.Errorf("%s: %q lost a name: %q", l, text, other)
					}
				}
			}
		}
		for _, c := range append(diagnosis.Causes(), diagnosis.CannotTell, diagnosis.None) {
			need(c.Words())
		}
		plans(t, func(_ *diagnosis.Answer, p *plan.Plan) {
			need(p.Passing, p.Prevention)
			for _, x := range p.Steps {
				need(x.Title, x.Reason, x.Takes, x.Success, x.Otherwise, x.Undo)
				need(x.Conditions...)
			}
			for _, x := range p.LeftOut {
				need(x.Title, x.Why)
			}
		})
		for text := range missing {
			t.Errorf("%s has no %q", l, text)
		}
		if len(count) < 250 {
			t.Errorf("%d sentences only", len(count))
		}
	}
}

// TestNoSentenceIsLeftOver holds that the sentences are those that the rooms below have: one that was changed there is
// changed here too.
func TestNoSentenceIsLeftOver(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"../diagnosis/*.go", "../diagnosis/plan/*.go", "../diagnosis/plan/*.yaml", "../rescue/why*.go"} {
		dir, glob := pattern[:strings.LastIndex(pattern, "/")], pattern[strings.LastIndex(pattern, "/")+1:]
		list, err := fs.Glob(os.DirFS(dir), glob)
		if err != nil || len(list) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range list {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			text, err := os.ReadFile(dir + "/" + f)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(text)
		}
	}
	bare := regexp.MustCompile(`''`).ReplaceAllString(sources.String(), "'")
	for _, verb := range []string{"%s", "%d", "{case}", "{source}", "{package}", "{device}"} {
		bare = strings.ReplaceAll(bare, verb, "{}")
	}
	bare = strings.ReplaceAll(bare, `\"`, `"`)
	for _, f := range []string{"causes", "plan", "steps"} {
		content, err := embedded.ReadFile("words/sentences/" + f + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			english, ok := strings.CutPrefix(strings.TrimSpace(line), "en: ")
			if !ok {
				continue
			}
			want := blanks.ReplaceAllString(english, "{}")
			lowered := strings.ToUpper(want[:1]) + want[1:]
			begin, _, _ := strings.Cut(want, "{}") // the end may be put behind it
			if !strings.Contains(bare, want) && (begin == "" || !strings.Contains(bare, begin+`"`)) && !strings.Contains(bare, lowered) {
				t.Errorf("nothing says %q any more", english)
			}
		}
	}
}

func TestSentences(t *testing.T) {
	s := &sentences{whole: map[string]string{}}
	for _, p := range [][2]string{{"a file", "eine Datei"}, {"open {1}", "{1} öffnen"}, {"from {1} to {2}", "nach {2} von {1}"}, {"it says: {1}.", "es sagt: {1}."}} {
		if !s.add(p[0], p[1]) {
			t.Errorf("%v", p)
		}
	}
	if s.add("a file", "x") || s.add("one {1}", "eins") {
		t.Error("a pair that is not whole was taken")
	}
	for english, want := range map[string]string{"a file": "eine Datei", "open a file": "eine Datei öffnen", "open {1}": "{1} öffnen", "open $1 {2}": "$1 {2} öffnen", "from a to b": "nach b von a",
		"it says: open a file.": "es sagt: eine Datei öffnen.", "A file": "", "open ": "", "": ""} {
		if got, ok := s.say(english); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", english, got, ok)
		}
	}
	long := "it says: " + strings.Repeat("it says: ", 100_000) + "."
	if got, ok := s.say(long); ok {
		t.Errorf("%d bytes became %d", len(long), len(got))
	}
}

func TestPieces(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", "run `x y` now": "run |<x y>| now", "`x`": "<x>", "one ` alone": "one ` alone", "``": ""} {
		var got []string
		for _, p := range (said{Text: text}).Pieces() {
			if p.Command {
				p.Text = "<" + p.Text + ">"
			}
			got = append(got, p.Text)
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: %q", text, s)
		}
	}
}
