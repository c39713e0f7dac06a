package ui

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"salvor/host"
)

// purpose is what a place is chosen for.
type purpose struct {
	folder bool   // a folder is chosen, not a file
	either bool   // a folder can be chosen as well as a file
	many   bool   // several belong together
	most   int64  // bytes of a file that is sent; 0 for what is taken of any
	then   string // the page that it is chosen for, where none is named; "" for none
}

// purposes by their names, which stand in addresses and in tickets.
var purposes = map[string]purpose{
	"source": {many: true, most: dropMost, then: "/look"}, "dropped": {most: dropMost, then: "/dropped"}, "log": {many: true, then: "/why"},
	"package": {then: "/firmware"}, "about": {many: true, then: "/firmware"}, "keys": {either: true, many: true, then: "/firmware"}, "available": {either: true, many: true, then: "/firmware"},
	"parent": {folder: true, then: "/copy"}, "target": {folder: true}, "case": {folder: true}, "keyfile": {}, "header": {},
}

// place is a file or a folder that can be chosen.
type place struct {
	Name       string
	Into       string // address that goes into it, for a folder
	Choose     string // address that chooses it
	Ticket     string
	Size       int64
	Folder     bool
	IsCase     bool
	Unreadable bool
}

// crumb is a folder on the way to the one that is shown, or a place where files begin.
type crumb struct {
	Name, Kind, Into string
	Here             bool
}

// pagePlaces is how many places one page of a folder has.
const pagePlaces = 2000

// picking is one page of the file picker.
type picking struct {
	name, then  string
	p           purpose
	dir         string
	hidden      bool
	from, total int
	s           *Server
}

// pick lists a folder of this computer, so that a file or a folder can be chosen in it. It goes only where a ticket
// leads that an earlier page gave.
func (s *Server) pick(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c := &picking{name: r.PathValue("purpose"), s: s, hidden: q.Get("hidden") != ""}
	var ok bool
	if c.p, ok = purposes[c.name]; !ok || c.name == "dropped" {
		s.refuse(w, r, http.StatusNotFound, "refused.page")
		return
	}
	c.then = c.p.then
	if t := q.Get("then"); t != "" {
		c.then = local(t)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = string(filepath.Separator)
	}
	c.dir = home
	if t := q.Get("at"); t != "" {
		if c.dir, ok = s.seal.place("dir", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	if n, err := strconv.Atoi(q.Get("from")); err == nil && n > 0 {
		c.from = n / pagePlaces * pagePlaces
	}
	if q.Has("take") && c.p.many && c.then != "" {
		if ticked := q[c.name]; len(ticked) > 0 {
			http.Redirect(w, r, withQuery(c.then, url.Values{c.name: ticked}), http.StatusSeeOther)
			return
		}
	}
	lang := s.words[languageOf(r)]
	data := map[string]any{"None": q.Has("take"), "Purpose": c.name, "Dir": c.dir, "Starts": c.starts(home, lang), "Crumbs": c.crumbs(), "Many": c.p.many && c.then != "",
		"Hidden": c.hidden, "Toggle": c.address(c.dir, !c.hidden, 0)}
	data["Fields"] = c.fields()
	if !c.p.folder && c.then != "" {
		data["Drop"], data["DropMost"] = c.then, c.p.most
	}
	if up := filepath.Dir(c.dir); up != c.dir {
		data["Up"] = c.into(up)
	}
	type listed struct {
		places []place
		total  int
		err    error
	}
	answer, answered := askOne(r.Context(), s.asker, s.asker.folder, func() listed {
		own := *c // it may go on when nobody waits any more
		places, err := own.list(r.Context())
		return listed{places, own.total, err}
	})
	if !answered {
		answer.err = errSilent
	}
	places, err := answer.places, answer.err
	c.total = answer.total
	if c.from >= c.total {
		c.from = 0
	}
	data["Places"], data["From"], data["To"], data["Total"] = places, c.from+1, c.from+len(places), c.total
	if err != nil {
		data["Failed"] = failure(err)
	}
	if c.from > 0 {
		data["Before"] = c.address(c.dir, c.hidden, c.from-pagePlaces)
	}
	if c.from+len(places) < c.total {
		data["After"] = c.address(c.dir, c.hidden, c.from+pagePlaces)
	}
	if (c.p.folder || c.p.either) && c.then != "" && err == nil {
		data["ChooseThis"] = c.choose(c.dir)
	}
	if c.p.folder && answered {
		if t, err := host.InspectTarget(c.dir); err == nil && t.Free >= 0 {
			data["Free"] = t.Free
		}
	}
	s.show(w, r, http.StatusOK, "pick", view{Title: lang.say("pick.title." + c.name)}, data)
}

// errSilent is the answer of a folder that says nothing.
var errSilent = errors.New("ui: the folder does not answer")

// failure is the name of the words for a folder that cannot be opened.
func failure(err error) string {
	switch {
	case errors.Is(err, errSilent):
		return "pick.failed.silent"
	case os.IsPermission(err):
		return "pick.failed.permission"
	case os.IsNotExist(err):
		return "pick.failed.gone"
	}
	return "pick.failed"
}

// address is a page of a folder.
func (c *picking) address(path string, hidden bool, from int) string {
	return "/pick/" + c.name + "?" + c.query(path, hidden, from).Encode()
}

func (c *picking) query(path string, hidden bool, from int) url.Values {
	q := url.Values{"at": {c.s.seal.ticket("dir", path)}}
	if c.then != c.p.then {
		q.Set("then", c.then)
	}
	if hidden {
		q.Set("hidden", "1")
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	return q
}

func (c *picking) into(path string) string { return c.address(path, c.hidden, 0) }

// choose is the address that takes a place; "" where none does.
func (c *picking) choose(path string) string {
	if c.then == "" {
		return ""
	}
	return withQuery(c.then, url.Values{c.name: {c.s.seal.ticket(c.name, path)}})
}

// fields are those of the page that is shown: a form for several comes back to it, so that one without a tick leads nowhere.
func (c *picking) fields() url.Values {
	q := c.query(c.dir, c.hidden, c.from)
	q.Set("take", "1")
	return q
}

// starts are the places where files begin.
func (c *picking) starts(home string, lang catalogue) []crumb {
	var out []crumb
	for _, p := range host.Places(home) {
		name := p.Path
		if p.Kind != host.PlaceDrive {
			name = lang.say("pick.place." + string(p.Kind))
		}
		out = append(out, crumb{Name: name, Kind: string(p.Kind), Into: c.into(p.Path), Here: p.Path == c.dir})
	}
	return out
}

// crumbs are the folders that this one stands in.
func (c *picking) crumbs() []crumb {
	var out []crumb
	for dir := c.dir; ; {
		up := filepath.Dir(dir)
		name := filepath.Base(dir)
		if up == dir {
			name = dir
		}
		out = append(out, crumb{Name: name, Into: c.into(dir), Here: dir == c.dir})
		if up == dir {
			slices.Reverse(out)
			return out
		}
		dir = up
	}
}

// list returns the places of the page, folders first. Where links lead, and what stands in folders, is not waited for longer
// than a moment: it may be on a drive that does not answer.
func (c *picking) list(ctx context.Context) ([]place, error) {
	entries, err := os.ReadDir(c.dir)
	type item struct {
		entry  fs.DirEntry
		lower  string
		folder bool
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") && !c.hidden })
	var links []string
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			links = append(links, e.Name())
		}
	}
	toFolder := map[string]bool{}
	for i, folder := range askAll(ctx, c.s.asker, c.s.asker.single, len(links), func(i int) bool { return host.IsFolder(filepath.Join(c.dir, links[i])) }) {
		toFolder[links[i]] = folder
	}
	var items []item
	for _, e := range entries {
		link := e.Type()&fs.ModeSymlink != 0
		folder := e.IsDir() || link && toFolder[e.Name()]
		if c.p.folder && !folder || !folder && !e.Type().IsRegular() && !link {
			continue
		}
		items = append(items, item{e, strings.ToLower(e.Name()), folder})
	}
	slices.SortStableFunc(items, func(a, b item) int {
		if a.folder != b.folder {
			if a.folder {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.lower, b.lower)
	})
	c.total = len(items)
	if c.from >= c.total {
		c.from = 0
	}
	shown := items[c.from:min(c.from+pagePlaces, c.total)]
	// The size of a file, where links lead to; -1 of what is none. Of a folder that of the record which makes it a case.
	sizes := askAll(ctx, c.s.asker, c.s.asker.single, len(shown), func(i int) int64 {
		path := filepath.Join(c.dir, shown[i].entry.Name())
		switch {
		case !shown[i].folder:
			return regularSize(path)
		case c.name == "case":
			return regularSize(filepath.Join(path, "case.json"))
		}
		return -1
	})
	var out []place
	for i, item := range shown {
		size, answered := sizes[i]
		if !answered {
			size = -1
		}
		out = append(out, c.place(item.entry.Name(), item.folder, size))
	}
	return out, err
}

// regularSize returns the size of the file that path leads to; -1 where none does that can be read as a file.
func regularSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

func (c *picking) place(name string, folder bool, size int64) place {
	path := filepath.Join(c.dir, name)
	out := place{Name: name, Folder: folder}
	switch {
	case folder:
		out.Into = c.into(path)
		if c.name == "case" && size >= 0 {
			out.IsCase, out.Ticket = true, c.s.seal.ticket("case", path)
		}
	case size < 0:
		out.Unreadable = true
	default:
		out.Size, out.Choose, out.Ticket = size, c.choose(path), c.s.seal.ticket(c.name, path)
	}
	return out
}
