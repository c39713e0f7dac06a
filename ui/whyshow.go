package ui

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/internal/wire"
)

// shownWhy is an answer as a page shows it. What is locked is not in it at all.
type shownWhy struct {
	Q           string // of the question; "" where the case kept the answer
	Cause       string
	First       shownCause
	Others      []shownCause
	Question    said
	Collect     []said
	Passing     said
	Prevention  said
	Steps       []shownStep
	LeftOut     []shownLeft
	Summaries   []shownReason
	Ended       []shownReason
	Read        []shownRead
	Problems    []string
	Notes       []string
	Case, Name  string // of the case that it was asked with
	Cases       []knownCase
	Locked      bool   // a step is
	Proof       said   // why the case shows the files safe; where it does, and someone confirmed it
	Missing     said   // what the case lacks for that
	Damaged     []said // volumes of it: what is lost in them cannot be counted
	None, Tells bool   // nothing failed; a cause is told
}

// shownCause is one cause.
type shownCause struct {
	Words     said
	Grade     string // names a word
	Right, Of int
	Passing   bool
	For       []shownReason
	Against   []shownReason
}

// shownReason is one piece of evidence.
type shownReason struct {
	Words        said
	Why          said
	Quote        string
	File         string
	Line         int64
	Offset, Size int64
	Unpacked     bool
	Time         string
	Times        int
	Strength     int
	Rule, Source string
}

// shownStep is a step of the plan. One that is locked has a title only.
type shownStep struct {
	Number     int
	Locked     bool
	Risk       string // names a word
	Title      said
	Reason     said
	Command    string
	Conditions []said
	Takes      said
	Success    said
	Otherwise  said
	Undo       said
	Here       string // the page that does it; "" for none
}

type shownLeft struct{ Title, Why said }

type shownRead struct {
	Name, Kind string
	Size       int64
}

// explain makes an answer into what a page in that language shows.
func (s *Server) explain(lang string, q *asking, found *foundWhy) *shownWhy {
	t := &telling{s: s, lang: lang, q: q}
	k, known := s.known.get(q.caseKey)
	if known {
		t.dir = k.Dir + ":"
	}
	l := &found.lines
	d := &l.Diagnosis
	out := &shownWhy{Q: q.id, Cause: d.Cause, Question: t.say(d.Question), Passing: t.say(d.Passing), Prevention: t.say(d.Prevention), Problems: d.Problems, Notes: found.notes,
		Summaries: t.reasons(d.Summaries), Ended: t.reasons(d.Ended), None: d.Cause == string(diagnosis.None), Tells: diagnosis.Cause(d.Cause).Known() && d.Cause != string(diagnosis.None) && d.Cause != string(diagnosis.CannotTell)}
	for i, c := range l.Causes {
		x := shownCause{Words: t.sentence(c.Words), Grade: "why.grade." + strings.ReplaceAll(c.Grade, " ", "-"), Right: c.Measured.Right, Of: c.Measured.Of, Passing: c.Passing,
			For: t.reasons(c.Evidence), Against: t.reasons(c.Against)}
		switch {
		case i == 0:
			out.First = x
		default:
			out.Others = append(out.Others, x)
		}
	}
	for _, c := range d.Collect {
		out.Collect = append(out.Collect, t.say(c))
	}
	for _, r := range d.Read {
		out.Read = append(out.Read, shownRead{t.file(r.Name), "why.read." + r.Kind, r.Size})
	}
	for _, x := range d.LeftOut {
		out.LeftOut = append(out.LeftOut, shownLeft{t.say(x.Title), t.say(x.Why)})
	}
	proved, ok := s.proofOf(q.caseKey)
	ok = ok && found.filesSafe
	for _, x := range l.Steps {
		step := t.step(x, ok)
		out.Locked = out.Locked || step.Locked
		out.Steps = append(out.Steps, step)
	}
	if known {
		out.Case, out.Name = k.Key(), k.Name()
	} else if out.Locked {
		out.Cases = s.known.all()
	}
	for _, f := range d.Facts {
		if known && f.Name == "volume.state" && len(out.Damaged) < maxDamaged {
			out.Damaged = append(out.Damaged, t.say(f.Words))
		}
	}
	switch {
	case ok:
		out.Proof = t.say(proved.words)
	case known && !found.filesSafe:
		out.Missing = t.say(found.safety)
	}
	return out
}

// maxDamaged bounds the volumes that a page names.
const maxDamaged = 10

// telling puts the parts of one answer into the language of a page.
type telling struct {
	s    *Server
	lang string
	q    *asking
	dir  string // begins the names of what stands in the case
}

func (t *telling) say(english string) said { return t.s.told(t.lang, english) }

// sentence is a text that begins one.
func (t *telling) sentence(english string) said {
	x := t.say(english)
	if r, n := utf8.DecodeRuneInString(x.Text); n > 0 {
		x.Text = string(unicode.ToUpper(r)) + x.Text[n:]
	}
	return x
}

// file is what an input is called: its name alone, or its path in the case.
func (t *telling) file(name string) string {
	if in, ok := strings.CutPrefix(name, t.dir); ok && t.dir != "" {
		return in
	}
	for _, path := range t.q.files {
		if in, ok := strings.CutPrefix(name, wire.Text(path)); ok {
			return filepath.Base(path) + in
		}
	}
	return t.s.uploads.hide(name)
}

func (t *telling) reasons(list []wire.Evidence) (out []shownReason) {
	for _, e := range list {
		out = append(out, shownReason{Words: t.say(e.Words), Why: t.say(e.Why), Quote: e.Quote, File: t.file(e.File), Line: e.Line, Offset: e.Offset, Size: e.Size, Unpacked: e.Unpacked, Time: e.Time,
			Times: e.Times, Strength: e.Strength, Rule: e.Rule, Source: e.Source})
	}
	return out
}

// step shows a step; of one that cannot be taken back only what it is called, as long as nothing proves the files safe.
func (t *telling) step(x wire.Step, safe bool) shownStep {
	out := shownStep{Number: x.Number, Risk: "why.risk." + string(x.Risk), Title: t.say(x.Title)}
	if x.Risk != plan.ReadOnly && x.Risk != plan.Reversible && !safe {
		out.Locked = true
		return out
	}
	out.Reason, out.Command, out.Takes, out.Success, out.Otherwise = t.say(x.Reason), x.Command, t.say(x.Takes), t.say(x.Success), t.say(x.Otherwise)
	for _, c := range x.Conditions {
		out.Conditions = append(out.Conditions, t.say(c))
	}
	if x.Risk != plan.ReadOnly {
		out.Undo = t.say(x.Undo)
	}
	switch {
	case x.Stage == "files" && t.dir != "":
		out.Here = "/case/" + t.q.caseKey
	case x.Stage == "files" || x.Stage == "unique" && t.dir == "":
		out.Here = "/"
	case x.Stage == "package":
		out.Here = "/firmware"
	}
	return out
}
