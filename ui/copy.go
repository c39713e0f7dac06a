package ui

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/host"
	"salvor/rescue"
)

// folderName is a name that a person gave a new folder: one element, which leads nowhere else.
func folderName(text string) (string, bool) {
	text = strings.TrimSpace(text)
	ok := text != "" && text != "." && text != ".." && len(text) <= 200 && filepath.IsLocal(text) && !strings.ContainsAny(text, `/\:`) && strings.IndexFunc(text, unfit) < 0
	return text, ok
}

func unfit(r rune) bool { return r < ' ' || r == 0x7f }

// freeName returns a name that is not taken: the one given, or that with a number behind it.
func freeName(name string, taken func(string) bool) string {
	out := name
	for n := 2; n < 1000 && taken(out); n++ {
		out = fmt.Sprintf("%s-%d", name, n)
	}
	return out
}

// copyForm asks where the case is to be, and says at once what speaks against that place or against reading now.
func (s *Server) copyForm(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	if s.rightsFirst(w, r, r.URL.RequestURI(), paths...) {
		return
	}
	parent, err := os.UserHomeDir()
	if err != nil {
		parent = os.TempDir()
	}
	if t := r.URL.Query().Get("parent"); t != "" {
		if parent, ok = s.seal.place("parent", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	query := s.sourceQuery(paths)
	suggested := freeName("rescued-"+time.Now().Format("2006-01-02-1504"), func(name string) bool {
		dir := filepath.Join(parent, name)
		return host.Exists(dir) || s.busy("rescue", knownCase{Dir: dir}.Key())
	})
	data := map[string]any{"Paths": paths, "Names": names(paths), "Tickets": s.sourceTickets(paths), "Parent": parent, "ParentTicket": s.seal.ticket("parent", parent),
		"Pick": "/pick/parent?then=" + url.QueryEscape("/copy?"+query), "Device": slices.ContainsFunc(paths, host.IsDevice), "Suggested": suggested,
		"Here": "/copy?" + query + "&parent=" + url.QueryEscape(s.seal.ticket("parent", parent)), "Free": int64(-1)}
	if t, err := host.InspectTarget(parent); err == nil {
		data["Free"], data["Memory"] = t.Free, t.Memory
	}
	k := knownCase{Dir: filepath.Join(parent, suggested), Source: paths[0], More: paths[1:]}
	if err := rescue.CheckStart(r.Context(), s.rescueOptions(k)); err != nil {
		data["Refusal"] = s.refusalOf(r, rescue.Failure(err, ""), paths, "/copy?"+query)
	}
	s.show(w, r, http.StatusOK, "copy", view{Here: "start"}, data)
}

// copyStart begins the main job.
func (s *Server) copyStart(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	parent, okParent := s.seal.place("parent", r.PostFormValue("parent"))
	if !ok || !okParent {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	name, ok := folderName(r.PostFormValue("name"))
	if !ok {
		s.refuse(w, r, http.StatusBadRequest, "refused.name")
		return
	}
	if s.rightsFirst(w, r, "/copy?"+s.sourceQuery(paths), paths...) {
		return
	}
	j, err := s.jobs.rescueCase(knownCase{Dir: filepath.Join(parent, name), Source: paths[0], More: paths[1:], Copy: r.PostFormValue("copy") != ""})
	if errors.Is(err, errOtherDisk) {
		s.refuse(w, r, http.StatusConflict, "refused.rescue")
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}
