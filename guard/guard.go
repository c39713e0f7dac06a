// Package guard keeps one hostile file from ending the run: it turns a panic inside a reader, and a reader
// that does not come to its end in time, into an error.
//
// It promises that [Do] returns soon after its limit as long as the reader's source is the one that Do
// hands it (whose reads fail once the time is over) or the reader asks its context. It cannot end a
// reader that computes without either; readers are written so that none does.
package guard

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"salvor/block"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{panicked, slow}

var (
	panicked = &finding.Def{Code: "guard.panic", Severity: finding.Error,
		Text: "the {reader} reader failed inside ({found}); this file was not judged, please report it"}
	slow = &finding.Def{Code: "guard.timeout", Severity: finding.Warning,
		Text: "the {reader} reader did not end within {expected}; this file was not judged"}
)

// PanicError is a panic that was caught.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// ErrTimeout is the cause of a reader's end when its time was over.
var ErrTimeout = errors.New("time is over")

// Do runs fn with a source whose reads fail when ctx ends or limit is over. It returns fn's error, a
// [*PanicError], or an error wrapping [ErrTimeout] when the time was over.
func Do(ctx context.Context, limit time.Duration, src block.Source, fn func(context.Context, block.Source) error) (err error) {
	inner, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	err = fn(inner, block.WithContext(inner, src))
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(inner), ErrTimeout) {
		return fmt.Errorf("%w after %v: %w", ErrTimeout, limit, err)
	}
	return err
}

// Finding returns the finding for an error of [Do] that is a panic or a time-out of the named reader.
func Finding(reader string, limit time.Duration, err error) (finding.Finding, bool) {
	var p *PanicError
	switch {
	case errors.As(err, &p):
		return panicked.New(finding.Arg("reader", reader), finding.Expected(nil, p.Value)), true
	case errors.Is(err, ErrTimeout):
		return slow.New(finding.Arg("reader", reader), finding.Expected(limit, nil)), true
	}
	return finding.Finding{}, false
}
