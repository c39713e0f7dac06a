package diagnosis

import (
	"path"
	"strings"
)

// maxOrderSteps bounds the search for one sequence, in events looked at.
const maxOrderSteps = 200_000

// fits reports whether an event is the one that the step names.
func (s *Step) fits(ev *told) bool {
	if role, ok := strings.CutPrefix(s.Event, "role:"); ok {
		return ev.rule.Role == Role(role) && !ev.soft
	}
	if s.Event == ev.rule.ID {
		return true
	}
	ok, err := path.Match(s.Event, ev.rule.ID)
	return ok && err == nil
}

// sequence looks for the steps one after the other, and returns the indices of the first and the last event
// of the first such sequence at or behind from; ok is false when there is none.
func sequence(steps []Step, within Within, events []told, from int) (first, last int, ok bool) {
	budget := maxOrderSteps
	for i := from; i < len(events) && budget > 0; i++ {
		budget--
		if !steps[0].fits(&events[i]) {
			continue
		}
		end, done := follow(steps[1:], events, i, &budget)
		if done && within.holds(events[i].place, events[end].place) {
			return i, end, true
		}
	}
	return 0, 0, false
}

// follow goes on behind the event at. It returns the last event of the sequence.
func follow(steps []Step, events []told, at int, budget *int) (last int, ok bool) {
	for len(steps) > 0 {
		var not []Step
		for len(steps) > 0 && steps[0].Not {
			not, steps = append(not, steps[0]), steps[1:]
		}
		next := at + 1
		found := len(steps) == 0
		for ; next < len(events) && *budget > 0; next++ {
			*budget--
			ev := &events[next]
			if len(steps) > 0 && steps[0].fits(ev) {
				found = true
				break
			}
			for i := range not {
				if not[i].fits(ev) {
					return 0, false
				}
			}
		}
		if !found || *budget <= 0 {
			return 0, false
		}
		if len(steps) == 0 {
			return at, true
		}
		at, steps = next, steps[1:]
	}
	return at, true
}

// holds reports whether both places are near enough. Times that are not known bound nothing.
func (w Within) holds(a, b Place) bool {
	if w.Lines > 0 && (a.Input != b.Input || b.Line-a.Line > w.Lines) {
		return false
	}
	if w.Time <= 0 {
		return true
	}
	if !a.Time.IsZero() && !b.Time.IsZero() {
		return b.Time.Sub(a.Time) <= w.Time
	}
	if a.Since >= 0 && b.Since >= 0 && b.Since >= a.Since {
		return b.Since-a.Since <= w.Time
	}
	return true
}
