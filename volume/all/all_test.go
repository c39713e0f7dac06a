package all

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Table() {
		if s.Name == "" || s.Read == nil || seen[s.Name] {
			t.Errorf("row %q", s.Name)
		}
		seen[s.Name] = true
		for _, p := range s.Probes {
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(p.ID, s.Name+".") {
				t.Errorf("probe %q of %q", p.ID, s.Name)
			}
		}
	}
}
