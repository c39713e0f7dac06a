package ui

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"salvor/host"
	"salvor/recovery"
	"salvor/rescue"
)

// contentAddress is where the content of a file is: on the other origin, under a path that only this server can make.
func (s *Server) contentAddress(key string, e *recovery.Entry) string {
	id := base64.RawURLEncoding.EncodeToString([]byte(e.ID))
	return s.contentURL("/c/" + s.seal.mark("content", key, e.ID) + "/" + key + "/" + id)
}

// reportAddress is where the report of a case is.
func (s *Server) reportAddress(key string) string {
	return s.contentURL("/r/" + s.seal.mark("report", key) + "/" + key)
}

// contents answers on the origin of what was recovered. It knows no cookie: who has the path may read.
func (s *Server) contents() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /c/{mark}/{key}/{id}", s.content)
	mux.HandleFunc("GET /r/{mark}/{key}", s.reportContent)
	mux.HandleFunc("GET /s/{ticket}", s.savingReport)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the pages stand on another host, and show pictures from here
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// content answers with the bytes of a file as they stand on the medium, any range of them. A byte that cannot be read
// ends the answer: it is never a zero.
func (s *Server) content(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	id, err := base64.RawURLEncoding.DecodeString(r.PathValue("id"))
	k, ok := s.known.get(key)
	if err != nil || !ok || !s.seal.holds(r.PathValue("mark"), "content", key, string(id)) {
		http.NotFound(w, r)
		return
	}
	c, err := s.openListed(r.Context(), k)
	if c == nil && err == nil {
		c, err = rescue.OpenCase(k.Dir, s.o.Program)
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer c.Close()
	c.Keys = s.secrets.of(k.Sources())
	e, err := c.Catalog.Get(r.Context(), string(id))
	if err != nil || !e.Mode.IsRegular() {
		http.NotFound(w, r)
		return
	}
	src, done, err := c.Content(r.Context(), s.tables, e)
	if err != nil {
		http.Error(w, "the content cannot be read", http.StatusServiceUnavailable)
		return
	}
	defer done()
	how, kind := "attachment", "application/octet-stream"
	if m := plainMedium(e); m != "" {
		how, kind = "inline", m
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", disposition(how, nameOf(e)))
	from := &noted{ReadSeeker: io.NewSectionReader(src, 0, src.Size())}
	http.ServeContent(w, r, "", time.Time{}, from)
	breakOff(w, from.failed)
}

// noted is what is handed out, and whether it could not be read.
type noted struct {
	io.ReadSeeker
	failed error
}

func (n *noted) Read(p []byte) (int, error) {
	got, err := n.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.failed = err
	}
	return got, err
}

// breakOff ends an answer that could not be read to its end, so that no browser takes what it has for the whole: over HTTP/2
// none compares it with the length that was announced, and without a length none could. That the time for writing is over ends
// the stream there, and the connection before HTTP/2, without the sign that the answer is whole.
func breakOff(w http.ResponseWriter, failed error) {
	if failed == nil {
		return
	}
	c := http.NewResponseController(w)
	_ = c.Flush() // what could be read; where that fails, no one listens any more
	_ = c.SetWriteDeadline(time.Unix(1, 0))
}

// disposition names the file that a browser saves, by a name that any system takes.
func disposition(how, name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, plain(name))
	if name == "" || name == "." || name == ".." {
		name = "file"
	}
	if text := mime.FormatMediaType(how, map[string]string{"filename": name}); text != "" {
		return text
	}
	return how
}

// report leads to the report of a case.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok || host.FileSize(filepath.Join(k.Dir, "report.html")) < 0 {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	http.Redirect(w, r, s.reportAddress(k.Key()), http.StatusSeeOther)
}

// reportContent answers with the report, which carries its own style and its small pictures, and no script.
func (s *Server) reportContent(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	k, ok := s.known.get(key)
	if !ok || !s.seal.holds(r.PathValue("mark"), "report", key) {
		http.NotFound(w, r)
		return
	}
	s.reportAt(w, r, filepath.Join(k.Dir, "report.html"))
}
