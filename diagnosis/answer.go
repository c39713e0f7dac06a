package diagnosis

import "time"

// Place says where something stands: bytes of an input.
type Place struct {
	Input  string `json:"input"`            // the name of the input
	Line   int64  `json:"line,omitempty"`   // from 1; 0 where there are no lines
	Offset int64  `json:"offset"`           // bytes from the input's start; of the unpacked bytes where Unpacked
	Length int64  `json:"length,omitempty"` // bytes
	// Unpacked says that Offset counts unpacked bytes: the input is packed, by gzip or its like.
	Unpacked bool `json:"unpacked,omitempty"`
	// When is the time of the line as it tells it; "" when it does not.
	When string `json:"time,omitempty"`
	// Time is the same, for orders: in year 0 where the line names none. Zero when there is no time.
	Time time.Time `json:"-"`
	// Since is the time since the start of the kernel, when the line tells that; -1 when not.
	Since time.Duration `json:"-"`
}

// Fact is something known beside the logs: of a package, the storage, the device.
type Fact struct {
	Name  string // dotted: "check.whole", "space.free", a finding's code
	Value string
	Place Place  // where it was found; Input may be empty
	Words string // a sentence for a person; may be empty
}

// Evidence is one reason for or against a cause.
type Evidence struct {
	Rule      string            `json:"rule"`
	Ecosystem string            `json:"ecosystem"`
	Role      Role              `json:"role"`
	Words     string            `json:"words"` // the rule's sentence, its groups filled in
	Quote     string            `json:"quote"` // the cleaned line, or the fact, at most 1,000 bytes
	Place     Place             `json:"place"`
	Groups    map[string]string `json:"groups,omitempty"`
	Times     int               `json:"times"`    // how often the same was seen, at least
	Strength  int               `json:"strength"` // what it says for the cause, 1 to 100, as weighed here
	Boot      int               `json:"boot"`     // the boot of the story that it belongs to, from 0
	Source    string            `json:"source"`
	// Why says why it weighs less than its rule, or nothing: "explained by an earlier failure".
	Why string `json:"why,omitempty"`
}

// Conclusion is one cause with its reasons.
type Conclusion struct {
	Cause   Cause      `json:"cause"`
	Class   Class      `json:"class"`
	Grade   Grade      `json:"grade"`
	Score   float64    `json:"score"` // from 0 to 1, for orders only
	Words   string     `json:"words"`
	For     []Evidence `json:"for"`
	Against []Evidence `json:"against,omitempty"`
	// Measured is what the grade has been worth on cases that no rule was written from.
	Measured Hits `json:"measured"`
	// Passing says that the fault goes away by itself, as an empty battery does.
	Passing bool `json:"passing,omitempty"`
}

// Hits is a measured rate: Right of Of.
type Hits struct {
	Right int `json:"right"`
	Of    int `json:"of"`
}

// Boot is one start of a device, as the inputs tell it.
type Boot struct {
	Start   Place `json:"start"`
	Begun   bool  `json:"begun"`   // an update began in it
	Writing bool  `json:"writing"` // an update wrote in it
	Failed  bool  `json:"failed"`  // a failure stands that no success ended
	Success bool  `json:"success"` // something said that it ended well
}

// Story is what one input tells, by boots.
type Story struct {
	Input string `json:"input"`
	Boots []Boot `json:"boots"`
}

// Speaker is a program that speaks in the inputs.
type Speaker struct {
	Ecosystem string `json:"ecosystem"`
	Title     string `json:"title"`
	Logs      string `json:"logs,omitempty"`
}

// Answer is what was found.
type Answer struct {
	// Cause is that of the first conclusion when it is graded likely or better or stands alone as possible,
	// else [None] or [CannotTell].
	Cause Cause `json:"cause"`
	Grade Grade `json:"grade"`
	// Conclusions are best first; those behind the first are what else it could be.
	Conclusions []Conclusion `json:"conclusions"`
	// Question is the one question or measurement that would decide best; may be empty.
	Question string `json:"question,omitempty"`
	// Collect says what to collect next when the evidence is too thin.
	Collect  []string  `json:"collect,omitempty"`
	Speakers []Speaker `json:"speakers,omitempty"`
	Stories  []Story   `json:"stories,omitempty"`
	// Summaries are lines that say that something failed, and not why.
	Summaries []Evidence `json:"summaries,omitempty"`
	// Ended are failures that a later success ended.
	Ended []Evidence `json:"ended,omitempty"`
	// NeverRetry says that trying again can destroy the device. Every plan obeys it.
	NeverRetry bool `json:"neverRetry,omitempty"`
	// Problems are inputs that could not be read to their end.
	Problems []string `json:"problems,omitempty"`
}
