package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"

	"salvor/casefile"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// caseLine is a known case in the list.
type caseLine struct {
	Key, Name, Dir string
	Opened         string
	There          bool
	Running        bool
}

func (s *Server) cases(w http.ResponseWriter, r *http.Request) {
	var list []caseLine
	for _, k := range s.known.all() {
		list = append(list, caseLine{k.Key(), k.Name(), k.Dir, when(k.Opened), isCase(k.Dir), s.busy("rescue", k.Key())})
	}
	s.show(w, r, http.StatusOK, "cases", view{Here: "cases"}, map[string]any{"Cases": list})
}

func isCase(dir string) bool { return host.FileSize(filepath.Join(dir, "case.json")) >= 0 }

// busy reports whether a job of this kind works on the case.
func (s *Server) busy(kind, key string) bool {
	j := s.jobs.of(kind, key)
	if j == nil {
		return false
	}
	now, _ := j.see()
	return now.Running
}

// caseOpen makes a case known that a person chose.
func (s *Server) caseOpen(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.seal.place("case", r.PostFormValue("case"))
	if !ok || !isCase(dir) {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	k := knownCase{Dir: dir}
	if err := s.known.add(k); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/case/"+k.Key(), http.StatusSeeOther)
}

// open opens the case that an address names: one of those known, and no other.
func (s *Server) open(w http.ResponseWriter, r *http.Request) (*rescue.Case, knownCase, bool) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return nil, k, false
	}
	c, err := s.openEarly(r, k)
	if c == nil && err == nil {
		c, err = rescue.OpenCase(k.Dir, s.o.Program)
	}
	if err != nil {
		s.fail(w, r, err)
		return nil, k, false
	}
	c.Keys = s.secrets.of(k.Sources())
	return c, k, true
}

// drawerCount is how much of what a case has in one of its parts.
type drawerCount struct {
	Tab string
	recovery.Count
}

func (s *Server) caseHome(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	rows, err := c.Catalog.Layers(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := make([]wire.Layer, len(rows))
	for i, row := range rows {
		list[i] = wire.FromRow(row)
	}
	sum, err := c.Catalog.Summary(r.Context(), recovery.Query{})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var counts []drawerCount
	for _, t := range tabs {
		counts = append(counts, drawerCount{t.name, sum.Total(func(g recovery.Group) bool { return slices.Contains(t.drawers, g.Drawer) && !g.Dir })})
	}
	var verdicts []drawerCount
	for _, v := range verdicts6 {
		if n := sum.Total(func(g recovery.Group) bool { return g.Verdict == v && !g.Dir }); n.Files > 0 {
			verdicts = append(verdicts, drawerCount{"verdict." + v.String(), n})
		}
	}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Dir": k.Dir, "Record": c.Record(), "Tree": tree(list), "Light": lightOf(list), "Counts": counts, "Verdicts": verdicts,
		"Running": s.busy("rescue", k.Key()), "CanGoOn": k.Source != "", "Report": host.FileSize(filepath.Join(k.Dir, "report.html")) > 0}
	data["Diagnosis"] = s.diagnosisOfCase(languageOf(r), k)
	if j := s.jobs.of("rescue", k.Key()); j != nil {
		data["Job"] = j.id
	}
	s.show(w, r, http.StatusOK, "case", view{Here: "cases", Title: plain(k.Name())}, data)
}

// actLine is a line of the journal for a person.
type actLine struct {
	N      int64
	Time   string
	Act    string
	Fields string
}

// maxActs bounds what one page shows of the journal.
const maxActs = 1000

func (s *Server) journal(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	acts, err := c.Journal(maxActs)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var list []actLine
	for _, a := range acts {
		list = append(list, actLine{a.N, when(a.Time), a.Act, compact(a)})
	}
	state, broken := c.VerifyJournal()
	s.show(w, r, http.StatusOK, "journal", view{Here: "cases"}, map[string]any{"Key": k.Key(), "Name": k.Name(), "Acts": list, "State": state, "Broken": broken})
}

func compact(a casefile.Act) string {
	if len(a.Fields) == 0 || !json.Valid(a.Fields) {
		return ""
	}
	return string(a.Fields)
}

// verify begins to check a case.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	j := s.jobs.add(&job{kind: "verify", key: k.Key(), work: func(ctx context.Context, e rescue.Events) (r wire.Result, err error) {
		c, err := rescue.OpenCase(k.Dir, s.o.Program)
		if err != nil {
			return r, err
		}
		defer c.Close()
		return c.Verify(ctx, e)
	}})
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}

// resumeCase goes on with the main job of a case that was begun here.
func (s *Server) resumeCase(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok || k.Source == "" {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	if s.rightsFirst(w, r, "/case/"+k.Key(), k.Sources()...) {
		return
	}
	j, err := s.jobs.rescueCase(k)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}
