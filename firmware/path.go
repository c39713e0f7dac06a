package firmware

import "slices"

// Step is a version that can be installed, with what must be installed before.
type Step struct {
	Name    string // its file, or the line of a list
	Version string
	// Least are versions of which the installed one must reach each; Exact those of which it must be one, where there are
	// any.
	Least, Exact []string
}

// StepOf returns the step that a package is.
func StepOf(p *Part) Step {
	s := Step{Name: p.Name}
	p.Walk(func(x *Part, _ int) bool {
		if s.Version == "" {
			s.Version = x.Version
		}
		for _, c := range x.Claims {
			switch c.Kind {
			case LeastVersion:
				s.Least = append(s.Least, c.Values...)
			case ExactSource:
				s.Exact = append(s.Exact, c.Values...)
			}
		}
		return true
	})
	return s
}

// from reports whether s may be installed over a version.
func (s Step) from(installed string) bool {
	for _, l := range s.Least {
		if CompareVersions(installed, l) < 0 {
			return false
		}
	}
	return len(s.Exact) == 0 || slices.ContainsFunc(s.Exact, func(v string) bool { return CompareVersions(installed, v) == 0 })
}

// Path finds the fewest steps from the installed version to target, upwards only. It returns the steps with target as the
// last, and false when those that are available do not reach it.
func Path(installed string, target Step, available []Step) ([]Step, bool) {
	type reached struct {
		version string
		steps   []Step
	}
	queue := []reached{{version: installed}}
	seen := []string{installed}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		if target.from(r.version) {
			return append(r.steps, target), true
		}
		for _, s := range available {
			if s.Version == "" || CompareVersions(s.Version, r.version) <= 0 || target.Version != "" && CompareVersions(s.Version, target.Version) >= 0 || slices.Contains(seen, s.Version) || !s.from(r.version) {
				continue
			}
			seen = append(seen, s.Version)
			queue = append(queue, reached{s.Version, append(slices.Clone(r.steps), s)})
		}
	}
	return nil, false
}
