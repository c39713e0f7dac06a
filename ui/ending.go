package ui

import (
	"net/http"
	"strconv"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// ending is how work ended, for a person: three sentences of the catalogue, and what the program says by itself for
// technicians.
type ending struct {
	State, Safe, Next string
	Said              []string // the program's own sentences
	Code              string
	GoOn              bool // it can go on where it was
}

// noRights are the codes of a source that may not be read.
const noRights = "host.source.permission"

// endingOf says how a job ended. What no sentence of the catalogue fits is told as the program says it.
func endingOf(lang catalogue, now seen, caseName string) ending {
	if now.Result == nil {
		return ending{}
	}
	r := *now.Result
	e := ending{Code: r.Code, Said: sentencesOf(r), GoOn: r.Exit == rescue.ExitStopped || r.Exit == host.ExitError || r.Exit == host.ExitRefused}
	files, bytes := now.Progress.SafeFiles, now.Progress.SafeBytes
	if files == 0 {
		for _, c := range r.Counts {
			files, bytes = files+c.Files, bytes+c.Bytes
		}
	}
	where := caseName
	if now.To != "" {
		where = plain(now.To)
	}
	args := []any{files, host.Bytes(bytes), where}
	names := []string{"end." + now.Kind + "." + strconv.Itoa(r.Exit)}
	if r.Code != "" {
		names = []string{"end." + now.Kind + "." + r.Code, "code." + r.Code, names[0]}
	}
	e.State, e.Next = plain(r.State), plain(r.Next)
	for _, n := range names {
		if lang.has(n) {
			e.State, e.Next = lang.say(n, args...), lang.say(n+".next", args...)
			break
		}
	}
	switch {
	case files > 0:
		e.Safe = lang.say("end.safe.files", args...)
	case now.Kind == "rescue":
		e.Safe = lang.say("end.safe.read")
	default:
		e.Safe = plain(r.Safe)
	}
	return e
}

func sentencesOf(r wire.Result) (list []string) {
	for _, text := range []string{r.State, r.Safe, r.Next} {
		if text != "" {
			list = append(list, plain(text))
		}
	}
	return list
}

// refusal is why something is not done, and the one next step.
type refusal struct {
	Why, Next string
	Said      []string
	Code      string
	Rights    bool
	Paths     []string // tickets of what could not be read
	Back      string   // the page to come back to
}

// refusalOf puts a result that is a refusal, or an error, into words.
func (s *Server) refusalOf(r *http.Request, result wire.Result, paths []string, back string) *refusal {
	lang := s.words[languageOf(r)]
	out := &refusal{Why: plain(result.State), Next: plain(result.Next), Code: result.Code, Rights: result.Code == noRights, Said: sentencesOf(result), Paths: s.sourceTickets(paths), Back: back}
	if name := "code." + result.Code; result.Code != "" && lang.has(name) {
		out.Why, out.Next = lang.say(name), lang.say(name+".next")
	}
	return out
}
