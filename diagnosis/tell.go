package diagnosis

import (
	"bytes"
	"io"
	"slices"
)

// maxCollect bounds what is told to be collected next.
const maxCollect = 4

// tell fills in what stands around the conclusions: the answer itself, the stories, what to ask and to collect.
func (a *Answer) tell(e *Engine, tales []*tale, items []*item, speaks map[string]bool) {
	for _, t := range tales {
		a.Stories = append(a.Stories, t.story(items))
	}
	for _, i := range items {
		switch {
		case i.rule.Role == RoleSummary && !i.ended && len(a.Summaries) < maxEvidence:
			a.Summaries = append(a.Summaries, i.evidence(0))
		case i.ended && i.rule.Role.Weigh() && len(a.Ended) < maxEvidence:
			ev := i.evidence(0)
			ev.Why = "it went well behind this"
			a.Ended = append(a.Ended, ev)
		}
	}
	for _, eco := range e.base.Ecosystems {
		if speaks[eco.Name] {
			a.Speakers = append(a.Speakers, Speaker{eco.Name, eco.Title, eco.Logs})
		}
	}
	switch {
	case len(a.Conclusions) > 0 && a.Conclusions[0].Grade >= Possible:
		a.Cause, a.Grade = a.Conclusions[0].Cause, a.Conclusions[0].Grade
	case len(a.Conclusions) > 0 || len(a.Summaries) > 0 || len(speaks) == 0 && !a.succeeded():
		a.Cause = CannotTell
	default:
		a.Cause = None
	}
	a.Question = e.question(a, items, speaks)
	if a.Cause != None && a.Grade < Likely {
		a.Collect = e.collect(a.Speakers)
	}
}

func (a *Answer) succeeded() bool {
	return slices.ContainsFunc(a.Stories, func(s Story) bool {
		return slices.ContainsFunc(s.Boots, func(b Boot) bool { return b.Success })
	})
}

// story returns the boots of a tale with what failed in them.
func (t *tale) story(items []*item) Story {
	for _, i := range items {
		if i.tale == t && !i.ended && i.factor > wentWell {
			t.boots[i.boot].Failed = true
		}
	}
	for n := range t.events {
		if ev := &t.events[n]; ev.rule.Role == RoleSuccess {
			t.boots[ev.boot].Success = true
		}
	}
	return Story{Input: t.input, Boots: t.boots}
}

// question returns what would decide best between the first two causes: the question of the rule that tells
// them apart most, of those that were found first.
func (e *Engine) question(a *Answer, items []*item, speaks map[string]bool) string {
	if len(a.Conclusions) == 0 {
		return ""
	}
	first := a.Conclusions[0].Cause
	second := Cause("")
	if len(a.Conclusions) > 1 {
		second = a.Conclusions[1].Cause
	}
	best, question := -1, ""
	ask := func(r *Rule, bonus int) {
		if r.Decide == "" || r.Strength(first) == 0 && (second == "" || r.Strength(second) == 0) {
			return
		}
		apart := r.Strength(first) - r.Strength(second)
		if apart = max(apart, -apart) + bonus; apart > best {
			best, question = apart, r.Decide
		}
	}
	for _, i := range items {
		if !i.ended {
			ask(i.rule, 1000)
		}
	}
	for _, eco := range e.base.Ecosystems {
		if best < 1000 && (speaks[eco.Name] || eco.Name == generic) {
			for _, r := range eco.Rules {
				ask(r, 0)
			}
		}
	}
	return question
}

// collect returns what to collect next: where the programs that speak keep their logs.
func (e *Engine) collect(speakers []Speaker) []string {
	var list []string
	for _, s := range speakers {
		if s.Logs != "" && len(list) < maxCollect && s.Ecosystem != generic {
			list = append(list, s.Logs)
		}
	}
	if g := e.base.Ecosystem(generic); g != nil && g.Logs != "" && len(list) < maxCollect {
		list = append(list, g.Logs)
	}
	return list
}

// head reads the begin of a text, and gives a reader of all of it.
func head(r io.Reader, limit int64) ([]byte, io.Reader) {
	b, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return b, io.MultiReader(bytes.NewReader(b), failing{err})
	}
	return b, io.MultiReader(bytes.NewReader(b), r)
}

// failing is a reader that failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
