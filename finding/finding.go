// Package finding holds what is told to a person as data: a code, a place, what was expected and what was
// found. The terminal, the pages, the JSON lines, the report and the diagnosis all read the same findings.
//
// A finding is declared once, as a [Def], beside the rule that raises it; the text is made from its
// arguments when it is shown. Each package that raises findings exports its table as Findings; a test
// checks that codes are unique and that every translation fits.
package finding

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Severity orders findings by what they mean for the files.
type Severity uint8

const (
	// Info is worth knowing and costs nothing.
	Info Severity = iota
	// Warning lowers what can be trusted, with nothing lost yet.
	Warning
	// Error means that something is damaged or missing.
	Error
)

var severityText = [...]string{"info", "warning", "error"}

func (s Severity) String() string {
	if int(s) < len(severityText) {
		return severityText[s]
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText gives the word of the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word of a severity.
func (s *Severity) UnmarshalText(p []byte) error {
	for i, t := range severityText {
		if t == string(p) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("finding: severity %q", p)
}

// Def declares a kind of finding.
type Def struct {
	Code     string // stable, dotted, the room first: "ext.superblock.checksum"
	Severity Severity
	// Text is the English sentence. {name} stands for the argument of that name; {expected} and {found}
	// stand for those fields, {offset} for the place in hexadecimal.
	Text string
}

// Finding is one fact, at one place.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Offset and Size are the place in bytes, on the source that the parser which raised it was given,
	// until whoever nests that source carries them down to the medium. Size 0 is a point; Offset -1 says
	// that there is no place.
	Offset   int64             `json:"offset"`
	Size     int64             `json:"size"`
	Expected string            `json:"expected,omitempty"`
	Found    string            `json:"found,omitempty"`
	Args     map[string]string `json:"args,omitempty"`
	// Text is the English sentence, made when the finding was.
	Text string `json:"text"`
}

// Option fills a field of a new finding.
type Option func(*Finding)

// At says where: size bytes from offset.
func At(offset, size int64) Option { return func(f *Finding) { f.Offset, f.Size = offset, size } }

// Expected says what should stand there and what does. Either may be nil.
func Expected(expected, found any) Option {
	return func(f *Finding) {
		if expected != nil {
			f.Expected = fmt.Sprint(expected)
		}
		if found != nil {
			f.Found = fmt.Sprint(found)
		}
	}
}

// Arg gives the argument name its value.
func Arg(name string, value any) Option {
	return func(f *Finding) {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[name] = fmt.Sprint(value)
	}
}

// New returns a finding of this kind.
func (d *Def) New(options ...Option) Finding {
	f := Finding{Code: d.Code, Severity: d.Severity, Offset: -1}
	for _, o := range options {
		o(&f)
	}
	f.Text = f.Format(d.Text)
	return f
}

// Format fills the placeholders of text, which may be a translation, from the finding. A placeholder
// without a value stays as it is.
func (f *Finding) Format(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	pairs := []string{"{expected}", f.Expected, "{found}", f.Found}
	if f.Offset >= 0 {
		pairs = append(pairs, "{offset}", fmt.Sprintf("0x%x", f.Offset))
	}
	for k, v := range f.Args {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (f Finding) String() string {
	if f.Offset >= 0 {
		return fmt.Sprintf("%s (at 0x%x)", f.Text, f.Offset)
	}
	return f.Text
}

// Worst returns the highest severity in list, Info when it is empty.
func Worst(list []Finding) Severity {
	w := Info
	for _, f := range list {
		w = max(w, f.Severity)
	}
	return w
}

// Encode returns list as JSON; an empty list is "[]".
func Encode(list []Finding) []byte {
	if len(list) == 0 {
		return []byte("[]")
	}
	b, err := json.Marshal(list)
	if err != nil { // no field can fail to encode
		return []byte("[]")
	}
	return b
}

// Decode is the inverse of [Encode].
func Decode(b []byte) ([]Finding, error) {
	var list []Finding
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("finding: %w", err)
	}
	return list, nil
}
