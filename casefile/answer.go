package casefile

import (
	"encoding/json"
	"fmt"
	"io"
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
	if err := c.Append(actAnswer, map[string]any{"cause": what.Diagnosis.Cause, "grade": what.Diagnosis.Grade}); err != nil {
		return err
	}
	err := writeAtomic(c.root, c.dir, answerName, func(w io.Writer) error {
		line, err := wire.Encode(k)
		if err == nil {
			_, err = w.Write(line)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.showSection("why", &k)
}

// Answer returns what was kept; nil when there is none.
func (c *Case) Answer() (*Answer, error) {
	b, err := c.readBounded(answerName, maxAnswer)
	if err != nil || b == nil {
		return nil, err
	}
	k := &Answer{}
	if err := json.Unmarshal(b, k); err != nil {
		return nil, fmt.Errorf("casefile: %s: %w", answerName, err)
	}
	return k, nil
}
