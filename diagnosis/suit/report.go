package suit

import (
	"salvor/diagnosis"
)

// Reason is a SUIT_Report_Reasons value of the draft.
type Reason int

// The reasons.
const (
	OK Reason = iota
	CBORParse
	COSEUnsupported
	AlgUnsupported
	Unauthorized
	CommandUnsupported
	ComponentUnsupported
	ComponentUnauthorized
	ParameterUnsupported
	SeveringUnsupported
	ConditionFailed
	OperationFailed
	InvokePending
)

var reasonText = [...]string{"ok", "cbor-parse", "cose-unsupported", "alg-unsupported", "unauthorized", "command-unsupported", "component-unsupported",
	"component-unauthorized", "parameter-unsupported", "severing-unsupported", "condition-failed", "operation-failed", "invoke-pending"}

func (r Reason) String() string { return "suit-report-reason-" + reasonText[r] }

// Section is a section of a manifest by its key.
type Section int

// The sections that an update goes through.
const (
	SharedSequence Section = 4
	Validate       Section = 7
	Load           Section = 8
	Invoke         Section = 9
	PayloadFetch   Section = 16
	CandidateCheck Section = 18
	Install        Section = 20
)

var sectionText = map[Section]string{SharedSequence: "suit-shared-sequence", Validate: "suit-validate", Load: "suit-load", Invoke: "suit-invoke",
	PayloadFetch: "suit-payload-fetch", CandidateCheck: "suit-candidate-verification", Install: "suit-install"}

func (s Section) String() string { return sectionText[s] }

// Report is what was found, in the words of the draft.
type Report struct {
	// Success says that nothing failed: the result is "true".
	Success bool    `json:"success"`
	Code    int     `json:"suit-report-result-code"`
	Reason  string  `json:"suit-report-result-reason,omitempty"`
	Section string  `json:"suit-record-manifest-section,omitempty"`
	Command string  `json:"command,omitempty"` // the condition or directive that failed
	Words   []Cause `json:"salvor"`

	reason  Reason
	section Section
}

// Cause is a cause in this program's own words, for what the vocabulary has none for.
type Cause struct {
	Cause string `json:"cause"`
	Grade string `json:"grade"`
	Words string `json:"words"`
}

// resultCode is the code of every failure: the draft leaves it to whoever processes the update, and the cause says more.
const resultCode = -1

// step is where in the processing of a manifest a cause strikes.
type step struct {
	reason  Reason
	section Section
	command string
}

// steps are by class; particular says what differs.
var steps = map[diagnosis.Class]step{
	"power":         {OperationFailed, Install, "suit-directive-write"},
	"network":       {OperationFailed, PayloadFetch, "suit-directive-fetch"},
	"server":        {OperationFailed, PayloadFetch, "suit-directive-fetch"},
	"package":       {ConditionFailed, PayloadFetch, "suit-condition-image-match"},
	"genuine":       {Unauthorized, SharedSequence, ""},
	"device":        {ConditionFailed, SharedSequence, "suit-condition-class-identifier"},
	"space":         {OperationFailed, Install, "suit-directive-write"},
	"storage":       {OperationFailed, Install, "suit-directive-write"},
	"corruption":    {ConditionFailed, Validate, "suit-condition-image-match"},
	"write":         {ConditionFailed, Validate, "suit-condition-image-match"},
	"boot":          {OperationFailed, Invoke, "suit-directive-invoke"},
	"firmware":      {OperationFailed, Invoke, "suit-directive-invoke"},
	"configuration": {ParameterUnsupported, SharedSequence, ""},
	"policy":        {ConditionFailed, SharedSequence, "suit-condition-update-authorized"},
	"updater":       {OperationFailed, Install, ""},
	"clock":         {ConditionFailed, SharedSequence, "suit-condition-use-before"},
}

var particular = map[diagnosis.Cause]step{
	"genuine.expired":     {ConditionFailed, SharedSequence, "suit-condition-use-before"},
	"genuine.rollback":    {ConditionFailed, SharedSequence, "suit-condition-version"},
	"device.wrong":        {ConditionFailed, SharedSequence, "suit-condition-class-identifier"},
	"device.version-step": {ConditionFailed, SharedSequence, "suit-condition-version"},
	"space.download":      {OperationFailed, PayloadFetch, "suit-directive-fetch"},
	"space.temporary":     {OperationFailed, PayloadFetch, "suit-directive-fetch"},
	"boot.slot":           {ConditionFailed, Invoke, "suit-condition-component-slot"},
	"policy.battery":      {ConditionFailed, SharedSequence, "suit-condition-minimum-battery"},
}

// New returns the report of an answer.
func New(a *diagnosis.Answer) *Report {
	r := &Report{Words: []Cause{{string(a.Cause), a.Grade.String(), a.Cause.Words()}}}
	if a.Cause == diagnosis.None {
		r.Success = true
		return r
	}
	for _, c := range a.Conclusions {
		if c.Cause != a.Cause {
			r.Words = append(r.Words, Cause{string(c.Cause), c.Grade.String(), c.Words})
		}
	}
	s, ok := particular[a.Cause]
	if !ok {
		s, ok = steps[a.Cause.Class()]
	}
	if !ok { // it cannot be told
		s = step{OperationFailed, Install, ""}
	}
	r.Code, r.reason, r.section = resultCode, s.reason, s.section
	r.Reason, r.Section, r.Command = s.reason.String(), s.section.String(), s.command
	return r
}
