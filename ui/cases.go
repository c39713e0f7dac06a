package ui

import (
	"context"
	"math"
	"net/http"
	"path/filepath"

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
	Unplugged      string // the drive that is not there; "" where that is not the reason
	Silent         bool   // the place does not answer
	Running        bool
	State          *rescue.State // nil where it could not be read
	Failed         string
	Other          *casefile.Holder // another program that works in it
}

// maxStates is how many cases of the list are looked into.
const maxStates = 60

// cases lists the known cases, with how far each is.
func (s *Server) cases(w http.ResponseWriter, r *http.Request) {
	all := s.known.all()
	lines := askAll(r.Context(), s.asker, s.asker.folder, len(all), func(i int) caseLine {
		k := all[i]
		l := s.lineOf(k)
		switch l.There = isCase(k.Dir); {
		case !l.There:
			l.Unplugged = k.unplugged(r.Context())
		case i < maxStates:
			l.State, l.Other, l.Failed = s.stateOf(k)
		}
		return l
	})
	var list []caseLine
	for i, k := range all {
		l, answered := lines[i]
		if !answered {
			l = s.lineOf(k)
			l.Silent = true
		}
		list = append(list, l)
	}
	s.show(w, r, http.StatusOK, "cases", view{Here: "cases"}, map[string]any{"Cases": list})
}

// lineOf is what is known of a case without looking into its folder.
func (s *Server) lineOf(k knownCase) caseLine {
	return caseLine{Key: k.Key(), Name: k.Name(), Dir: k.Dir, Opened: when(k.Opened), Running: s.busy("rescue", k.Key())}
}

// stateOf says how far a case is, and who else works in it.
func (s *Server) stateOf(k knownCase) (state *rescue.State, other *casefile.Holder, failed string) {
	state, err := rescue.StateOf(k.Dir, s.o.Program)
	if err != nil {
		return nil, nil, err.Error()
	}
	if !s.busy("rescue", k.Key()) {
		other = state.Writer
	}
	return state, other, ""
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

// caseForget takes a case out of the list. Its folder stays as it is.
func (s *Server) caseForget(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if _, ok := s.known.get(key); !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	for _, kind := range []string{"rescue", "save", "verify"} {
		if s.busy(kind, key) {
			s.refuse(w, r, http.StatusConflict, "refused.busy")
			return
		}
	}
	if err := s.known.forget(key); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/cases", http.StatusSeeOther)
}

// open opens the case that an address names: one of those known, and no other.
func (s *Server) open(w http.ResponseWriter, r *http.Request) (*rescue.Case, knownCase, bool) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return nil, k, false
	}
	if there, answered := askOne(r.Context(), s.asker, s.asker.folder, func() bool { return isCase(k.Dir) }); !there {
		l := s.lineOf(k)
		if l.Silent = !answered; answered {
			l.Unplugged = k.unplugged(r.Context())
		}
		s.show(w, r, http.StatusNotFound, "cases", view{Here: "cases"}, map[string]any{"Cases": []caseLine{l}})
		return nil, k, false
	}
	if s.tooEarly(r, k) {
		s.refuse(w, r, http.StatusConflict, "refused.early")
		return nil, k, false
	}
	c, err := s.openEarly(r, k)
	if c == nil && err == nil {
		c, err = s.openCase(r.Context(), k)
	}
	if err != nil {
		s.fail(w, r, err)
		return nil, k, false
	}
	return c, k, true
}

// openCase opens a known case for reading, which can be done while a job or another program works in it.
func (s *Server) openCase(_ context.Context, k knownCase) (*rescue.Case, error) {
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err == nil {
		c.Keys = s.secrets.of(k.Sources())
	}
	return c, err
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
	counts, verdicts, ready, err := s.countsOf(r.Context(), c)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	state, other, failed := s.stateOf(k)
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Dir": k.Dir, "Record": c.Record(), "Tree": tree(list), "Light": lightOf(list), "Counts": counts, "Verdicts": verdicts,
		"State": state, "Other": other, "Failed": failed, "Opened": when(k.Opened),
		"Running": s.busy("rescue", k.Key()), "CanGoOn": k.Source != "", "Report": host.FileSize(filepath.Join(k.Dir, "report.html")) > 0}
	data["Diagnosis"] = s.diagnosisOfCase(languageOf(r), k)
	data["Unlock"] = s.unlockOfCase(r, k)
	if j := s.jobs.of("rescue", k.Key()); j != nil {
		data["Job"] = j.id
	}
	v := view{Here: "cases", Title: plain(k.Name())}
	if data["Old"] = ready.Old; !ready.Ready {
		v.Refresh, data["Counting"], data["Far"] = 2, true, ready.Far
	}
	s.show(w, r, http.StatusOK, "case", v, data)
}

// countsOf counts what is in the parts of a case, and by how good it is. It counts nothing where that would take long, and
// says so.
func (s *Server) countsOf(ctx context.Context, c *rescue.Case) (parts, verdicts []drawerCount, ready readiness, err error) {
	if ready, err = s.prepare(ctx, c.Catalog, false); err != nil {
		return nil, nil, ready, err
	}
	var all recovery.Listed
	if ready.Ready {
		if all, err = c.Catalog.List(ctx, recovery.Listing{Limit: 1}); err != nil {
			return nil, nil, ready, err
		}
	}
	for _, t := range tabs {
		n := drawerCount{Tab: t.name}
		for _, d := range t.drawers {
			n.Files, n.Bytes = n.Files+all.ByDrawer[d].Files, n.Bytes+all.ByDrawer[d].Bytes
		}
		if n.Bytes < 0 { // of sizes that no medium has
			n.Bytes = math.MaxInt64
		}
		parts = append(parts, n)
	}
	for _, v := range verdicts6 {
		if n := all.ByVerdict[v]; n.Files > 0 {
			verdicts = append(verdicts, drawerCount{"verdict." + v.String(), n})
		}
	}
	return parts, verdicts, ready, nil
}

// verify begins to check a case.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	j := s.jobs.add(&job{kind: "verify", key: k.Key(), work: func(ctx context.Context, e rescue.Events) (r wire.Result, err error) {
		c, err := s.openCase(ctx, k)
		if err != nil {
			return r, err
		}
		defer c.Close()
		return c.Verify(ctx, e)
	}})
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}

// resumeCase goes on with the main job of a case that was begun here. Where another program works in the case, it says so,
// and begins nothing.
func (s *Server) resumeCase(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok || k.Source == "" {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	if !s.busy("rescue", k.Key()) {
		if who, elsewhere, err := casefile.WriterOf(k.Dir); err == nil && who != nil {
			s.fail(w, r, &casefile.LockedError{Dir: k.Dir, Holder: *who, Elsewhere: elsewhere})
			return
		}
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
