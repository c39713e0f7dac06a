package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"salvor/casefile"
	"salvor/host"
)

// actLine is a line of the journal for a person.
type actLine struct {
	N       int64
	Time    string
	Who     string // the program and the process that did it
	Words   string
	Details string // what the journal holds of it, for technicians
}

// maxActs bounds what one page shows of the journal.
const maxActs = 1000

// journal shows who did what in a case, and when, and whether the record is unbroken.
func (s *Server) journal(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || page < 1 || page > 1<<20 {
		page = 1
	}
	words := s.words[languageOf(r)]
	var shown []actLine
	who, n := "", 0
	err = c.EachAct(func(a casefile.Act) bool {
		if a.Act == "case.create" || a.Act == "case.open" {
			f := fieldsOf(a)
			who = words.say("journal.who", f.text("program"), f.text("pid"), f.text("host"))
		}
		if n/maxActs == page-1 {
			shown = append(shown, actLine{a.N, when(a.Time), who, actWords(words, a, fieldsOf(a)), compact(a)})
		}
		n++
		return true
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	pages := max((n+maxActs-1)/maxActs, 1)
	state, broken := c.VerifyJournal()
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Acts": shown, "State": state, "Broken": broken, "Page": page, "Pages": pages, "Before": page - 1, "After": page + 1}
	var bad *casefile.JournalError
	if errors.As(broken, &bad) {
		data["BrokenAt"] = bad.Line
	}
	s.show(w, r, http.StatusOK, "journal", view{Here: "cases"}, data)
}

// maxDetails bounds what a page shows of one act as it stands, in bytes: a thousand of them stand on a page.
const maxDetails = 4 << 10

func compact(a casefile.Act) string {
	text := a.Act
	if len(a.Fields) > 0 && json.Valid(a.Fields) {
		text += " " + string(a.Fields)
	}
	if len(text) > maxDetails {
		text = strings.ToValidUTF8(text[:maxDetails], "") + "…"
	}
	return text
}

// fields are those of an act: hostile, since whoever can write to the case can write them.
type fields map[string]any

func fieldsOf(a casefile.Act) fields {
	var f fields
	if json.Unmarshal(a.Fields, &f) != nil {
		return nil
	}
	return f
}

// in returns the fields of an object inside of them.
func (f fields) in(name string) fields {
	m, ok := f[name].(map[string]any)
	if !ok {
		return nil
	}
	return m
}

// text returns a field in words, shortened where it is long.
func (f fields) text(name string) string {
	const most = 300
	text := ""
	switch v := f[name].(type) {
	case string:
		text = v
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool, []any:
		text = fmt.Sprint(v)
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return plain(text)
}

func (f fields) number(name string) int64 {
	n, ok := f[name].(float64)
	if !ok || n < 0 || n > 1<<53 {
		return 0
	}
	return int64(n)
}

// actWords says what an act was. One that is not known is shown by its name.
func actWords(words catalogue, a casefile.Act, f fields) string {
	say := func(args ...any) string { return words.say("act."+a.Act, args...) }
	switch a.Act {
	case "case.create", "case.open", "source.lock", "source.unlock", "source.back", "why":
		return say(f.text("device") + f.text("path"))
	case "source.add", "source.update":
		src := f.in("source")
		return say(src.text("path"), host.Bytes(src.number("size")), src.text("model"))
	case "source.taken":
		return say(host.Bytes(f.number("bytes")), host.Bytes(f.number("unreadable")))
	case "source.container", "source.unpacked", "carve.found":
		return say(f.text("formats")+f.text("format"), f.text("files"))
	case "source.gone":
		return say(f.text("why"))
	case "volume.add", "volume.update":
		v := f.in("volume")
		return say(v.text("kind"), v.text("label"))
	case "note.add":
		return say(f.text("name"), host.Bytes(f.number("size")))
	case "compare":
		return say(f.text("package"))
	case "result":
		return say(f.text("state"))
	case "journal.torn":
		return say(f.text("file"))
	case "journal.broken":
		return say(f.text("line"))
	}
	if len(a.Act) > maxDetails {
		return plain(compact(casefile.Act{Act: a.Act}))
	}
	if step, end, ok := strings.Cut(a.Act, "."); ok && words.has("act.step."+step) {
		seconds, _ := f["seconds"].(float64)
		switch end {
		case "begin":
			return words.say("act.begin", words.say("act.step."+step))
		case "end":
			return words.say("act.end", words.say("act.step."+step), (time.Duration(seconds * float64(time.Second))).Round(time.Second/10))
		case "passes":
			return words.say("act.passes")
		}
	}
	return plain(a.Act)
}
