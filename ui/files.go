package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"salvor/filetype"
	"salvor/finding"
	"salvor/finding/translation"
	"salvor/recovery"
	"salvor/rescue"
)

// pageRows is how many files one page shows.
const pageRows = 100

// row is a file, a folder or a volume on a page of files.
type row struct {
	Name, Where string
	Address     string
	ID          string // "" for what is no file
	Folder      bool
	Chosen      bool
	Size        int64
	Time        string
	Verdict     string
	Why         said // what was found in this very file; empty where the verdict says all
	Class       string
	Thumb       string
	Saved       bool
}

// link is an address with its name; On says that it is where the page is.
type link struct {
	Name, Address string
	On            bool
	Count         int64  // of files behind it
	Order         string // "ascending" or "descending" where the page is sorted by it
}

// files shows what is in a case, a page at a time.
func (s *Server) files(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	ready, err := s.prepare(r.Context(), c.Catalog, false)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !ready.Ready {
		s.show(w, r, http.StatusOK, "preparing", view{Here: "cases", Title: s.words[languageOf(r)].say("files.title"), Refresh: 1}, map[string]any{"Key": k.Key(), "Name": k.Name(), "Far": ready.Far})
		return
	}
	now := choiceOf(r.URL.Query())
	now.IDs = nil
	if now.Tab == "" {
		now.Tab = "live"
	}
	l := lister{s: s, c: c, key: k.Key(), base: "/case/" + k.Key() + "/files", now: now, findings: s.findings[languageOf(r)], picked: s.picks.now(s.session(r), k.Key())}
	if err := l.page(r.Context(), r.URL.Query().Get("after")); errors.Is(err, recovery.ErrStart) {
		s.refuse(w, r, http.StatusNotFound, "refused.page")
		return
	} else if err != nil {
		s.fail(w, r, err)
		return
	}
	all := l.listed.Total
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Choice": now, "Base": l.base, "Rows": l.rows, "Next": l.next, "Crumbs": l.crumbs(), "Sorts": l.sortLinks(),
		"Tabs": l.tabLinks(), "Chips": l.chips(), "VerdictLinks": l.verdictLinks(), "Total": all, "Mistakes": mistakes(r.URL.Query()), "Filtered": now.filtered(),
		"Here": l.address(func(*choice) {}), "Values": now.Values(), "Clear": l.base + "?tab=" + now.Tab, "SaveAll": "/case/" + k.Key() + "/save?" + now.Values().Encode(),
		"Picked": l.picked.count.Files, "PickedBytes": l.picked.count.Bytes, "SavePicked": "/case/" + k.Key() + "/save?chosen=" + strconv.Itoa(l.picked.n), "TooMany": r.URL.Query().Has("toomany"),
		"Old": ready.Old, "Behind": r.URL.Query().Get("after") != "", "Listed": l.now.inFolders() && now.Volume == 0}
	s.show(w, r, http.StatusOK, "files", view{Here: "cases"}, data)
}

// lister makes the rows of one page.
type lister struct {
	s         *Server
	c         *rescue.Case
	key, base string
	now       choice
	findings  translation.Catalogue // of the page's language
	picked    pick
	listed    recovery.Listed
	rows      []row
	next      string
}

func (l *lister) address(change func(*choice)) string {
	to := l.now
	change(&to)
	return l.base + "?" + to.Values().Encode()
}

// page makes the rows: areas, what stands in a folder, or the files that were looked for.
func (l *lister) page(ctx context.Context, after string) (err error) {
	areas := l.now.inFolders() && l.now.Volume == 0
	ask := recovery.Listing{Query: l.now.query(), InFolder: l.now.inFolders(), Sort: sorts[l.now.Sort], Down: l.now.Down, Limit: pageRows, After: after}
	if areas {
		ask.Limit, ask.InFolder = 1, false // for the counts
	}
	if l.listed, err = l.c.Catalog.List(ctx, ask); err != nil {
		return err
	}
	if areas {
		return l.volumes(ctx)
	}
	chosen, err := recovery.Query{Steps: l.picked.steps}.Decider()
	if err != nil {
		return err
	}
	for _, item := range l.listed.Items {
		if item.Entry == nil {
			l.rows = append(l.rows, row{Name: plain(item.Name), Folder: true, Address: l.address(func(to *choice) { to.Dir = strings.TrimPrefix(to.Dir+"/"+item.Name, "/") })})
			continue
		}
		got := l.row(item.Entry)
		got.Chosen = len(l.picked.steps) > 0 && chosen(item.Entry)
		if !ask.InFolder && item.Entry.Path != "" {
			if got.Where = plain(path.Dir(item.Entry.Path)); got.Where == "." {
				got.Where = ""
			}
		}
		l.rows = append(l.rows, got)
	}
	if l.listed.Next != "" {
		v := l.now.Values()
		v.Set("after", l.listed.Next)
		l.next = l.base + "?" + v.Encode()
	}
	return nil
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

// crumbs lead from all areas to the folder that is shown.
func (l *lister) crumbs() []link {
	if l.now.Volume == 0 {
		return nil
	}
	list := []link{{Address: l.address(func(c *choice) { c.Volume, c.Dir = 0, "" })},
		{Name: strconv.Itoa(l.now.Volume), Address: l.address(func(c *choice) { c.Dir = "" }), On: l.now.Dir == ""}}
	if l.now.Dir == "" {
		return list
	}
	parts := strings.Split(l.now.Dir, "/")
	for i, p := range parts {
		list = append(list, link{Name: plain(p), Address: l.address(func(c *choice) { c.Dir = strings.Join(parts[:i+1], "/") }), On: i == len(parts)-1})
	}
	return list
}

func (l *lister) tabLinks() (list []link) {
	for _, t := range tabs {
		one := link{Name: "tab." + t.name, On: t.name == l.now.Tab, Address: l.address(func(c *choice) { c.Tab, c.Volume, c.Dir = t.name, 0, "" })}
		for _, d := range t.drawers {
			one.Count += l.listed.ByDrawer[d].Files
		}
		list = append(list, one)
	}
	return list
}

func (l *lister) chips() (list []link) {
	for _, cl := range filetype.Classes() {
		one := link{Name: "class." + string(cl), On: l.now.Class == string(cl), Count: l.listed.ByClass[cl].Files}
		one.Address = l.address(func(c *choice) { c.Class = other(one.On, string(cl)) })
		list = append(list, one)
	}
	return list
}

func (l *lister) verdictLinks() (list []link) {
	for _, v := range verdicts6 {
		one := link{Name: "verdict." + v.String(), On: l.now.Verdict == v.String(), Count: l.listed.ByVerdict[v].Files}
		one.Address = l.address(func(c *choice) { c.Verdict = other(one.On, v.String()) })
		list = append(list, one)
	}
	return list
}

// other is what a chip leads to: the word, or nothing when it is on.
func other(on bool, word string) string {
	if on {
		return ""
	}
	return word
}

// sortLinks are the columns, which lead to the other orders. Sizes and times begin with the largest and the newest.
func (l *lister) sortLinks() (list []link) {
	for _, name := range []string{"name", "size", "time", "good"} {
		one := link{Name: "files." + name, Address: l.address(func(c *choice) { c.Sort, c.Down = name, name == "size" || name == "time" })}
		if name == l.now.Sort || name == "name" && l.now.Sort == "" {
			one.Order = "ascending"
			if l.now.Down {
				one.Order = "descending"
			}
			one.Address = l.address(func(c *choice) { c.Sort, c.Down = name, !l.now.Down })
		}
		list = append(list, one)
	}
	return list
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
		out.Verdict, out.Why = e.Verdict.String(), l.reason(e)
	}
	if f, ok := l.s.tables.Files.ByName(e.Format); ok && f.Thumbnail != nil && e.Class == filetype.Photo {
		out.Thumb = "/case/" + l.key + "/thumb?id=" + url.QueryEscape(e.ID)
	}
	return out
}

// maxReason is the longest reason in a row, in bytes.
const maxReason = 200

// reason is the weightiest thing that was found in a file, for a row; empty where there is none that lowers it.
func (l *lister) reason(e *recovery.Entry) said {
	var worst *finding.Finding
	for i, f := range e.Findings {
		if f.Severity > finding.Info && (worst == nil || f.Severity > worst.Severity) {
			worst = &e.Findings[i]
		}
	}
	if worst == nil {
		return said{}
	}
	out := findingSaid(l.findings, *worst)
	if text := out.Text; len(text) > maxReason {
		end := maxReason
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		out.Text = text[:end] + "…"
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
