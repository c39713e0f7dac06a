package all

import (
	"strings"
	"testing"
)

func TestLocks(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range Locks() {
		if l.Name == "" || l.Read == nil || seen[l.Name] {
			t.Errorf("row %q", l.Name)
		}
		seen[l.Name] = true
		for _, p := range l.Probes {
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(p.ID, l.Name+".") {
				t.Errorf("probe %q of %q", p.ID, l.Name)
			}
		}
	}
}

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
