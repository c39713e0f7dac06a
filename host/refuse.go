package host

import (
	"fmt"

	"salvor/finding"
)

// Exit codes that a refusal asks for.
const (
	ExitError   = 1
	ExitUsage   = 2
	ExitRefused = 40
)

// RefusedError is a refusal before anything was done.
type RefusedError struct {
	Exit int    // exit code: 40 when it is for safety, else 1 or 2
	Code string // stable, dotted: "host.source.mounted"
	Why  string // one sentence: what stands against it
	Next string // one sentence: what to do about it
	Err  error  // what the system said, where it said anything
}

func (e *RefusedError) Error() string {
	s := e.Why
	if e.Next != "" {
		s += " " + e.Next
	}
	if e.Err != nil {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	return s
}

// Unwrap returns what the system said.
func (e *RefusedError) Unwrap() error { return e.Err }

// ExitCode returns the exit code that the refusal asks for.
func (e *RefusedError) ExitCode() int { return e.Exit }

// Finding returns the refusal as data, with its code and its words.
func (e *RefusedError) Finding() finding.Finding {
	text := e.Why
	if e.Next != "" {
		text += " " + e.Next
	}
	return finding.Finding{Code: e.Code, Severity: finding.Error, Offset: -1, Text: text}
}

// usage is a refusal of something that cannot be meant.
func usage(code, why, next string) *RefusedError {
	return &RefusedError{Exit: ExitUsage, Code: code, Why: why, Next: next}
}

var changed = &finding.Def{Code: "host.source.changed", Severity: finding.Error,
	Text: "The source changed while it was read: {expected} became {found}. What was read before and after may not fit together."}

// Findings are the findings that this package raises.
var Findings = []*finding.Def{changed, healthWorn, healthFailing, healthPending, healthReallocated, healthLink, healthHot, healthLocked, healthSilent, partMissing, partShort, partAlone, onBattery, upsLow, hubPower}
