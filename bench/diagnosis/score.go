package main

import (
	"context"
	"slices"

	"salvor/diagnosis"
)

// outcome is what became of one case.
type outcome struct {
	c      *testCase
	answer diagnosis.Cause // what was answered first; cannot-tell or none where nothing was
	grade  diagnosis.Grade
	kind   verdict
	fine   bool // the very cause, and not only its class
}

type verdict uint8

const (
	right verdict = iota
	wrong
	abstained
)

// run answers all cases.
func run(ctx context.Context, e *diagnosis.Engine, cases []*testCase) ([]outcome, error) {
	var list []outcome
	for _, c := range cases {
		a, err := e.Diagnose(ctx, c.input())
		if err != nil {
			return nil, err
		}
		list = append(list, judge(c, a))
	}
	return list, nil
}

// judge compares an answer with the truth. A cause is answered when it is at least possible.
func judge(c *testCase, a *diagnosis.Answer) outcome {
	o := outcome{c: c, answer: a.Cause, grade: a.Grade}
	accepted := append([]diagnosis.Cause{c.Cause}, c.Also...)
	o.fine = slices.Contains(accepted, a.Cause)
	class := slices.ContainsFunc(accepted, func(t diagnosis.Cause) bool { return t.Class() == a.Cause.Class() })
	answered := a.Cause != diagnosis.None && a.Cause != diagnosis.CannotTell
	switch {
	case o.healthy(), c.Cause == diagnosis.CannotTell:
		// Nothing was to be found; "cannot tell" and "nothing failed" are both no finding.
		o.kind = wrong
		if !answered || class {
			o.kind = right
		}
	case class:
		o.kind = right
	case !answered:
		o.kind = abstained
	default:
		o.kind = wrong
	}
	return o
}

func (o *outcome) healthy() bool { return o.c.Cause == diagnosis.None }

// sum counts outcomes.
type sum struct {
	right, wrong, abstained, fine int
}

func (s *sum) add(o *outcome) {
	switch o.kind {
	case right:
		s.right++
		if o.fine {
			s.fine++
		}
	case wrong:
		s.wrong++
	default:
		s.abstained++
	}
}

func (s sum) all() int { return s.right + s.wrong + s.abstained }

// share returns n of the sum in percent, 100 of an empty one.
func (s sum) share(n int) float64 {
	if s.all() == 0 {
		return 100
	}
	return 100 * float64(n) / float64(s.all())
}

// count counts the outcomes that pass.
func count(list []outcome, pass func(*outcome) bool) sum {
	var s sum
	for i := range list {
		if pass(&list[i]) {
			s.add(&list[i])
		}
	}
	return s
}

// figures are what is to be reached.
type figures struct {
	failing  sum // cases in which something failed
	healthy  sum
	very     sum // failing cases graded very likely, and healthy ones wrongly so
	captured sum
	rebuilt  sum
}

func figure(list []outcome) figures {
	return figures{
		failing:  count(list, func(o *outcome) bool { return !o.healthy() }),
		healthy:  count(list, (*outcome).healthy),
		very:     count(list, func(o *outcome) bool { return o.grade == diagnosis.VeryLikely }),
		captured: count(list, func(o *outcome) bool { return !o.healthy() && o.c.Origin == "captured" }),
		rebuilt:  count(list, func(o *outcome) bool { return !o.healthy() && o.c.Origin == "rebuilt" }),
	}
}

// grades returns the hit rates by grade, as the program tells them.
func grades(list []outcome) map[string]diagnosis.Hits {
	m := map[string]diagnosis.Hits{}
	for _, g := range []diagnosis.Grade{diagnosis.Possible, diagnosis.Likely, diagnosis.VeryLikely} {
		s := count(list, func(o *outcome) bool { return o.grade == g })
		m[g.String()] = diagnosis.Hits{Right: s.right, Of: s.all()}
	}
	return m
}
