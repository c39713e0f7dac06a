package wire

import (
	"salvor/diagnosis"
	"salvor/diagnosis/mask"
	"salvor/diagnosis/plan"
	"salvor/diagnosis/suit"
)

// Answering is all that came out of asking why an update failed.
type Answering struct {
	Causes    []Cause   `json:"causes"`
	Steps     []Step    `json:"steps"`
	Diagnosis Diagnosis `json:"diagnosis"`
}

// Cause is a line of type "cause": what made the update fail, or may have. The first is the answer; that of what cannot be
// told is "cannot-tell", that of what did not fail "none".
type Cause struct {
	V     int     `json:"v"`
	Type  string  `json:"type"`
	Cause string  `json:"cause"` // stable: "power.lost"
	Class string  `json:"class"` // "power"
	Grade string  `json:"grade"` // very likely, likely, possible, cannot tell
	Score float64 `json:"score"` // 0 to 1, for orders only
	Words string  `json:"words"`
	// Measured is what the grade was worth on cases that no rule was written from.
	Measured diagnosis.Hits `json:"measured"`
	Passing  bool           `json:"passing,omitempty"`
	Evidence []Evidence     `json:"evidence"`
	Against  []Evidence     `json:"against,omitempty"`
}

// Evidence is one reason for or against a cause, with its place.
type Evidence struct {
	Rule      string            `json:"rule"`
	Ecosystem string            `json:"ecosystem"`
	Role      string            `json:"role"`
	Words     string            `json:"words"`
	Quote     string            `json:"quote"`
	File      string            `json:"file"`
	Line      int64             `json:"line,omitempty"` // from 1
	Offset    int64             `json:"offset"`
	Size      int64             `json:"size,omitempty"`
	Unpacked  bool              `json:"unpacked,omitempty"` // offset counts unpacked bytes
	Time      string            `json:"time,omitempty"`     // as the line tells it
	Groups    map[string]string `json:"groups,omitempty"`
	Times     int               `json:"times"`
	Strength  int               `json:"strength"`
	Boot      int               `json:"boot"` // -1 for facts
	Source    string            `json:"source"`
	Why       string            `json:"why,omitempty"`
}

// Step is a line of type "step": one step of the plan.
type Step struct {
	V      int    `json:"v"`
	Type   string `json:"type"`
	Number int    `json:"number"` // from 1
	plan.Step
}

// Diagnosis is a line of type "diagnosis": what stands around causes and steps.
type Diagnosis struct {
	V          int            `json:"v"`
	Type       string         `json:"type"`
	Cause      string         `json:"cause"`
	Grade      string         `json:"grade"`
	Question   string         `json:"question,omitempty"` // the one that would decide
	Collect    []string       `json:"collect,omitempty"`
	NeverRetry bool           `json:"never_retry,omitempty"`
	FilesSafe  bool           `json:"files_safe,omitempty"` // the case holds all files, each as it was saved
	Safety     string         `json:"safety,omitempty"`     // why it does, or does not
	Passing    string         `json:"passing,omitempty"`
	Prevention string         `json:"prevention,omitempty"`
	LeftOut    []plan.LeftOut `json:"left_out"`
	Read       []WhyRead      `json:"read"`
	Facts      []WhyFact      `json:"facts,omitempty"`
	Speakers   []WhySpeaker   `json:"speakers,omitempty"`
	Stories    []WhyStory     `json:"stories,omitempty"`
	Summaries  []Evidence     `json:"summaries,omitempty"` // say that something failed, and not why
	Ended      []Evidence     `json:"ended,omitempty"`     // failures that a later success ended
	Problems   []string       `json:"problems,omitempty"`
}

// WhyRead is something that was read.
type WhyRead struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // log, journal, package, image, case, words, unknown
	Size int64  `json:"size"` // bytes; 0 where it is not known before
}

// WhyFact is a fact beside logs.
type WhyFact struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Words  string `json:"words"`
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size,omitempty"`
}

// WhySpeaker is a program that speaks in the logs.
type WhySpeaker struct {
	Ecosystem string `json:"ecosystem"`
	Title     string `json:"title"`
}

// WhyStory is what one input tells, by starts of the device.
type WhyStory struct {
	File  string    `json:"file"`
	Boots []WhyBoot `json:"boots"`
}

// WhyBoot is one start of the device.
type WhyBoot struct {
	Line    int64 `json:"line,omitempty"`
	Offset  int64 `json:"offset"`
	Begun   bool  `json:"begun"`
	Writing bool  `json:"writing"`
	Failed  bool  `json:"failed"`
	Success bool  `json:"success"`
}

// maxAnswerFacts bounds the facts that a line lists.
const maxAnswerFacts = 1000

// NewAnswering returns the lines of an answer.
func NewAnswering(a *diagnosis.Answer, p *plan.Plan, facts []diagnosis.Fact, read []WhyRead) Answering {
	out := Answering{Steps: []Step{}, Diagnosis: Diagnosis{V: Version, Type: "diagnosis", Cause: string(a.Cause), Grade: a.Grade.String(), Question: Text(a.Question), Collect: a.Collect,
		NeverRetry: a.NeverRetry, Passing: p.Passing, Prevention: p.Prevention, LeftOut: []plan.LeftOut{}, Read: append([]WhyRead{}, read...), Problems: texts(a.Problems)}}
	if len(a.Conclusions) == 0 || a.Conclusions[0].Cause != a.Cause {
		out.Causes = append(out.Causes, Cause{V: Version, Type: "cause", Cause: string(a.Cause), Class: string(a.Cause.Class()), Grade: a.Grade.String(), Words: a.Cause.Words(), Evidence: evidence(a.Summaries)})
	}
	for _, c := range a.Conclusions {
		out.Causes = append(out.Causes, Cause{V: Version, Type: "cause", Cause: string(c.Cause), Class: string(c.Class), Grade: c.Grade.String(), Score: c.Score, Words: c.Words,
			Measured: c.Measured, Passing: c.Passing, Evidence: evidence(c.For), Against: evidence(c.Against)})
	}
	for i, s := range p.Steps {
		s.Command = Text(s.Command)
		out.Steps = append(out.Steps, Step{V: Version, Type: "step", Number: i + 1, Step: s})
	}
	d := &out.Diagnosis
	d.LeftOut = append(d.LeftOut, p.LeftOut...)
	for _, f := range facts[:min(len(facts), maxAnswerFacts)] {
		d.Facts = append(d.Facts, WhyFact{Name: f.Name, Value: Text(f.Value), Words: Text(f.Words), File: Text(f.Place.Input), Offset: f.Place.Offset, Size: f.Place.Length})
	}
	for _, s := range a.Speakers {
		d.Speakers = append(d.Speakers, WhySpeaker{s.Ecosystem, s.Title})
	}
	for _, s := range a.Stories {
		story := WhyStory{File: Text(s.Input), Boots: []WhyBoot{}}
		for _, b := range s.Boots {
			story.Boots = append(story.Boots, WhyBoot{b.Start.Line, b.Start.Offset, b.Begun, b.Writing, b.Failed, b.Success})
		}
		d.Stories = append(d.Stories, story)
	}
	d.Summaries, d.Ended = evidence(a.Summaries), evidence(a.Ended)
	return out
}

func evidence(list []diagnosis.Evidence) []Evidence {
	out := []Evidence{}
	for _, e := range list {
		var groups map[string]string
		for k, v := range e.Groups {
			if groups == nil {
				groups = map[string]string{}
			}
			groups[k] = Text(v)
		}
		out = append(out, Evidence{Rule: e.Rule, Ecosystem: e.Ecosystem, Role: string(e.Role), Words: Text(e.Words), Quote: Text(e.Quote), File: Text(e.Place.Input), Line: e.Place.Line,
			Offset: e.Place.Offset, Size: e.Place.Length, Unpacked: e.Place.Unpacked, Time: Text(e.Place.When), Groups: groups, Times: e.Times, Strength: e.Strength, Boot: e.Boot, Source: e.Source, Why: e.Why})
	}
	return out
}

// Suit is a line of type "suit": what was found in the vocabulary of SUIT reports.
type Suit struct {
	V      int          `json:"v"`
	Type   string       `json:"type"`
	Report *suit.Report `json:"report"`
	CBOR   string       `json:"cbor"` // the SUIT_Report in hex
}

// Bundle is a line of type "bundle": a support bundle that was written. In the bundle itself, as bundle.json, it has no
// path, size and hash of its own.
type Bundle struct {
	V              int          `json:"v"`
	Type           string       `json:"type"`
	Path           string       `json:"path,omitempty"`
	Size           int64        `json:"size,omitempty"`
	SHA256         string       `json:"sha256,omitempty"`
	Program        string       `json:"program"`
	Go             string       `json:"go"`
	CaseProgram    string       `json:"case_program"`
	Journal        string       `json:"journal_sha256,omitempty"` // of its last line
	JournalActs    int64        `json:"journal_acts,omitempty"`
	JournalProblem string       `json:"journal_problem,omitempty"`
	Files          []BundleFile `json:"files"`
	Masked         []mask.Row   `json:"masked"`
	Kept           []mask.Kind  `json:"kept"`
}

// BundleFile is a file in a bundle.
type BundleFile struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Original string `json:"original_sha256,omitempty"` // of what it was taken from, before masking
	Cut      bool   `json:"cut,omitempty"`             // there is more of it in the case
}
