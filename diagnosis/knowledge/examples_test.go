package knowledge

import (
	"testing"

	"salvor/diagnosis"
)

// TestExamples runs every rule over its examples and near misses, all rules together, as the engine does: a match
// is taken by its rule and not masked by a normal one of another; a miss is not taken.
func TestExamples(t *testing.T) {
	base, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := diagnosis.New(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range base.Ecosystems {
		t.Run(e.Name, func(t *testing.T) {
			for _, r := range e.Rules {
				for _, s := range r.Match {
					if !engine.Try(r, s) {
						t.Errorf("%s does not take %q", r.ID, s)
					}
				}
				for _, s := range r.Miss {
					if engine.Try(r, s) {
						t.Errorf("%s takes the near miss %q", r.ID, s)
					}
				}
			}
		})
	}
}
