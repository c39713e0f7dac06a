package diagnosis

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Case is all that is known about one device.
type Case struct {
	Inputs []Input
	Facts  []Fact
}

const (
	maxConclusions = 6
	maxEvidence    = 12
	maxSaid        = 64 << 10 // bytes of what a person typed that are tried on patterns for it
)

// Diagnose reads all inputs and answers. Inputs that cannot be read to their end are told in the answer; the
// error is the context's.
func (e *Engine) Diagnose(ctx context.Context, c Case) (*Answer, error) {
	a := &Answer{}
	var tales []*tale
	var items []*item
	speaks := map[string]bool{}
	for _, in := range c.Inputs {
		t := e.readInput(ctx, in)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if t.problem != "" {
			a.Problems = append(a.Problems, in.Name+": "+t.problem)
		}
		tales = append(tales, t)
		for n := range t.speaks {
			speaks[e.base.Ecosystems[n].Name] = true
		}
	}
	for _, t := range tales {
		items = append(items, t.items(e.quiet(speaks))...)
	}
	between(items)
	facts := append(slices.Clone(c.Facts), derive(tales, items, c.Facts)...)
	items = append(items, e.factItems(facts)...)
	for n, i := range items {
		i.order = n
		i.words = words(i.rule.Means, i.groups)
	}
	contrary := against(items, present(tales, items))
	e.conclude(a, items, contrary, doubt(tales, items), tales)
	a.tell(e, tales, items, speaks)
	return a, nil
}

// readInput reads an input; what a person typed is tried on the rules for that as well.
func (e *Engine) readInput(ctx context.Context, in Input) *tale {
	if !in.Said {
		return e.read(ctx, in)
	}
	text, rest := head(in.Reader, maxSaid)
	in.Reader = rest
	t := e.read(ctx, in)
	t.said = true
	for _, s := range e.said {
		loc := s.re.FindSubmatchIndex(text)
		if loc == nil {
			continue
		}
		f := found{re: s.re, loc: loc, rule: s.rule}
		h := hit{rule: s.rule, speaks: -1, times: 1, quote: string(text[loc[0]:loc[1]]), groups: f.groups(text),
			place: Place{Input: in.Name, Offset: int64(loc[0]), Length: int64(loc[1] - loc[0]), Since: -1}}
		t.add(&h)
	}
	return t
}

// factItems returns the evidence of facts.
func (e *Engine) factItems(facts []Fact) []*item {
	var items []*item
	for _, f := range facts {
		for _, r := range e.facts {
			if !r.Fact.Of(f.Name) || !r.Fact.Passes(f.Value) {
				continue
			}
			quote := f.Words
			if quote == "" {
				quote = f.Name + ": " + f.Value
			}
			items = append(items, &item{factor: 1, told: told{boot: -1, hit: hit{rule: r, place: f.Place, quote: quote, times: 1,
				groups: map[string]string{"value": f.Value}}}})
		}
	}
	return items
}

// present gathers what contradictions can refer to: all that was told, and facts.
func present(tales []*tale, items []*item) *contraries {
	c := &contraries{near: map[nearKey]*item{}, far: map[string][]*item{}}
	for _, t := range tales {
		for n := range t.events {
			ev := &t.events[n]
			c.add(&item{told: *ev, tale: t, factor: 1, words: words(ev.rule.Means, ev.groups)})
		}
	}
	for _, i := range items {
		if i.tale == nil {
			c.add(i)
		}
	}
	return c
}

// words fills the groups into a sentence; what a line did not tell is "unknown".
func words(text string, groups map[string]string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			if ok {
				b.WriteString("{" + rest)
			}
			return b.String()
		}
		if v := groups[name]; v != "" {
			b.WriteString(v)
		} else {
			b.WriteString("unknown")
		}
		text = after
	}
}

// conclude weighs the causes; what scores less than doubt is told, and not graded.
func (e *Engine) conclude(a *Answer, items []*item, contrary map[*item][]*item, doubt float64, tales []*tale) {
	var causes []Cause
	for _, i := range items {
		for _, w := range i.rule.Weights {
			if !slices.Contains(causes, w.Cause) {
				causes = append(causes, w.Cause)
			}
		}
	}
	type scored struct {
		cause  Cause
		total  float64
		shares []share
	}
	var list []scored
	classes := map[Class]float64{}
	for _, c := range causes {
		total, shares := score(items, c.Class(), forCause(c))
		list = append(list, scored{c, total, shares})
		if _, have := classes[c.Class()]; !have {
			classes[c.Class()], _ = score(items, c.Class(), forClass(c.Class()))
		}
	}
	slices.SortStableFunc(list, func(x, y scored) int {
		if n := cmp.Compare(y.total, x.total); n != 0 {
			return n
		}
		return cmp.Compare(firstOf(x.shares), firstOf(y.shares))
	})
	for n, s := range list {
		if s.total < weak || n == maxConclusions {
			break
		}
		c := Conclusion{Cause: s.cause, Class: s.cause.Class(), Score: s.total, Words: s.cause.Words()}
		rival := 0.0
		for _, o := range list {
			if o.cause.Class() != c.Class {
				rival = max(rival, o.total)
			} else if o.cause != c.Cause {
				rival = max(rival, sameClass*o.total)
			}
		}
		c.Grade = grade(s.total, rival, n == 0)
		doubt := e.doubtOf(doubt, c.Cause, s.shares, tales)
		switch {
		case s.total < doubt && (doubt > alone || n > 0 || classes[c.Class] < classFrom):
			c.Grade = Unknown
		case n == 0 && c.Grade == Unknown && classes[c.Class] >= classFrom:
			c.Grade = Possible
		}
		if c.Grade == VeryLikely && doubt > alone {
			c.Grade = Likely // no line says that anything failed, and the log goes on
		}
		c.Measured = measured(c.Grade)
		for _, sh := range s.shares {
			if len(c.For) < maxEvidence {
				ev := sh.item.evidence(sh.value)
				ev.Times = sh.times
				c.For = append(c.For, ev)
			}
			c.Passing = c.Passing || sh.item.rule.Passing && sh.item.rule.Cause() == s.cause
			for _, o := range contrary[sh.item] {
				if len(c.Against) < maxEvidence && !slices.ContainsFunc(c.Against, func(ev Evidence) bool { return ev.Rule == o.rule.ID }) {
					ev := o.evidence(0)
					ev.Why = "contradicts " + sh.item.rule.ID
					c.Against = append(c.Against, ev)
				}
			}
			a.NeverRetry = a.NeverRetry || sh.item.rule.NeverRetry && c.Grade >= Possible
		}
		a.NeverRetry = a.NeverRetry || s.cause == rollback && c.Grade >= Possible
		a.Conclusions = append(a.Conclusions, c)
	}
}

// rollback is the cause behind which trying again can destroy the device.
const rollback Cause = "genuine.rollback"

func firstOf(shares []share) int {
	if len(shares) == 0 {
		return 0
	}
	return shares[0].item.order
}

// evidence is an item for people; value is what it says for a cause, 0 to 1.
func (i *item) evidence(value float64) Evidence {
	return Evidence{Rule: i.rule.ID, Ecosystem: i.rule.Ecosystem, Role: i.rule.Role, Words: i.words, Quote: i.quote, Place: i.place,
		Groups: i.groups, Times: i.times, Strength: int(100*value + 0.5), Boot: i.boot, Source: i.rule.Source, Why: i.why}
}
