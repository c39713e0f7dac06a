package plan

import (
	"fmt"
	"slices"
	"strings"

	"salvor/diagnosis"
)

// Risk says what a step can cost.
type Risk string

// The risks, from the least to the most.
const (
	ReadOnly     Risk = "read-only"
	Reversible   Risk = "reversible"
	Irreversible Risk = "irreversible"
)

// Stage names one place in the order of a plan.
type Stage string

// Stages returns all stages in their order.
func Stages() []Stage {
	return []Stage{"stop", "unique", "files", "health", "package", "retry", "other", "manual", "reset", "maker"}
}

// Step is one step of a plan.
type Step struct {
	ID         string   `json:"id"`
	Stage      Stage    `json:"stage"`
	Risk       Risk     `json:"risk"`
	Title      string   `json:"title"`
	Reason     string   `json:"reason"`
	Command    string   `json:"command,omitempty"`    // empty where there is none
	Conditions []string `json:"conditions,omitempty"` // all must hold before it is done
	Takes      string   `json:"takes"`                // how long, in words
	Success    string   `json:"success"`
	Otherwise  string   `json:"otherwise"` // what to do when it fails
	Undo       string   `json:"undo"`
}

// LeftOut is a stage that does not fit this device, or not yet.
type LeftOut struct {
	Stage Stage  `json:"stage"`
	Title string `json:"title"`
	Why   string `json:"why"`
}

// Plan is what to do, in order.
type Plan struct {
	Steps   []Step    `json:"steps"`
	LeftOut []LeftOut `json:"left_out,omitempty"`
	// Passing says, in words, that the fault goes away by itself; "" when it does not.
	Passing string `json:"passing,omitempty"`
	// Prevention is for this cause only; "" without one.
	Prevention string `json:"prevention,omitempty"`
}

// Known says of a fact whether it holds.
type Known uint8

// What may be known of a fact.
const (
	Unknown Known = iota
	Yes
	No
)

// Device is what is known of the device beside the answer.
type Device struct {
	Case    string // a case of it; "" for none
	Source  string // the disk or image that it is read from; "" when not known
	Package string // the package that was installed; "" when not at hand
	Model   string // as the person names it
	// FilesSafe says whether the case holds all files, unchanged; Verified says why, in words.
	FilesSafe Known
	Verified  string
	// StorageSound says whether the storage is well, WholeSlot whether a slot with whole firmware remains that an update
	// does not write to, TwoSlots whether there are two at all.
	StorageSound, WholeSlot, TwoSlots Known
	// PackageWhole, PackageGenuine and PackageFits are what a check said: "OK", "NO", "CANNOT TELL"; "" without a check.
	PackageWhole, PackageGenuine, PackageFits string
}

// Make returns the plan for an answer and a device. An answer that says that nothing failed has no plan.
func Make(a *diagnosis.Answer, d Device) (*Plan, error) {
	b, err := load()
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	if a.Cause == diagnosis.None {
		return p, nil
	}
	m := &making{base: b, answer: a, device: d, row: b.rows[a.Cause], names: names(d)}
	for i := range b.stages {
		s := &b.stages[i]
		why, conditions := m.rule(s.Stage)
		if why == "" {
			if step := m.choose(s); step != nil {
				step.Conditions = conditions
				p.Steps = append(p.Steps, *step)
				continue
			}
			why = "Nothing is known that fits this device."
		}
		p.LeftOut = append(p.LeftOut, LeftOut{Stage: s.Stage, Title: s.Title, Why: why})
	}
	if len(a.Conclusions) > 0 && a.Conclusions[0].Cause == a.Cause && a.Conclusions[0].Passing {
		p.Passing = fmt.Sprintf("This passes: %s. Once that is no longer so, the update can go on.", a.Cause.Words())
	}
	if m.row != nil {
		p.Prevention = m.row.Prevent
	}
	return p, nil
}

// making is the work on one plan.
type making struct {
	base   *base
	answer *diagnosis.Answer
	device Device
	row    *row // of the cause; nil when it cannot be told
	names  *strings.Replacer
}

// choose returns the first step of a stage that fits, filled in.
func (m *making) choose(s *stage) *Step {
	for i := range s.Steps {
		if t := &s.Steps[i]; m.fits(t) {
			step := t.step(s.Stage)
			for _, text := range []*string{&step.Command, &step.Otherwise, &step.Undo, &step.Success, &step.Reason} {
				*text = m.names.Replace(*text)
			}
			return &step
		}
	}
	return nil
}

func (m *making) fits(t *template) bool {
	switch {
	case t.Case && m.device.Case == "":
		return false
	case len(t.Causes) > 0 && !slices.Contains(t.Causes, m.answer.Cause):
		return false
	case t.Retry != "" && (m.row == nil || m.row.Retry != t.Retry):
		return false
	}
	return len(t.Ecosystems) == 0 || slices.ContainsFunc(m.answer.Speakers, func(s diagnosis.Speaker) bool { return slices.Contains(t.Ecosystems, s.Ecosystem) })
}

// names returns what puts the names of a device into a text; what is not known stays a word in capitals.
func names(d Device) *strings.Replacer {
	or := func(s, none string) string {
		if s == "" {
			return none
		}
		return quoted(s)
	}
	device := or(d.Model, "DEVICE")
	if d.Case != "" {
		device = quoted(d.Case)
	}
	return strings.NewReplacer("{case}", or(d.Case, "CASE"), "{source}", or(d.Source, "SOURCE"), "{package}", or(d.Package, "PACKAGE"), "{device}", device)
}

// quoted writes an argument as a shell takes it.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:,@%", r)
	}
	if s != "" && !strings.HasPrefix(s, "-") && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
