package diagnosis

import (
	"slices"

	"salvor/diagnosis/match"
)

// context reports whether a pattern tells what a line is, whatever else stands on it: that a program speaks which has no
// part in updates, or that it is usual.
func (e *Engine) context(p int32) bool {
	t := &e.targets[p]
	return t.speaks >= 0 && e.base.Ecosystems[t.speaks].Bystander || t.rule != nil && t.rule.Role == RoleNormal
}

// overlooked returns who speaks on a line on which a rule weighs, and which rules call it usual, where those patterns
// were not asked for: a service that writes a thousand lines is known on each on which it matters.
func (w *worker) overlooked(line []byte, tried []int32, list []found, stands func(int32) (found, bool)) []found {
	if w.all || !w.unasked || !slices.ContainsFunc(list, func(f found) bool { return f.rule != nil && fails(f.rule) }) {
		return nil
	}
	if w.again == nil {
		w.again = w.engine.set.NewScanner()
	}
	var more []found
	w.spent += int64(len(line))
	w.again.Scan(line, 0, len(line), func(l *match.Line) bool {
		for _, p := range l.Patterns {
			if !w.engine.context(p) || slices.Contains(tried, p) {
				continue
			}
			if f, ok := stands(p); ok {
				more = append(more, f)
			}
		}
		return true
	})
	return more
}
