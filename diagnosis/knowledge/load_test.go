package knowledge

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"salvor/diagnosis"
)

const sound = `
ecosystem: fine
title: Fine
speaks: ['fine\[\d+\]']
logs: In its log.
codes:
  - {name: status, patterns: ['exit status (?P<code>\d+)'], mask: 255}
rules:
  - id: fine.one
    line: 'signature (of )?.* is wrong'
    role: cause
    cause: genuine.signature
    strength: 90
    also: {package.corrupted: 20, clock.wrong: 5}
    means: "It is not genuine."
    source: "fine 1.0 fine.c"
    against: [fine.two]
    match: ["signature is wrong", "signature of a.bin is wrong"]
    miss: ["signature is right", "sign is wrong"]
    never_retry: true
  - id: fine.two
    code: {in: status, number: 0x0}
    role: success
    means: "It went well."
    source: "fine 1.0 fine.c"
    match: ["exit status 0", "exit status 256"]
    miss: ["exit status 1", "status 0"]
  - id: fine.three
    order: [fine.one, {not: "role:success"}, "fine.t*"]
    within: 30 s
    role: symptom
    cause: updater.bug
    strength: 10
    means: "Odd."
    source: "fine 1.0 fine.c"
    match: ["a", "b"]
    miss: ["c", "d"]
`

func TestLoad(t *testing.T) {
	base, err := Load(fstest.MapFS{"fine.yaml": {Data: []byte(sound)}, "note.txt": {Data: []byte("no rules")}})
	if err != nil {
		t.Fatal(err)
	}
	one, three := base.Rule("fine.one"), base.Rule("fine.three")
	if one == nil || one.Cause() != "genuine.signature" || one.Strength("clock.wrong") != 5 || !one.NeverRetry {
		t.Errorf("%+v", one)
	}
	if two := base.Rule("fine.two"); two.Kind != diagnosis.KindCode || *two.Code.Number != 0 {
		t.Errorf("%+v", two)
	}
	if three.Within.Time != 30*time.Second || len(three.Order) != 3 || !three.Order[1].Not || three.Order[1].Event != "role:success" {
		t.Errorf("%+v", three)
	}
	if base.Rule("generic.no-space") == nil {
		t.Error("the rules of the program are gone")
	}
	if e := base.Ecosystem("fine"); e == nil || e.Title != "Fine" || e.Codes[0].Mask != 255 {
		t.Errorf("%+v", e)
	}
}

func TestParts(t *testing.T) {
	head, rules, _ := strings.Cut(sound, "rules:")
	part := "ecosystem: fine\nrules:" + strings.Split(rules, "  - id: fine.two")[0]
	part = strings.Replace(part, "against: [fine.two]", "", 1)
	base, err := Load(fstest.MapFS{"fine.yaml": {Data: []byte(head)}, "fine.more.yaml": {Data: []byte(part)}})
	if err != nil {
		t.Fatal(err)
	}
	if e := base.Ecosystem("fine"); e.Title != "Fine" || len(e.Rules) != 1 || len(e.Speaks) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "title: Fine", "titel: Fine", "titel"},
		{"unknown key of a rule", "never_retry: true", "retry: true", "retry"},
		{"ID twice", "id: fine.two", "id: fine.one", "stands twice"},
		{"another ecosystem's ID", "id: fine.three", "id: other.three", `"fine."`},
		{"unknown cause", "cause: updater.bug", "cause: updater.bugs", "updater.bugs"},
		{"no cause", "cause: updater.bug", "", `cause ""`},
		{"unknown also", "clock.wrong: 5", "clock.right: 5", "clock.right"},
		{"also twice", "clock.wrong: 5", "genuine.signature: 5", "twice"},
		{"strength", "strength: 90", "strength: 101", "101"},
		{"cause of a success", "role: success", "role: success\n    cause: updater.bug", "no cause"},
		{"role", "role: symptom", "role: reason", `"reason"`},
		{"no literal", `'signature (of )?.* is wrong'`, `'a.b'`, "literal"},
		{"broken pattern", `'signature (of )?.* is wrong'`, `'a(b'`, "missing closing"},
		{"few examples", `match: ["a", "b"]`, `match: ["a"]`, "1 examples"},
		{"few misses", `miss: ["c", "d"]`, `miss: []`, "0 near misses"},
		{"empty example", `miss: ["c", "d"]`, `miss: ["c", ""]`, "empty example"},
		{"no source", `source: "fine 1.0 fine.c"`, "", "source is missing"},
		{"no meaning", `means: "Odd."`, "", "means is missing"},
		{"against nothing", "against: [fine.two]", "against: [fine.zwei]", "fine.zwei"},
		{"order of nothing", "[fine.one,", "[fine.eins,", "fine.eins"},
		{"order of a role that is none", "role:success", "role:triumph", "triumph"},
		{"order begins with not", "[fine.one,", "[{not: fine.one},", "the first is an event"},
		{"within", "within: 30 s", "within: soon", "soon"},
		{"no table", "in: status", "in: states", "states"},
		{"no group", "(?P<code>\\d+)", "(\\d+)", `"code"`},
		{"two kinds", "line: 'sig", "said: 'what was said'\n    line: 'sig", "2 things"},
		{"no kind", "order: [fine.one, {not: \"role:success\"}, \"fine.t*\"]\n    within: 30 s", "", "0 things"},
		{"another file", "ecosystem: fine", "ecosystem: finer", "finer"},
		{"two documents", "ecosystem: fine", "---\necosystem: fine\n---\necosystem: fine", "document"},
		{"no YAML", "rules:", "\trules: [", "yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(sound, c.old, c.new, 1)
			if text == sound {
				t.Fatal("nothing was replaced")
			}
			_, err := Load(fstest.MapFS{"fine.yaml": {Data: []byte(text)}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("ecosystem: fine\nrules: [{id: fine.a, fact: {name: a, above: .nan}}]"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse("fine.yaml", b)
		if err != nil {
			return
		}
		for _, r := range e.Rules {
			if len(r.Match) < 2 || len(r.Miss) < 2 || r.Role.Weigh() != (len(r.Weights) > 0) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
