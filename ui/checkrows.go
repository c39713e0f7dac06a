package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"salvor/firmware"
	"salvor/host"
)

// shown is an answer in a language.
type shown struct {
	*answer
	Light     light
	Verdict   string   // name of the sentence over all
	Next      []string // names of what to do
	Questions []shownQuestion
	Loud      []string
	Facts     []shownFact
}

// shownQuestion is one of the three questions: what speaks against it apart from what fits.
type shownQuestion struct {
	Name, Answer, Colour string
	Lead                 string // the weightiest reason
	Against, For         []shownRow
	MoreBad, MoreOK      int
}

// shownRow is a row of the table.
type shownRow struct {
	State, Sentence, Expected, Found string // State is the name of a word
	Part, Method, Format, Region     string // hostile text, in English where it is any language
	Note, Signer                     string
	Offset, Size                     int64
	Placed                           bool
}

// shownFact is something known of the device.
type shownFact struct{ Kind, Value, From string }

// colours of the answers.
var colours = map[firmware.Answer]string{firmware.OK: "green", firmware.No: "red", firmware.CannotTell: "yellow"}

func shownAnswer(lang catalogue, a *answer) *shown {
	out := &shown{answer: a}
	worst := firmware.OK
	for _, q := range a.Questions {
		worst = max(worst, q.Answer)
		out.Questions = append(out.Questions, shownOf(lang, q))
	}
	for _, q := range a.Questions {
		// What speaks against a file comes before what could still be told of it.
		if q.Answer == worst && worst != firmware.OK {
			out.Next = append(out.Next, nextOf(q, a))
		}
	}
	out.Light.Colour = colours[worst]
	out.Verdict = "checked.all." + worst.String()
	if worst != firmware.No && (a.Format == "" || slices.ContainsFunc(a.Questions[0].Rows, func(r firmware.Row) bool { return r.Code == "whole.unknown" })) {
		out.Verdict, out.Next = "checked.all.unknown", []string{"next.unknown"}
	}
	if worst == firmware.OK {
		out.Next = []string{"next.ok"}
	}
	if len(a.Way) > 1 {
		out.Next = append(out.Next, "next.way")
	}
	for _, r := range a.Loud {
		out.Loud = append(out.Loud, rowWords(lang, &r))
	}
	for _, f := range a.Facts {
		out.Facts = append(out.Facts, shownFact{lang.say("claim." + string(f.Kind)), f.Value, fromWords(lang, f.From)})
	}
	for _, x := range a.Spaces {
		out.Facts = append(out.Facts, shownFact{lang.say("claim.space"), x.Name + ", " + host.Bytes(x.Size), fromWords(lang, x.From)})
	}
	return out
}

// nextOf is the name of what to do about an answer that is not yes.
func nextOf(q question, a *answer) string {
	name := "next." + q.Name + "." + yesNo(q.Answer == firmware.CannotTell)
	switch {
	case q.Answer == firmware.No:
	case q.Name == "genuine" && len(q.Rows) > 0 && q.Rows[0].Code == "genuine.none":
		return "next.genuine.none"
	case q.Name == "fits" && !a.ForAsked:
		return "next.fits.device"
	}
	return name
}

func shownOf(lang catalogue, q question) shownQuestion {
	out := shownQuestion{Name: q.Name, Answer: q.Answer.String(), Colour: colours[q.Answer], MoreBad: q.MoreBad, MoreOK: q.MoreOK}
	for i, r := range q.Rows {
		row := shownRowOf(lang, &r)
		if i == 0 {
			out.Lead = row.Sentence
		}
		if r.Answer == firmware.OK {
			out.For = append(out.For, row)
		} else {
			out.Against = append(out.Against, row)
		}
	}
	if q.Answer == firmware.OK {
		out.Lead = lang.say("checked.lead." + q.Name)
	}
	return out
}

func shownRowOf(lang catalogue, r *firmware.Row) shownRow {
	out := shownRow{State: "row." + r.Answer.String(), Sentence: rowWords(lang, r), Expected: r.Expected, Found: r.Found, Part: r.Part, Method: r.Method,
		Format: r.Format, Region: r.Region, Note: r.Note, Offset: r.Offset, Size: r.Size, Placed: r.Offset >= 0 && r.Size > 0}
	if r.Aside {
		out.State = "row.aside"
	}
	if strings.HasPrefix(r.Code, "genuine.") {
		out.Signer, out.Expected, out.Found = r.Expected, lang.say("row.signature"), lang.say("row.found."+r.Code)
		if r.Code == "genuine.passed" {
			out.Found = r.Found
		}
		if r.Code == "genuine.uncovered" || r.Code == "genuine.nokey" || r.Code == "genuine.none" {
			out.Signer = ""
		}
	}
	if out.Found == "not known" {
		out.Found = lang.say("row.unknown")
	}
	return out
}

// sized are the rows whose arguments from the second on, but for names, are numbers of bytes.
var sized = map[string][]int{"whole.uncovered": {0, 1}, "room.passed": {1, 3}, "room.failed": {1, 3}, "room.unknown": {1}, "during.passed": {1, 2}, "during.failed": {1, 2}, "during.unknown": {1}}

// rowWords say a row in a sentence. What stands in the package or the device cannot move the words around it.
func rowWords(lang catalogue, r *firmware.Row) string {
	args := make([]any, len(r.Args))
	for i, a := range r.Args {
		args[i] = isolated(a)
	}
	for _, i := range sized[r.Code] {
		if n, err := strconv.ParseInt(r.Args[i], 10, 64); err == nil {
			args[i] = host.Bytes(n)
		}
	}
	switch {
	case r.Code == "whole.cut":
		for i, a := range r.Args {
			args[i] = isolated(strings.TrimSuffix(a, " bytes"))
		}
	case strings.HasPrefix(r.Code, "fits.") && len(args) > 0:
		args[0] = lang.say("claim." + r.Args[0])
		if len(args) == 4 {
			args[3] = fromWords(lang, r.Args[3])
		}
	}
	return lang.say("row."+r.Code, args...)
}

// fromWords say where something is known from.
func fromWords(lang catalogue, from string) string {
	if name := "from." + from; lang.has(name) {
		return lang.say(name)
	}
	return isolated(from)
}

// At is the place where the bytes of a row begin, as technicians write it.
func (r shownRow) At() string { return fmt.Sprintf("0x%X", r.Offset) }

// listed is a list of a page, for the template that shows one.
type listed struct {
	V             *view
	Purpose, Name string
	List          any
}

// Named are the files that were chosen for a purpose.
func (v *view) Named(purpose string, list []named) listed {
	return listed{V: v, Purpose: purpose, List: list}
}

// Rows are the rows of a question.
func (v *view) Rows(name string, list []shownRow) listed {
	return listed{V: v, Name: name, List: list}
}

// Parts are those of a package.
func (v *view) Parts(list []*partNode) listed { return listed{V: v, List: list} }
