package wire

import (
	"salvor/finding"
)

// Finding is a line of type "finding": a fact that belongs to no single file.
type Finding struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	finding.Finding
	Source int    `json:"source,omitempty"` // number of the source that offset counts on
	Layer  string `json:"layer,omitempty"`  // ID of the layer that it is about
	File   string `json:"file,omitempty"`   // ID of the file that it is about
}

// FromFinding returns the line of f.
func FromFinding(f finding.Finding) Finding {
	return Finding{V: Version, Type: "finding", Finding: cleanFinding(f)}
}

// Progress is a line of type "progress".
type Progress struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	Step string `json:"step"` // copy, search, check, save, ...
	Done int64  `json:"done"`
	// Total is 0 where it is not known yet.
	Total int64   `json:"total"`
	Unit  string  `json:"unit"` // bytes, files, ranges
	Rate  float64 `json:"rate"` // units in a second
	// Left is the time left in seconds; absent where it is not known.
	Left *float64 `json:"left,omitempty"`
	// SafeFiles and SafeBytes are what is already saved in the case.
	SafeFiles int64  `json:"safe_files"`
	SafeBytes int64  `json:"safe_bytes"`
	Words     string `json:"words"` // the same for a person
}

// NewProgress returns a line of progress in step; the caller fills in the rest.
func NewProgress(step string, done, total int64, unit string) Progress {
	return Progress{V: Version, Type: "progress", Step: step, Done: done, Total: total, Unit: unit}
}

// Result is the last line of every verb.
type Result struct {
	V     int    `json:"v"`
	Type  string `json:"type"`
	Exit  int    `json:"exit"`
	State string `json:"state"` // one sentence: in what state things are
	Safe  string `json:"safe"`  // one sentence: what is safe
	Next  string `json:"next"`  // one sentence: which one step is next
	Case  string `json:"case,omitempty"`
	// Code is the stable code of the error or the refusal that ended the verb.
	Code string `json:"code,omitempty"`
	// Checked is what reading again came to, after a saving.
	Checked string `json:"checked,omitempty"`
	// Report is the path of the report that a saving put beside the files.
	Report string `json:"report,omitempty"`
	// Counts is how many files have which verdict.
	Counts map[string]Count `json:"counts,omitempty"`
}

// Count is a number of files and their bytes.
type Count struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// NewResult returns the last line.
func NewResult(exit int, state, safe, next string) Result {
	return Result{V: Version, Type: "result", Exit: exit, State: state, Safe: safe, Next: next}
}

func cleanFinding(f finding.Finding) finding.Finding {
	f.Expected, f.Found, f.Text = Text(f.Expected), Text(f.Found), Text(f.Text)
	for _, v := range f.Args {
		if Text(v) != v {
			args := make(map[string]string, len(f.Args))
			for k, v := range f.Args {
				args[k] = Text(v)
			}
			f.Args = args
			break
		}
	}
	return f
}

func cleanFindings(list []finding.Finding) []finding.Finding {
	if len(list) == 0 {
		return nil
	}
	out := make([]finding.Finding, len(list))
	for i, f := range list {
		out[i] = cleanFinding(f)
	}
	return out
}
