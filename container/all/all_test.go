package all

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen, ids := map[string]bool{}, map[string]bool{}
	for _, f := range Table() {
		if f.Name == "" || f.Title == "" || f.Open == nil || len(f.Signatures) == 0 || seen[f.Name] {
			t.Errorf("row %q", f.Name)
		}
		seen[f.Name] = true
		for _, e := range f.Extensions {
			if !strings.HasPrefix(e, ".") || e != strings.ToLower(e) {
				t.Errorf("%s: ending %q", f.Name, e)
			}
		}
		for _, p := range f.Signatures {
			if p.At < 0 { // from the end of the file, which no sweep looks at
				p.At = 0
			}
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(p.ID, f.Name+".") || ids[p.ID] {
				t.Errorf("signature %q of %q", p.ID, f.Name)
			}
			ids[p.ID] = true
		}
	}
}
