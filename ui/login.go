package ui

import (
	"crypto/rand"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// login asks for the password of a server that others can reach, and lets in who knows it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.show(w, r, http.StatusOK, "login", view{}, map[string]any{"Host": s.pageHost})
		return
	case http.MethodPost:
	default:
		s.refuse(w, r, http.StatusMethodNotAllowed, "refused.method")
		return
	}
	if !s.ours(r) {
		s.refuse(w, r, http.StatusForbidden, "refused.origin")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	who := guesser(r.RemoteAddr)
	if wait := s.away.throttle.begin(who); wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		s.show(w, r, http.StatusTooManyRequests, "login", view{}, map[string]any{"Host": s.pageHost, "Wait": seconds})
		return
	}
	if r.ParseForm() == nil { // else there is no password
		unhurried(w)
	}
	right, err := s.away.Password.is(r.Context(), []byte(r.PostForm.Get("password")))
	if err != nil {
		return // the browser went away
	}
	if !right {
		s.o.Log.Warn("a wrong password", "from", r.RemoteAddr)
		s.show(w, r, http.StatusForbidden, "login", view{}, map[string]any{"Host": s.pageHost, "Wrong": true})
		return
	}
	s.away.throttle.right(who)
	nonce := rand.Text()
	s.away.sessions.add(nonce)
	http.SetCookie(w, s.cookie(nonce))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// logout ends a session that a password opened.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if s.away == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.page")
		return
	}
	nonce, _, _ := strings.Cut(s.session(r), ".")
	s.away.sessions.end(nonce)
	over := s.cookie("")
	over.Value, over.MaxAge = "", -1
	http.SetCookie(w, over)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
