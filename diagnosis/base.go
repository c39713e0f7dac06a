package diagnosis

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Base is the knowledge that answers are made from: ecosystems with their rules.
type Base struct {
	Ecosystems []*Ecosystem
	rules      map[string]*Rule
}

// NewBase joins ecosystems. The error names every rule whose ID is taken twice, and every reference to a rule
// that is not there.
func NewBase(ecosystems []*Ecosystem) (*Base, error) {
	b := &Base{Ecosystems: ecosystems, rules: map[string]*Rule{}}
	var wrong []error
	for _, e := range ecosystems {
		for _, r := range e.Rules {
			if b.rules[r.ID] != nil {
				wrong = append(wrong, fmt.Errorf("%s: rule %s stands twice", e.File, r.ID))
			}
			b.rules[r.ID] = r
		}
	}
	for _, e := range ecosystems {
		for _, r := range e.Rules {
			for _, id := range b.references(r) {
				wrong = append(wrong, fmt.Errorf("%s: rule %s names %s, which is no rule", e.File, r.ID, id))
			}
		}
	}
	return b, errors.Join(wrong...)
}

// Rule returns the rule of this ID, or nil.
func (b *Base) Rule(id string) *Rule { return b.rules[id] }

// Ecosystem returns the ecosystem of this name, or nil.
func (b *Base) Ecosystem(name string) *Ecosystem {
	i := slices.IndexFunc(b.Ecosystems, func(e *Ecosystem) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return b.Ecosystems[i]
}

// references returns what r names and is not there.
func (b *Base) references(r *Rule) []string {
	var missing []string
	for _, id := range r.Against {
		if b.rules[id] == nil {
			missing = append(missing, id)
		}
	}
	for _, s := range r.Order {
		if !b.names(s.Event) {
			missing = append(missing, s.Event)
		}
	}
	return missing
}

// names reports whether event is a role or fits a rule.
func (b *Base) names(event string) bool {
	if role, ok := strings.CutPrefix(event, "role:"); ok {
		return slices.Contains(Roles(), Role(role))
	}
	if b.rules[event] != nil {
		return true
	}
	for id := range b.rules {
		if ok, err := path.Match(event, id); ok && err == nil {
			return true
		}
	}
	return false
}
