package recovery

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"salvor/finding"
)

// nameMatcher returns what decides on the name of an entry, nil when every name will do.
func (q *Query) nameMatcher() (func(string) bool, error) {
	if q.Name == "" {
		return nil, nil
	}
	pattern := foldName(q.Name)
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("recovery: name pattern %q: %w", q.Name, err)
	}
	if text, ok := partOf(pattern); ok {
		return func(name string) bool { return strings.Contains(foldName(name), text) }, nil
	}
	return func(name string) bool {
		ok, _ := path.Match(pattern, foldName(name))
		return ok
	}, nil
}

// partOf returns the text that a pattern asks for anywhere in a name: "*text*".
func partOf(pattern string) (string, bool) {
	inner, ok := strings.CutPrefix(pattern, "*")
	if !ok || !strings.HasSuffix(inner, "*") {
		return "", false
	}
	inner = inner[:len(inner)-1]
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '*', '?', '[':
			return "", false
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return b.String(), true
}

// Decider returns what says of an entry whether q means it. Its order, limit and start are not regarded. Errors: a name
// pattern that is none.
func (q Query) Decider() (func(*Entry) bool, error) {
	q.From = ""
	holds, err := q.holds()
	if err != nil {
		return nil, err
	}
	steps, err := q.stepsHold()
	if err != nil {
		return nil, err
	}
	return func(e *Entry) bool { return holds(e) && (steps == nil || steps(e)) || slices.Contains(q.AlsoIDs, e.ID) }, nil
}

// decider returns what decides where the database lets too much through, nil where it does not.
func (q *Query) decider() (func(*Entry) bool, error) {
	name, err := q.nameMatcher()
	if err != nil {
		return nil, err
	}
	steps, err := q.stepsHold()
	if err != nil || name == nil && steps == nil && q.FindingPrefix == "" {
		return nil, err
	}
	return func(e *Entry) bool {
		return (name == nil || name(e.Name)) && q.findingHolds(e) && (steps == nil || steps(e))
	}, nil
}

// findingHolds reports whether an entry has a finding of the kind that is asked for.
func (q *Query) findingHolds(e *Entry) bool {
	return q.FindingPrefix == "" || slices.ContainsFunc(e.Findings, func(f finding.Finding) bool { return strings.HasPrefix(f.Code, q.FindingPrefix) })
}

// stepsHold returns what the steps say of an entry, nil where there are none.
func (q *Query) stepsHold() (func(*Entry) bool, error) {
	if len(q.Steps) == 0 {
		return nil, nil
	}
	holds := make([]func(*Entry) bool, len(q.Steps))
	for i := range q.Steps {
		var err error
		if holds[i], err = q.Steps[i].Query.holds(); err != nil {
			return nil, err
		}
	}
	return func(e *Entry) bool {
		for i := len(holds) - 1; i >= 0; i-- {
			if holds[i](e) {
				return !q.Steps[i].Out
			}
		}
		return false
	}, nil
}

// holds returns what says whether all fields of q but the steps and AlsoIDs hold for an entry.
func (q *Query) holds() (func(*Entry) bool, error) {
	name, err := q.nameMatcher()
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, id := range q.IDs {
		ids[id] = true
	}
	folder := strings.Trim(q.PathPrefix, "/")
	return func(e *Entry) bool {
		switch t := e.moment(); {
		case len(ids) > 0 && !ids[e.ID]:
		case name != nil && !name(e.Name), !q.findingHolds(e):
		case folder != "" && e.Path != folder && !strings.HasPrefix(e.Path, folder+"/"):
		case !among(q.Formats, e.Format), !among(q.Classes, e.Class), !among(q.States, e.State), !among(q.Verdicts, e.Verdict),
			!among(q.Drawers, e.Drawer()), !among(q.Save, e.Save), !among(q.Volumes, e.Volume), !among(q.Sources, e.Source):
		case len(q.kinds) > 0 && !slices.Contains(q.kinds, kindOf(e.Mode)), !q.IncludeDirs && e.IsDir():
		case e.Size < q.MinSize, q.MaxSize > 0 && e.Size > q.MaxSize:
		case !q.After.IsZero() && millis(t) < q.After.UnixMilli():
		case !q.Before.IsZero() && (t.IsZero() || millis(t) >= q.Before.UnixMilli()):
		default:
			return true
		}
		return false
	}, nil
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// summaryOfSteps counts the entries of a query with steps.
func (c *Catalog) summaryOfSteps(ctx context.Context, q Query) (Summary, error) {
	q.Order, q.Limit, q.From = ByCatalogue, 0, ""
	at := map[Group]int{}
	var s Summary
	for e, err := range c.Select(ctx, q) {
		if err != nil {
			return Summary{}, err
		}
		g := Group{Drawer: e.Drawer(), Verdict: e.Verdict, Class: e.Class, Format: e.Format, Save: e.Save, Erased: e.Erased, Dir: e.IsDir()}
		i, ok := at[g]
		if !ok {
			i = len(s.Groups)
			at[g] = i
			s.Groups = append(s.Groups, g)
		}
		s.Groups[i].add(Count{1, e.Size, e.Missing.Bytes()})
	}
	return s, nil
}
