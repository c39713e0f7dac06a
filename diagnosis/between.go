package diagnosis

import (
	"slices"
	"time"
)

// oneStory is how far failures of two inputs may stand apart, and one still explain the other.
const oneStory = 10 * time.Minute

// between lowers consequences of what an input tells in another input: the console has the failure of the storage, the
// journal that of the program which wrote to it. Both must tell their times alike.
func between(items []*item) {
	leads := map[*tale]*item{}
	var order []*item
	for _, i := range items {
		if i.tale != nil && !i.ended && i.rule.Role == RoleCause && i.strength() >= leadsFrom && leads[i.tale] == nil {
			leads[i.tale] = i
			if dated(i.place.Time) {
				order = append(order, i)
			}
		}
	}
	if len(order) < 2 {
		return
	}
	slices.SortStableFunc(order, func(a, b *item) int { return a.place.Time.Compare(b.place.Time) })
	first := order[0]
	for _, i := range items {
		lead := leads[i.tale]
		if i.tale == nil || i.tale == first.tale || lead == nil || i.n < lead.n || i.ended || !i.rule.Role.Weigh() {
			continue
		}
		apart := i.place.Time.Sub(first.place.Time)
		if !dated(i.place.Time) || (i.place.Time.Year() == 0) != (first.place.Time.Year() == 0) || apart < time.Second || apart > oneStory || supports(i.rule, first.rule) {
			continue
		}
		switch {
		case i.rule.Role == RoleSymptom:
			i.lower(afterCause, "explained by an earlier failure in "+first.place.Input)
		case i.strength() < first.strength()+moreSpecific:
			i.lower(laterCause, "something else failed before it in "+first.place.Input)
		}
	}
}

// dated reports whether a time has a day, by which lines of two inputs can be compared.
func dated(t time.Time) bool {
	return !t.IsZero() && !(t.Year() == 0 && t.YearDay() == 1)
}
