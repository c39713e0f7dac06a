package ui

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"salvor/filetype"
	"salvor/recovery"
	"salvor/rescue"
)

// tab is a part of what a case has.
type tab struct {
	name    string
	drawers []string
}

var tabs = []tab{{"live", []string{"files"}}, {"deleted", []string{"deleted", "older"}}, {"carved", []string{"carved"}}}

// verdicts6 are the verdicts in the order of trust.
var verdicts6 = []filetype.Verdict{filetype.Proven, filetype.Consistent, filetype.Partial, filetype.Damaged, filetype.Encrypted, filetype.Unknown}

// pageRows is how many files one page shows.
const pageRows = 100

// choice is what a page of files is about: the same words choose what is shown and what is saved.
type choice struct {
	Tab, Class, Search, Verdict, Dir string
	Volume                           int
	IDs                              []string
}

// choiceOf reads a choice. A word that is not known chooses nothing by it.
func choiceOf(v url.Values) choice {
	c := choice{Tab: v.Get("tab"), Class: v.Get("class"), Search: strings.TrimSpace(v.Get("q")), Verdict: v.Get("verdict"), Dir: strings.Trim(v.Get("dir"), "/"), IDs: v["id"]}
	if !slices.ContainsFunc(tabs, func(t tab) bool { return t.name == c.Tab }) {
		c.Tab = ""
	}
	if !slices.Contains(filetype.Classes(), filetype.Class(c.Class)) {
		c.Class = ""
	}
	if _, err := filetype.ParseVerdict(c.Verdict); err != nil {
		c.Verdict = ""
	}
	if n, err := strconv.ParseUint(v.Get("v"), 10, 31); err == nil {
		c.Volume = int(n)
	}
	if len(c.Search) > 255 {
		c.Search = c.Search[:255]
	}
	return c
}

// choice reads what is chosen on the pages of a case: by the words of the address or the form, or by what this browser has
// gathered there.
func (s *Server) choice(_ *http.Request, _ string, v url.Values) choice { return choiceOf(v) }

// Values are the choice as words of an address.
func (c choice) Values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"tab": c.Tab, "class": c.Class, "q": c.Search, "verdict": c.Verdict, "dir": c.Dir} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if c.Volume > 0 {
		v.Set("v", strconv.Itoa(c.Volume))
	}
	if len(c.IDs) > 0 {
		v["id"] = c.IDs
	}
	return v
}

// query is the choice in the words of the catalogue.
func (c choice) query() recovery.Query {
	if len(c.IDs) > 0 {
		return recovery.Query{IDs: slices.Clone(c.IDs)}
	}
	q := recovery.Query{PathPrefix: c.Dir}
	for _, t := range tabs {
		if t.name == c.Tab {
			q.Drawers = t.drawers
		}
	}
	if c.Class != "" {
		q.Classes = []filetype.Class{filetype.Class(c.Class)}
	}
	if v, err := filetype.ParseVerdict(c.Verdict); err == nil {
		q.Verdicts = []filetype.Verdict{v}
	}
	if c.Volume > 0 {
		q.Volumes = []int{c.Volume}
	}
	if c.Search != "" {
		q.Name = "*" + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(c.Search) + "*"
	}
	return q
}

// inFolders reports whether the choice is shown as folders: where nothing is looked for.
func (c choice) inFolders() bool {
	return c.Tab != "carved" && c.Class == "" && c.Search == "" && c.Verdict == ""
}

// row is a file, a folder or a volume on a page of files.
type row struct {
	Name, Where string
	Address     string
	ID          string // "" for what is no file
	Folder      bool
	Size        int64
	Time        string
	Verdict     string
	Class       string
	Thumb       string
	Saved       bool
}

// link is an address with its name; On says that it is where the page is.
type link struct {
	Name, Address string
	On            bool
}

func (s *Server) files(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	base := "/case/" + k.Key() + "/files"
	now := choiceOf(r.URL.Query())
	now.IDs = nil
	if now.Tab == "" {
		now.Tab = "live"
	}
	address := func(change func(*choice)) string {
		to := now
		change(&to)
		return base + "?" + to.Values().Encode()
	}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Choice": now, "Base": base, "SaveAll": "/case/" + k.Key() + "/save?" + now.Values().Encode()}
	var tabLinks, chips, verdicts []link
	for _, t := range tabs {
		tabLinks = append(tabLinks, link{"tab." + t.name, base + "?tab=" + t.name, t.name == now.Tab})
	}
	for _, cl := range filetype.Classes() {
		chips = append(chips, link{"class." + string(cl), address(func(c *choice) {
			if c.Class == string(cl) {
				c.Class = ""
			} else {
				c.Class = string(cl)
			}
		}), now.Class == string(cl)})
	}
	for _, v := range verdicts6 {
		verdicts = append(verdicts, link{"verdict." + v.String(), address(func(c *choice) {
			if c.Verdict == v.String() {
				c.Verdict = ""
			} else {
				c.Verdict = v.String()
			}
		}), now.Verdict == v.String()})
	}
	data["Tabs"], data["Chips"], data["VerdictLinks"] = tabLinks, chips, verdicts
	l := lister{s: s, c: c, key: k.Key(), base: base, now: now, address: address, values: r.URL.Query()}
	var err error
	switch {
	case now.inFolders() && now.Volume == 0:
		err = l.volumes(r.Context())
	case now.inFolders():
		err = l.folder(r.Context())
	default:
		err = l.list(r.Context())
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	data["Rows"], data["Next"], data["Crumbs"] = l.rows, l.next, l.crumbs
	s.show(w, r, http.StatusOK, "files", view{Here: "cases"}, data)
}

// lister makes the rows of one page.
type lister struct {
	s         *Server
	c         *rescue.Case
	key, base string
	now       choice
	address   func(func(*choice)) string
	values    url.Values
	rows      []row
	next      string
	crumbs    []link
}

func (l *lister) volumes(ctx context.Context) error {
	layers, err := l.c.Catalog.Layers(ctx)
	if err != nil {
		return err
	}
	for _, v := range layers {
		if v.Volume == 0 || !v.Readable || v.Rival {
			continue
		}
		name := v.Label
		if name == "" {
			name = v.Kind
		}
		l.rows = append(l.rows, row{Name: strconv.Itoa(v.Volume) + " · " + plain(name), Folder: true, Size: v.Extent.Length,
			Address: l.address(func(c *choice) { c.Volume = v.Volume })})
	}
	return nil
}

func (l *lister) folder(ctx context.Context) error {
	layers, err := l.c.Catalog.Layers(ctx)
	if err != nil {
		return err
	}
	f := recovery.Folder{Volume: l.now.Volume, Path: l.now.Dir, Limit: pageRows, Drawers: l.now.query().Drawers}
	for _, v := range layers {
		if v.Volume == f.Volume {
			f.Source = v.Source
		}
	}
	if seq, err := strconv.ParseInt(l.values.Get("seq"), 10, 64); err == nil {
		f.After = recovery.Position{Path: l.values.Get("after"), Seq: seq}
	}
	list, more, err := l.c.Catalog.Children(ctx, f)
	if err != nil {
		return err
	}
	l.crumbs = append(l.crumbs, link{"", l.address(func(c *choice) { c.Volume, c.Dir = 0, "" }), false},
		link{"v" + strconv.Itoa(f.Volume), l.address(func(c *choice) { c.Dir = "" }), l.now.Dir == ""})
	if l.now.Dir != "" {
		parts := strings.Split(l.now.Dir, "/")
		for i, p := range parts {
			l.crumbs = append(l.crumbs, link{plain(p), l.address(func(c *choice) { c.Dir = strings.Join(parts[:i+1], "/") }), i == len(parts)-1})
		}
	}
	for _, c := range list {
		if c.IsDir() {
			l.rows = append(l.rows, row{Name: plain(c.Name), Folder: true, Address: l.address(func(to *choice) { to.Dir = c.Path })})
			continue
		}
		l.rows = append(l.rows, l.row(c.Entry))
	}
	if more {
		p := list[len(list)-1].Position
		v := l.now.Values()
		v.Set("after", p.Path)
		v.Set("seq", strconv.FormatInt(p.Seq, 10))
		l.next = l.base + "?" + v.Encode()
	}
	return nil
}

func (l *lister) list(ctx context.Context) error {
	q := l.now.query()
	q.Order, q.Limit, q.From = recovery.ByCatalogue, pageRows+1, l.values.Get("from")
	last := ""
	for e, err := range l.c.Catalog.Select(ctx, q) {
		if err != nil {
			return err
		}
		if len(l.rows) == pageRows {
			v := l.now.Values()
			v.Set("from", last)
			l.next = l.base + "?" + v.Encode()
			break
		}
		last = e.ID
		got := l.row(e)
		got.Where = plain(path.Dir(e.Path))
		if e.Path == "" || got.Where == "." {
			got.Where = ""
		}
		l.rows = append(l.rows, got)
	}
	return nil
}

// row is a file on the page.
func (l *lister) row(e *recovery.Entry) row {
	t := e.Times.Modified
	if t.IsZero() {
		t = e.Hints.Taken
	}
	out := row{Name: plain(nameOf(e)), ID: e.ID, Size: e.Size, Time: when(t), Class: string(e.Class), Saved: e.Save == recovery.Saved,
		Address: "/case/" + l.key + "/file?id=" + url.QueryEscape(e.ID)}
	if e.Mode.IsRegular() {
		out.Verdict = e.Verdict.String()
	}
	if f, ok := l.s.tables.Files.ByName(e.Format); ok && f.Thumbnail != nil && e.Class == filetype.Photo {
		out.Thumb = "/case/" + l.key + "/thumb?id=" + url.QueryEscape(e.ID)
	}
	return out
}

// nameOf is the name of a file, with that of its stream.
func nameOf(e *recovery.Entry) string {
	if e.Stream != "" {
		return e.Name + ":" + e.Stream
	}
	return e.Name
}
