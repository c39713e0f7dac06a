package plan

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"

	"salvor/diagnosis"
)

//go:embed *.yaml
var embedded embed.FS

// What causes.yaml says of another try.
const (
	retrySame  = "same"
	retryOther = "other"
	retryNever = "never"
)

// row is what is known of a cause.
type row struct {
	Cause   diagnosis.Cause
	Wrote   bool
	Retry   string
	Why     string
	First   string
	Reset   bool
	Prevent string
}

// template is a step before it is filled in.
type template struct {
	ID         string
	Causes     []diagnosis.Cause
	Ecosystems []string
	Case       bool
	Retry      string
	Risk       Risk
	Title      string
	Reason     string
	Command    string
	Takes      string
	Success    string
	Otherwise  string
	Undo       string
}

func (t *template) step(s Stage) Step {
	return Step{ID: t.ID, Stage: s, Risk: t.Risk, Title: t.Title, Reason: t.Reason, Command: t.Command, Takes: t.Takes, Success: t.Success, Otherwise: t.Otherwise, Undo: t.Undo}
}

type stage struct {
	Stage Stage
	Title string
	Steps []template
}

// base is all steps and rows.
type base struct {
	stages []stage
	rows   map[diagnosis.Cause]*row
}

// load reads what is embedded, once.
var load = sync.OnceValues(func() (*base, error) {
	steps, err := embedded.ReadFile("steps.yaml")
	if err != nil {
		return nil, err
	}
	causes, err := embedded.ReadFile("causes.yaml")
	if err != nil {
		return nil, err
	}
	return parse(steps, causes)
})

// parse reads steps and causes, and refuses what is not whole.
func parse(steps, causes []byte) (*base, error) {
	var s struct{ Stages []stage }
	if err := strict(steps, &s); err != nil {
		return nil, fmt.Errorf("plan: steps: %w", err)
	}
	var c struct{ Causes []row }
	if err := strict(causes, &c); err != nil {
		return nil, fmt.Errorf("plan: causes: %w", err)
	}
	b := &base{stages: s.Stages, rows: map[diagnosis.Cause]*row{}}
	for i := range c.Causes {
		r := &c.Causes[i]
		switch {
		case !r.Cause.Known() || b.rows[r.Cause] != nil:
			return nil, fmt.Errorf("plan: causes: %q is no cause, or stands twice", r.Cause)
		case r.Prevent == "", r.Retry == retryNever && r.Why == "", r.Retry != retryNever && r.First == "",
			!slices.Contains([]string{retrySame, retryOther, retryNever}, r.Retry):
			return nil, fmt.Errorf("plan: causes: the row of %s is not whole", r.Cause)
		}
		b.rows[r.Cause] = r
	}
	return b, b.check()
}

// check holds the base to what the package promises.
func (b *base) check() error {
	for _, c := range diagnosis.Causes() {
		if b.rows[c] == nil {
			return fmt.Errorf("plan: causes: no row for %s", c)
		}
	}
	var names []Stage
	seen := map[string]bool{}
	for _, s := range b.stages {
		names = append(names, s.Stage)
		for i := range s.Steps {
			t := &s.Steps[i]
			for _, text := range []string{t.ID, string(t.Risk), t.Title, t.Reason, t.Takes, t.Success, t.Otherwise, t.Undo} {
				if text == "" {
					return fmt.Errorf("plan: steps: %s of %s is not whole", t.ID, s.Stage)
				}
			}
			if seen[t.ID] || !slices.Contains([]Risk{ReadOnly, Reversible, Irreversible}, t.Risk) {
				return fmt.Errorf("plan: steps: %s stands twice, or its risk is not known", t.ID)
			}
			seen[t.ID] = true
		}
	}
	if !slices.Equal(names, Stages()) {
		return fmt.Errorf("plan: steps: the stages are %v, expected %v", names, Stages())
	}
	return nil
}

func strict(data []byte, to any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(to); err != nil {
		return err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}
