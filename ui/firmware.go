package ui

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"salvor/host"
)

// Bounds of what a person says of a device, in bytes, and of how many files are named.
const (
	maxWords   = 500
	maxLog     = 1 << 20
	maxNamed   = 100
	maxPending = 64 // drafts, and answers
)

// draft is what was said so far of a check that is asked for.
type draft struct {
	Package                string // path
	Label                  string // words that stand on the device
	Case                   string // key of a known one
	Log                    string // lines of a boot, or a record, as they were pasted
	Current                string // version
	About, Keys, Available []string
}

// lists are those fields of a form that name files, by the purposes for which those are chosen.
func (d *draft) lists() map[string]*[]string {
	return map[string]*[]string{"about": &d.About, "keys": &d.Keys, "available": &d.Available}
}

// take adds what a form or an address says. It reports false for a ticket that this server did not make, and for more
// than anyone says.
func (d *draft) take(s *Server, q url.Values) bool {
	if t := q.Get("package"); t != "" {
		path, ok := s.seal.place("package", t)
		if !ok {
			return false
		}
		d.Package = path
	}
	for purpose, list := range d.lists() {
		for _, t := range q[purpose] {
			path, ok := s.seal.place(purpose, t)
			if !ok || len(*list) == maxNamed {
				return false
			}
			if !slices.Contains(*list, path) {
				*list = append(*list, path)
			}
		}
	}
	for name, field := range map[string]struct {
		to   *string
		most int
	}{"device": {&d.Label, maxWords}, "case": {&d.Case, maxWords}, "log": {&d.Log, maxLog}, "current": {&d.Current, maxWords}} {
		if !q.Has(name) {
			continue
		}
		if *field.to = strings.TrimSpace(q.Get(name)); len(*field.to) > field.most {
			return false
		}
	}
	return true
}

// drafts are those that wait for a file to be chosen, and those of checks that were made.
type drafts struct {
	mu    sync.Mutex
	order []string
	list  map[string]draft
}

// put keeps a draft under a name that cannot be guessed.
func (d *drafts) put(kept draft) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.list == nil {
		d.list = map[string]draft{}
	}
	id := rand.Text()
	if d.order = append(d.order, id); len(d.order) > maxPending {
		delete(d.list, d.order[0])
		d.order = d.order[1:]
	}
	d.list[id] = kept
	return id
}

func (d *drafts) get(id string) (draft, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	got, ok := d.list[id]
	return got, ok
}

// named is a file that was chosen, in the form.
type named struct{ Name, Path, Ticket string }

func (s *Server) named(purpose string, paths []string) []named {
	var out []named
	for _, p := range paths {
		out = append(out, named{p, p, s.seal.ticket(purpose, p)})
	}
	return out
}

// firmware asks for a package, and then for the device.
func (s *Server) firmware(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	d := draft{}
	if id := q.Get("draft"); id != "" {
		kept, ok := s.drafts.get(id)
		if !ok {
			s.refuse(w, r, http.StatusNotFound, "refused.draft")
			return
		}
		d = kept
		for _, list := range d.lists() {
			*list = slices.Clone(*list)
		}
	}
	if !d.take(s, q) {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	data := map[string]any{"Before": s.checksBefore(s.words[languageOf(r)])}
	if d.Package != "" {
		data = map[string]any{"Draft": d, "Ticket": s.seal.ticket("package", d.Package), "Size": host.FileSize(d.Package), "Cases": s.known.all(),
			"About": s.named("about", d.About), "Keys": s.named("keys", d.Keys), "Available": s.named("available", d.Available)}
	}
	s.show(w, r, http.StatusOK, "firmware", view{Here: "firmware"}, data)
}

// firmwareSend takes the form: it goes on to choose a file, or begins the check.
func (s *Server) firmwareSend(w http.ResponseWriter, r *http.Request) {
	d := draft{}
	if !d.take(s, r.PostForm) || d.Package == "" {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	id := s.drafts.put(d)
	if to := r.PostForm.Get("choose"); to == "package" || d.lists()[to] != nil {
		http.Redirect(w, r, "/pick/"+to+"?then="+url.QueryEscape("/firmware?draft="+id), http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/firmware/check/"+s.check(d, id).id, http.StatusSeeOther)
}

// label makes the words on a device's label out of what a person typed: never the path of a file, nor a fact by its name.
func label(words string) string {
	// With a blank in front no name of a file is meant.
	return " " + strings.Join(strings.FieldsFunc(words, func(r rune) bool { return r == '/' || r == '\\' || r == '=' || r < ' ' || r == 0x7f }), " ")
}
