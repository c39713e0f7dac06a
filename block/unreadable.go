package block

import (
	"errors"
	"fmt"
	"strings"
)

// Why says for what reason a range cannot be read.
type Why uint8

const (
	// Bad is a range for which the medium reported an error.
	Bad Why = iota + 1
	// NotCopied is a range that a copy has not reached yet.
	NotCopied
	// Timeout is a range whose read did not end in time.
	Timeout
	// Gone is a range of a source that disappeared while it was read.
	Gone
	// Absent is a range that no one has: behind the end of a cut image, a missing member or fragment.
	Absent
)

var whyText = [...]string{Bad: "bad", NotCopied: "not copied", Timeout: "timeout", Gone: "gone", Absent: "absent"}

func (w Why) String() string {
	if int(w) < len(whyText) && w > 0 {
		return whyText[w]
	}
	return fmt.Sprintf("Why(%d)", uint8(w))
}

// Unreadable is a range that cannot be read, and why. Err is what the system said, where it said anything.
type Unreadable struct {
	Extent
	Why Why
	Err error
}

// UnreadableError is what a Source returns for bytes that it cannot give. Ranges are in order, do not
// overlap, and are offsets in the Source that returned the error.
type UnreadableError struct {
	Ranges []Unreadable
}

// NewUnreadable returns an UnreadableError of one range.
func NewUnreadable(e Extent, why Why, err error) *UnreadableError {
	return &UnreadableError{Ranges: []Unreadable{{Extent: e, Why: why, Err: err}}}
}

func (e *UnreadableError) Error() string {
	var b strings.Builder
	b.WriteString("block: unreadable")
	for i, r := range e.Ranges {
		if i == 4 {
			fmt.Fprintf(&b, " and %d more ranges", len(e.Ranges)-i)
			break
		}
		fmt.Fprintf(&b, " %v (%v)", r.Extent, r.Why)
		if r.Err != nil {
			fmt.Fprintf(&b, ": %v", r.Err)
		}
	}
	return b.String()
}

// Unwrap returns the errors of the ranges.
func (e *UnreadableError) Unwrap() []error {
	var errs []error
	for _, r := range e.Ranges {
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errs
}

// IsUnreadable reports whether err says that bytes could not be read, and returns that error.
func IsUnreadable(err error) (*UnreadableError, bool) {
	var u *UnreadableError
	ok := errors.As(err, &u)
	return u, ok
}

// shiftError moves the ranges of an UnreadableError by d and cuts them to within; other errors pass.
func shiftError(err error, d int64, within Extent) error {
	u, ok := IsUnreadable(err)
	if !ok {
		return err
	}
	moved := &UnreadableError{}
	for _, r := range u.Ranges {
		if c := r.Extent.Shift(d).Intersect(within); c.Length > 0 {
			moved.Ranges = append(moved.Ranges, Unreadable{Extent: c, Why: r.Why, Err: r.Err})
		}
	}
	return moved
}
