package rescue

import (
	"fmt"

	"salvor/diagnosis"
	"salvor/internal/wire"
)

// Result is the end of asking: a sentence of what happened, and the first step of the plan that is not done yet.
func (w *Why) Result() wire.Result {
	safe := "nothing was written, and nothing was tried"
	if w.Kept {
		safe = fmt.Sprintf("only the answer was written, to %s/why.json and its report", w.Case)
	}
	if w.FilesSafe {
		safe += fmt.Sprintf("; the case holds the files: %s", w.Safety)
	}
	if w.Cause == diagnosis.None {
		return wire.NewResult(ExitDone, w.Cause.Words(), safe, "if the device does not work, give more: the log of the start and of the update, and what is seen with --said")
	}
	next := w.next()
	if w.Grade >= diagnosis.Likely {
		return wire.NewResult(ExitDone, fmt.Sprintf("%s: %s", w.Cause.Words(), w.Grade), safe, next)
	}
	state := "the cause cannot be told from this"
	if w.Grade == diagnosis.Possible {
		state += fmt.Sprintf("; possible is: %s", w.Cause.Words())
	}
	if w.Question != "" {
		next = w.Question
	}
	return wire.NewResult(ExitReserved, state, safe, next)
}

// next is the first step of the plan that is not done yet. What stands in a case is not in use any more.
func (w *Why) next() string {
	for _, s := range w.Plan.Steps {
		saved := s.Stage == "stop" || s.Stage == "unique" || s.Stage == "files" && w.FilesSafe
		if w.Case != "" && saved {
			continue
		}
		next := s.Title
		if s.Command != "" {
			next += ": `" + s.Command + "`"
		}
		return next
	}
	return "collect more: the log of the update and of the start behind it, and what is seen with --said"
}
