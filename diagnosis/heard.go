package diagnosis

import "context"

// Heard returns all that rules take in an input, in order and not weighed, for those who look for rules that take too
// much. The error is the context's, or why the input could not be read.
func (e *Engine) Heard(ctx context.Context, in Input) ([]Evidence, error) {
	t := e.readInput(ctx, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list []Evidence
	for n := range t.events {
		i := item{told: t.events[n], tale: t, factor: 1}
		i.words = words(i.rule.Means, i.groups)
		list = append(list, i.evidence(float64(i.rule.strongest())/100))
	}
	return list, nil
}
