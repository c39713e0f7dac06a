package casefile

import (
	"time"

	"salvor/internal/wire"
)

const (
	answerName = "why.json"
	actAnswer  = "why"
	maxAnswer  = 64 << 20 // bytes
)

// Answer is why the update was found to have failed, as the case keeps it.
type Answer struct {
	V       int       `json:"v"`
	Type    string    `json:"type"`
	Program string    `json:"program"`
	Written time.Time `json:"written"`
	wire.Answering
}

// PutAnswer keeps why the update failed in why.json, in the place of what was there, and shows it in the report when there
// is one.
func (c *Case) PutAnswer(what wire.Answering) error {
	if c.mode != Writer {
		return ErrReadOnly
	}
	k := Answer{V: wire.Version, Type: "answering", Program: c.o.Program, Written: c.o.Now().UTC().Truncate(time.Second), Answering: what}
	return c.keep(answerName, actAnswer, "why", map[string]any{"cause": what.Diagnosis.Cause, "grade": what.Diagnosis.Grade}, &k)
}

// Answer returns what was kept; nil when there is none.
func (c *Case) Answer() (*Answer, error) { return kept[Answer](c, answerName, maxAnswer) }
