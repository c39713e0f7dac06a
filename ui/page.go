package ui

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"salvor/finding/translation"
	"salvor/host"
	"salvor/internal/wire"
)

// view is what every page knows.
type view struct {
	Lang, Title, CSRF string
	Here              string // the part of the program, for the list of parts
	Languages         []string
	Refresh           int // seconds after which a page without scripts asks again; 0 never
	Busy              []seen
	Early             *early // files are shown before the copy is made
	D                 any    // of the page itself
	words             catalogue
	pageURL           string
	Away              string // the host, where the pages are served to other computers
	uploads           *uploads
	say               func(english string) said
	findings          translation.Catalogue
}

// W is a text of the catalogue.
func (v *view) W(name string, args ...any) string { return v.words.say(name, args...) }

// LangName is what a language is called in itself.
func (v *view) LangName(l string) string { return languageNames[l] }

// URL is the page itself, to come back to.
func (v *view) URL() string { return v.pageURL }

// part is what a part of a page that stands in several gets: the view, and what it is about.
type part struct {
	V     *view
	J     seen
	L     light
	Nodes []*node
	F     *unlockForm
	R     *refusal
	P     *picture
}

func (v *view) Job(j seen) part     { return part{V: v, J: j} }
func (v *view) Lit(l light) part    { return part{V: v, L: l} }
func (v *view) With(n []*node) part { return part{V: v, Nodes: n} }

func (v *view) Unlock(f *unlockForm) part { return part{V: v, F: f} }
func (v *view) Refused(r *refusal) part   { return part{V: v, R: r} }
func (v *view) Drawn(p *picture) part     { return part{V: v, P: p} }

// loadPages reads the templates: layout.html around each of the others. What several pages show is defined in files
// named part-NAME.html.
func (s *Server) loadPages() (map[string]*template.Template, error) {
	functions := template.FuncMap{"plain": plain, "bytes": host.Bytes, "when": when, "base": func(p string) string { return plain(path.Base(p)) },
		"percent": func(done, total int64) int { return int(100 * float64(done) / float64(max(total, 1))) },
		"rate":    func(r float64) string { return host.Bytes(int64(r)) }, "left": left}
	list, err := embedded.ReadDir("pages")
	if err != nil {
		return nil, err
	}
	out := map[string]*template.Template{}
	for _, f := range list {
		name := strings.TrimSuffix(f.Name(), ".html")
		if name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		if out[name], err = template.New("layout.html").Funcs(functions).ParseFS(embedded, "pages/layout.html", "pages/part-*.html", "pages/"+f.Name()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ownPage are the kinds of jobs that have a page of their own, to which each page leads while they work.
var ownPage = []string{"rescue", "save", "verify"}

// show answers with a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, name string, v view, data any) {
	v.Lang = languageOf(r)
	v.words, v.Languages, v.D, v.uploads = s.words[v.Lang], languages, data, s.uploads
	if s.away != nil {
		v.Away = s.pageHost
	}
	v.say = func(english string) said { return s.told(v.Lang, english) }
	v.findings = s.findings[v.Lang]
	if v.Title == "" {
		v.Title = v.W(name + ".title")
	}
	if session := s.session(r); session != "" {
		v.CSRF = s.csrf(session)
		if r.Method == http.MethodGet {
			v.pageURL = r.URL.RequestURI()
		}
		if earlyPages[path.Base(r.URL.Path)] {
			v.Early = s.earlyOf(r.PathValue("key"))
		}
		for _, j := range s.jobs.all() {
			if j.Running && slices.Contains(ownPage, j.Kind) {
				v.Busy = append(v.Busy, j)
			}
		}
	}
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, &v); err != nil {
		s.o.Log.Error("a page could not be made", "page", name, "error", err)
		http.Error(w, "this page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // a browser that went away needs no answer
}

// refuse answers that something is not done, and why, in words of the catalogue.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, name string) {
	lang := s.words[languageOf(r)]
	s.show(w, r, status, "message", view{Title: lang.say(name)}, map[string]string{"Why": lang.say(name + ".why"), "Next": ""})
}

// fail answers that something went wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, why, next := http.StatusInternalServerError, err.Error(), ""
	var refused *host.RefusedError
	if errors.As(err, &refused) {
		status, why, next = http.StatusConflict, refused.Why, refused.Next
	}
	s.show(w, r, status, "message", view{Title: s.words[languageOf(r)].say("failed.title")}, map[string]string{"Why": why, "Next": next})
}

// settings keeps the language.
func (s *Server) settings(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "salvor-lang", Value: languageOf(&http.Request{URL: r.URL, Header: http.Header{"Accept-Language": {r.PostFormValue("lang")}}}),
		Path: "/", HttpOnly: true, Secure: s.away != nil, SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600})
	http.Redirect(w, r, local(r.PostFormValue("back")), http.StatusSeeOther)
}

// local returns an address on this server, and the first page for any other.
func local(address string) string {
	// Browsers pass over tabs and breaks of lines, so that "/\t/x" leads to the host x.
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.Contains(address, `\`) || strings.IndexFunc(address, unfit) >= 0 {
		return "/"
	}
	return address
}

// plain shows hostile text as what it is: each character that hides, or moves others, is visible.
func plain(text string) string {
	text = wire.Text(text)
	if strings.IndexFunc(text, wire.Hidden) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if wire.Hidden(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func left(seconds *float64) string {
	if seconds == nil || *seconds < 1 {
		return ""
	}
	return (time.Duration(*seconds) * time.Second).Round(time.Second).String()
}
