package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"salvor/diagnosis"
	"salvor/diagnosis/knowledge"
	"salvor/diagnosis/plan"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
)

// WhyInput is something that may say why an update failed. With a Reader it is a log of that name; else Name is the path
// of a log, a package, an image or a case.
type WhyInput struct {
	Name   string
	Reader io.Reader
}

// WhyOptions say what is known of a failed update.
type WhyOptions struct {
	Inputs []WhyInput
	Said   string // what a person saw: texts of screens, codes of lights
	Device string // the model, or what else --for of a check takes; "" when not known
	// Knowledge are folders with further rules.
	Knowledge []fs.FS
	// VerifyAll has all of a case read again to see whether its files are safe, however long that takes.
	VerifyAll bool
	Program   string
}

// Why is the answer.
type Why struct {
	*diagnosis.Answer
	Plan  *plan.Plan
	Facts []diagnosis.Fact // beside logs: of packages, storage, device
	Read  []wire.WhyRead   // what was read, and as what
	Case  string           // "" without one
	Kept  bool             // the answer stands in the case
	// FilesSafe says that the case holds all files, each as it was saved; Safety says why, or why not, in words.
	FilesSafe bool
	Safety    string
	Notes     []finding.Finding
}

// saidName is what the words of a person are called as an input.
const saidName = "what was said"

var (
	whyCase = &finding.Def{Code: "rescue.why.case", Severity: finding.Warning,
		Text: "{what} of the case could not be looked at: {found}"}
	whyKept = &finding.Def{Code: "rescue.why.kept", Severity: finding.Warning,
		Text: "the answer could not be kept in the case: {found}"}
	whyBounded = &finding.Def{Code: "rescue.why.bounded", Severity: finding.Info,
		Text: "{count} more logs in the case were not read; `salvor save` gets them, and they can be named one by one"}
)

// FindWhy says why an update failed, by all that is at hand. Nothing is written but, into a case, the answer.
func FindWhy(ctx context.Context, o WhyOptions, events Events) (w *Why, err error) {
	base, err := knowledge.Load(o.Knowledge...)
	if err != nil && len(o.Knowledge) == 0 {
		return nil, err
	}
	if err != nil {
		return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.why.knowledge", Why: fmt.Sprintf("The rules cannot be used: %v", err),
			Next: "Correct what is named, or leave --knowledge out."}
	}
	engine, err := diagnosis.New(base)
	if err != nil {
		return nil, err
	}
	g := &gathering{o: o, events: events, why: &Why{}, device: plan.Device{Model: o.Device}}
	defer func() { err = errors.Join(err, g.close()) }()
	for _, in := range o.Inputs {
		if err := g.add(ctx, in); err != nil {
			return nil, err
		}
	}
	if strings.TrimSpace(o.Said) != "" {
		g.inputs = append(g.inputs, diagnosis.Input{Name: saidName, Reader: strings.NewReader(o.Said + "\n"), Said: true})
		g.read(saidName, "words", int64(len(o.Said)))
	}
	if err := g.storage(ctx); err != nil {
		return nil, err
	}
	if err := g.packages(ctx); err != nil {
		return nil, err
	}
	answer, err := engine.Diagnose(ctx, diagnosis.Case{Inputs: g.inputs, Facts: g.why.Facts})
	if err != nil {
		return nil, err
	}
	for _, place := range g.journals {
		place(answer)
	}
	g.why.Answer = answer
	g.why.FilesSafe, g.why.Safety = g.device.FilesSafe == plan.Yes, g.device.Verified
	if g.why.Plan, err = plan.Make(answer, g.device); err != nil {
		return nil, err
	}
	g.keep()
	return g.why, nil
}

// gathering brings together what an answer is made from.
type gathering struct {
	o        WhyOptions
	events   Events
	why      *Why
	inputs   []diagnosis.Input
	device   plan.Device
	files    []string // packages
	image    string   // a case, or an image of storage; "" for none
	closers  []func() error
	ended    int                       // exit code of the last rescue into the case
	left     int64                     // bytes of the storage that were not to be read
	closed   string                    // a volume whose files have no names; "" for none
	journals []func(*diagnosis.Answer) // carry places back to the files of journals
}

func (g *gathering) close() error {
	var errs []error
	for i := len(g.closers) - 1; i >= 0; i-- {
		errs = append(errs, g.closers[i]())
	}
	return errors.Join(errs...)
}

func (g *gathering) read(name, kind string, size int64) {
	g.why.Read = append(g.why.Read, wire.WhyRead{Name: wire.Text(name), Kind: kind, Size: size})
}

func (g *gathering) note(f finding.Finding) { g.why.Notes = append(g.why.Notes, f) }

// fact adds what is known, once.
func (g *gathering) fact(name, value, words string, place diagnosis.Place) {
	place.Since = -1
	for _, f := range g.why.Facts {
		if f.Name == name && f.Value == value && f.Place.Input == place.Input && f.Place.Offset == place.Offset {
			return
		}
	}
	if len(g.why.Facts) < maxWhyFacts {
		g.why.Facts = append(g.why.Facts, diagnosis.Fact{Name: name, Value: value, Words: words, Place: place})
	}
}

// maxWhyFacts bounds the facts: a damaged volume has findings without end.
const maxWhyFacts = 20_000

// findingFact adds a finding of another room under its code.
func (g *gathering) findingFact(f finding.Finding, input string, base int64) {
	value := f.Found
	if value == "" {
		value = "YES"
	}
	at := f.Offset
	if at < 0 {
		at, base = 0, 0
	}
	g.fact(f.Code, value, f.Text, diagnosis.Place{Input: input, Offset: base + at, Length: f.Size})
}

// keep puts the answer into the case.
func (g *gathering) keep() {
	if g.why.Case == "" {
		return
	}
	if err := keepWhy(g.why, g.o); err != nil {
		g.note(whyKept.New(finding.Expected(nil, err)))
		return
	}
	g.why.Kept = true
}
