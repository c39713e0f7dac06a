package knowledge

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"salvor/diagnosis"
	"salvor/diagnosis/match"
)

// file is the form of a file of rules; doc.go tells it.
type file struct {
	Ecosystem string   `yaml:"ecosystem"`
	Title     string   `yaml:"title"`
	Speaks    []string `yaml:"speaks"`
	Names     []string `yaml:"names"`
	Logs      string   `yaml:"logs"`
	Anywhere  bool     `yaml:"anywhere"`
	Bystander bool     `yaml:"bystander"`
	Library   bool     `yaml:"library"`
	Codes     []table  `yaml:"codes"`
	Rules     []rule   `yaml:"rules"`
}

type table struct {
	Name     string   `yaml:"name"`
	Patterns []string `yaml:"patterns"`
	Mask     int64    `yaml:"mask"`
}

type rule struct {
	ID         string         `yaml:"id"`
	Line       string         `yaml:"line"`
	Said       string         `yaml:"said"`
	Fact       *fact          `yaml:"fact"`
	Order      []step         `yaml:"order"`
	Within     string         `yaml:"within"`
	Code       *code          `yaml:"code"`
	Role       diagnosis.Role `yaml:"role"`
	Cause      string         `yaml:"cause"`
	Strength   int            `yaml:"strength"`
	Also       yaml.Node      `yaml:"also"`
	Means      string         `yaml:"means"`
	Source     string         `yaml:"source"`
	Against    []string       `yaml:"against"`
	Decide     string         `yaml:"decide"`
	Match      []string       `yaml:"match"`
	Miss       []string       `yaml:"miss"`
	Passing    bool           `yaml:"passing"`
	NeverRetry bool           `yaml:"never_retry"`
	FirstBoot  string         `yaml:"first_boot"`
}

type fact struct {
	Name    string   `yaml:"name"`
	Is      string   `yaml:"is"`
	Not     string   `yaml:"not"`
	Matches string   `yaml:"matches"`
	Above   *float64 `yaml:"above"`
	Below   *float64 `yaml:"below"`
}

type code struct {
	In     string `yaml:"in"`
	Number *int64 `yaml:"number"`
	Name   string `yaml:"name"`
}

// step is an event, or {not: event}.
type step struct{ diagnosis.Step }

func (s *step) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&s.Event)
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "not" {
		return fmt.Errorf("line %d: a step is an event, or {not: event}", n.Line)
	}
	s.Not = true
	return n.Content[1].Decode(&s.Event)
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9]+([-_][a-z0-9]+)*$`)
	idForm   = regexp.MustCompile(`^[a-z0-9]+([-_][a-z0-9]+)*([.][a-z0-9]+([-_][a-z0-9]+)*)+$`)
)

// ecosystem checks a file and gives what it says.
func (f *file) ecosystem() (*diagnosis.Ecosystem, error) {
	if !nameForm.MatchString(f.Ecosystem) {
		return nil, fmt.Errorf("ecosystem %q: a name of small letters, digits, dashes and underscores", f.Ecosystem)
	}
	e := &diagnosis.Ecosystem{Name: f.Ecosystem, Title: f.Title, Speaks: f.Speaks, Names: f.Names, Anywhere: f.Anywhere, Bystander: f.Bystander, Library: f.Library, Logs: strings.TrimSpace(f.Logs)}
	var wrong []error
	for _, p := range f.Speaks {
		if err := checkPattern(p); err != nil {
			wrong = append(wrong, fmt.Errorf("speaks: %w", err))
		}
	}
	for _, p := range f.Names {
		if err := checkPattern(p); err != nil {
			wrong = append(wrong, fmt.Errorf("names: %w", err))
		}
	}
	for _, t := range f.Codes {
		for _, p := range t.Patterns {
			if err := checkPattern(p); err != nil {
				wrong = append(wrong, fmt.Errorf("codes %s: %w", t.Name, err))
			} else if !slices.Contains(regexp.MustCompile(p).SubexpNames(), "code") {
				wrong = append(wrong, fmt.Errorf("codes %s: pattern %q has no group \"code\"", t.Name, p))
			}
		}
		e.Codes = append(e.Codes, diagnosis.Codes{Name: t.Name, Patterns: t.Patterns, Mask: t.Mask})
	}
	for i := range f.Rules {
		r, err := f.Rules[i].rule(f)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("rule %d (%s): %w", i+1, f.Rules[i].ID, err))
			continue
		}
		e.Rules = append(e.Rules, r)
	}
	return e, errors.Join(wrong...)
}

// rule checks one rule, and gives what it says.
func (y *rule) rule(f *file) (*diagnosis.Rule, error) {
	r := &diagnosis.Rule{ID: y.ID, Ecosystem: f.Ecosystem, Role: y.Role, Means: y.Means, Source: y.Source,
		Against: y.Against, Decide: y.Decide, Match: y.Match, Miss: y.Miss, FirstBootNormal: y.FirstBoot == "normal",
		Passing: y.Passing, NeverRetry: y.NeverRetry}
	wrong := []error{y.looks(r, f), y.weighs(r), y.within(r)}
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	say(!idForm.MatchString(y.ID) || !strings.HasPrefix(y.ID, f.Ecosystem+"."), "the ID begins with %q, and is of small letters, digits, dashes, underscores and dots", f.Ecosystem+".")
	say(!slices.Contains(diagnosis.Roles(), y.Role), "role %q is none", y.Role)
	say(y.Means == "", "means is missing: one sentence for a person")
	say(y.Source == "", "source is missing: where the fact comes from")
	say(len(y.Match) < 2, "%d examples in match, at least 2", len(y.Match))
	say(len(y.Miss) < 2, "%d near misses in miss, at least 2", len(y.Miss))
	say(y.FirstBoot != "" && y.FirstBoot != "normal", "first_boot is %q, not normal", y.FirstBoot)
	for _, s := range append(slices.Clone(y.Match), y.Miss...) {
		say(s == "", "an empty example")
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return r, nil
}

// looks fills in what the rule looks at; exactly one of the kinds.
func (y *rule) looks(r *diagnosis.Rule, f *file) error {
	kinds := 0
	var err error
	if y.Line != "" {
		kinds, r.Kind, r.Pattern, err = kinds+1, diagnosis.KindLine, y.Line, checkPattern(y.Line)
	}
	if y.Said != "" {
		kinds, r.Kind, r.Pattern, err = kinds+1, diagnosis.KindSaid, y.Said, match.Check(y.Said)
	}
	if y.Fact != nil {
		kinds, r.Kind = kinds+1, diagnosis.KindFact
		r.Fact = diagnosis.FactTest(*y.Fact)
		err = y.Fact.check()
	}
	if y.Order != nil {
		kinds, r.Kind = kinds+1, diagnosis.KindOrder
		for _, s := range y.Order {
			r.Order = append(r.Order, s.Step)
		}
		if len(r.Order) < 2 || r.Order[0].Not {
			err = errors.New("order: at least two steps, and the first is an event")
		}
	}
	if y.Code != nil {
		kinds, r.Kind = kinds+1, diagnosis.KindCode
		r.Code = diagnosis.CodeTable(*y.Code)
		switch {
		case !slices.ContainsFunc(f.Codes, func(t table) bool { return t.Name == y.Code.In }):
			err = fmt.Errorf("code: no table %q in codes", y.Code.In)
		case y.Code.Number == nil && y.Code.Name == "":
			err = errors.New("code: a number, a name, or both")
		}
	}
	if kinds != 1 {
		return fmt.Errorf("looks at %d things: one of line, said, fact, order, code", kinds)
	}
	return err
}

func (f *fact) check() error {
	tests := 0
	for _, set := range []bool{f.Is != "", f.Not != "", f.Matches != "", f.Above != nil, f.Below != nil} {
		if set {
			tests++
		}
	}
	if f.Name == "" || tests != 1 {
		return errors.New("fact: a name, and one of is, not, matches, above, below")
	}
	_, err := regexp.Compile(f.Matches)
	return err
}

// weighs fills in the causes.
func (y *rule) weighs(r *diagnosis.Rule) error {
	if !y.Role.Weigh() {
		if y.Cause != "" || y.Strength != 0 || len(y.Also.Content) > 0 {
			return fmt.Errorf("a rule of role %s has no cause", y.Role)
		}
		return nil
	}
	r.Weights = []diagnosis.Weight{{Cause: diagnosis.Cause(y.Cause), Strength: y.Strength}}
	if y.Also.Kind != 0 && y.Also.Kind != yaml.MappingNode {
		return errors.New("also: causes with their strengths")
	}
	for i := 0; i+1 < len(y.Also.Content); i += 2 { // in the order of the file, so that equals stay as written
		n, err := strconv.Atoi(y.Also.Content[i+1].Value)
		if err != nil {
			return fmt.Errorf("also: %w", err)
		}
		r.Weights = append(r.Weights, diagnosis.Weight{Cause: diagnosis.Cause(y.Also.Content[i].Value), Strength: n})
	}
	for i, w := range r.Weights {
		switch {
		case !w.Cause.Known() || w.Cause == diagnosis.None || w.Cause == diagnosis.CannotTell:
			return fmt.Errorf("cause %q is none", w.Cause)
		case w.Strength < 1 || w.Strength > 100:
			return fmt.Errorf("strength %d of %s: from 1 to 100", w.Strength, w.Cause)
		case slices.ContainsFunc(r.Weights[:i], func(o diagnosis.Weight) bool { return o.Cause == w.Cause }):
			return fmt.Errorf("cause %s stands twice", w.Cause)
		}
	}
	return nil
}

// within reads "200 lines" or a duration.
func (y *rule) within(r *diagnosis.Rule) error {
	if y.Within == "" {
		return nil
	}
	if y.Order == nil {
		return errors.New("within belongs to order")
	}
	if n, ok := strings.CutSuffix(y.Within, " lines"); ok {
		lines, err := strconv.ParseInt(n, 10, 64)
		if err != nil || lines < 1 {
			return fmt.Errorf("within: %q", y.Within)
		}
		r.Within.Lines = lines
		return nil
	}
	d, err := time.ParseDuration(strings.ReplaceAll(y.Within, " ", ""))
	if err != nil || d <= 0 {
		return fmt.Errorf("within: %q is neither lines nor a time", y.Within)
	}
	r.Within.Time = d
	return nil
}
