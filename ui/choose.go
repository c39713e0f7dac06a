package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"salvor/host"
	"salvor/recovery"
)

// choose adds files to what this browser has chosen of a case, or takes them out: those that are ticked on a page, or all
// that its filter shows.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	q := choiceOf(r.PostForm)
	q.IDs, q.Sort, q.Down = nil, "", false
	change := func(steps []recovery.Step) []recovery.Step { return nil } // clear
	switch r.PostFormValue("do") {
	case "all", "none":
		change = func(steps []recovery.Step) []recovery.Step {
			return pickQuery(steps, q.query(), r.PostFormValue("do") == "none")
		}
	case "keep", "next":
		list, err := s.shown(r, c.Catalog)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		ticked := map[string]bool{}
		for _, id := range r.PostForm["id"] {
			ticked[id] = true
		}
		change = func(steps []recovery.Step) []recovery.Step { return ticks(steps, list, ticked) }
	case "clear":
	default:
		s.refuse(w, r, http.StatusBadRequest, "refused.page")
		return
	}
	if _, err := s.prepare(r.Context(), c.Catalog, true); err != nil {
		s.fail(w, r, err)
		return
	}
	now, err := s.picks.change(r.Context(), s.session(r), k.Key(), c.Catalog, change)
	full := errors.Is(err, errTooMany)
	if err != nil && !full {
		s.fail(w, r, err)
		return
	}
	words := s.words[languageOf(r)]
	if r.Header.Get("Accept") == "application/json" {
		answer := map[string]any{"files": now.count.Files, "save": "/case/" + k.Key() + "/save?chosen=" + strconv.Itoa(now.n),
			"words": words.say("files.chosen", words.say("case.count", now.count.Files, host.Bytes(now.count.Bytes)))}
		if full {
			answer["words"] = words.say("files.toomany", maxPickedIDs)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer) // a browser that went away needs no answer
		return
	}
	to := local(r.PostFormValue("back"))
	if r.PostFormValue("do") == "next" {
		to = local(r.PostFormValue("next"))
	}
	if full {
		to += map[bool]string{true: "&", false: "?"}[strings.Contains(to, "?")] + "toomany=1"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// shown are the files that the form of a page showed. What is not in the case is passed over.
func (s *Server) shown(r *http.Request, cat *recovery.Catalog) (list []*recovery.Entry, err error) {
	ids := r.PostForm["shown"]
	if len(ids) == 0 {
		return nil, nil
	}
	q := recovery.Query{IDs: ids[:min(len(ids), pageRows)]}
	for e, err := range cat.Select(r.Context(), q) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// ticks makes the choice such that of these files those that are ticked are in it, and the others are not.
func ticks(steps []recovery.Step, list []*recovery.Entry, ticked map[string]bool) []recovery.Step {
	chosen, err := recovery.Query{Steps: steps}.Decider()
	if err != nil { // its patterns were made here
		return steps
	}
	var in, out []string
	for _, e := range list {
		switch was := len(steps) > 0 && chosen(e); {
		case ticked[e.ID] && !was:
			in = append(in, e.ID)
		case !ticked[e.ID] && was:
			out = append(out, e.ID)
		}
	}
	if len(out) > 0 {
		steps = pickFiles(steps, out, true)
	}
	if len(in) > 0 {
		steps = pickFiles(steps, in, false)
	}
	return steps
}
