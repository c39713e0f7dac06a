package firmware

import "testing"

func TestPath(t *testing.T) {
	available := []Step{{Name: "a", Version: "1.5", Least: []string{"1.0"}}, {Name: "b", Version: "2.0", Least: []string{"1.5"}}, {Name: "c", Version: "1.2"}, {Name: "d", Version: "2.5", Exact: []string{"2.0"}},
		{Name: "e", Version: "1.7", Exact: []string{"1.2"}}, {Name: "far", Version: "9"}, {Name: "nothing"}}
	for _, tt := range []struct {
		from string
		to   Step
		want string
		ok   bool
	}{
		{"1.0", Step{Name: "t", Version: "3.0", Least: []string{"2.0"}}, "abt", true},
		{"0.9", Step{Name: "t", Version: "3.0", Least: []string{"2.0"}}, "cabt", true},
		{"1.9", Step{Name: "t", Version: "3.0", Least: []string{"2.5"}}, "bdt", true},
		{"2.1", Step{Name: "t", Version: "3.0", Least: []string{"2.0"}}, "t", true},
		{"2.1", Step{Name: "t", Version: "3.0", Exact: []string{"2.5"}}, "", false},
		{"1.0", Step{Name: "t", Version: "1.6", Least: []string{"1.6"}}, "", false},
	} {
		steps, ok := Path(tt.from, tt.to, available)
		got := ""
		for _, s := range steps {
			got += s.Name
		}
		// From 0.9 either way over c is as short: c, a, b.
		if got != tt.want || ok != tt.ok {
			t.Errorf("from %s: %q %v, expected %q", tt.from, got, ok, tt.want)
		}
	}
}

func TestStepOf(t *testing.T) {
	p := &Part{Name: "u", Children: []*Part{{Version: "2", Claims: []Claim{{LeastVersion, []string{"1"}}, {ExactSource, []string{"1.1"}}}}}}
	if s := StepOf(p); s.Name != "u" || s.Version != "2" || len(s.Least) != 1 || len(s.Exact) != 1 {
		t.Errorf("%+v", s)
	}
}
