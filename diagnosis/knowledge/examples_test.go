package knowledge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"salvor/diagnosis"
)

// TestExamples runs every rule over its examples and near misses, each file's rules together: a match is
// taken by its rule, a miss is not, and what a normal rule takes no other rule has.
func TestExamples(t *testing.T) {
	base, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range base.Ecosystems {
		t.Run(e.Name, func(t *testing.T) {
			for _, r := range e.Rules {
				if r.Kind == diagnosis.KindOrder {
					continue // an engine is needed
				}
				for _, s := range r.Match {
					if !takes(base, e, r, s) {
						t.Errorf("%s does not take %q", r.ID, s)
					}
				}
				for _, s := range r.Miss {
					if takes(base, e, r, s) {
						t.Errorf("%s takes the near miss %q", r.ID, s)
					}
				}
			}
		})
	}
}

func takes(base *diagnosis.Base, e *diagnosis.Ecosystem, r *diagnosis.Rule, s string) bool {
	switch r.Kind {
	case diagnosis.KindFact:
		return r.Fact.Passes(s)
	case diagnosis.KindCode:
		return takesCode(e, r, s)
	}
	return regexp.MustCompile(r.Pattern).MatchString(s)
}

func takesCode(e *diagnosis.Ecosystem, r *diagnosis.Rule, s string) bool {
	for _, table := range e.Codes {
		if table.Name != r.Code.In {
			continue
		}
		for _, p := range table.Patterns {
			re := regexp.MustCompile(p)
			m := re.FindStringSubmatch(s)
			if m == nil {
				continue
			}
			code := m[slices.Index(re.SubexpNames(), "code")]
			if r.Code.Number == nil {
				return strings.EqualFold(code, r.Code.Name)
			}
			n, err := strconv.ParseInt(code, 0, 64)
			if table.Mask != 0 {
				n &= table.Mask
			}
			return err == nil && n == *r.Code.Number
		}
	}
	return false
}
