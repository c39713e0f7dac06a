package ui

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// seal makes and checks what the server hands out and gets back: the link, cookies, tokens of forms, tickets of places.
// Its secret lives as long as the server.
type seal struct{ secret [32]byte }

func newSeal() *seal {
	s := &seal{}
	rand.Read(s.secret[:]) // never fails: it ends the program instead
	return s
}

// mark returns what only this server can make of these words.
func (s *seal) mark(words ...string) string {
	m := hmac.New(sha256.New, s.secret[:])
	for _, w := range words {
		fmt.Fprintf(m, "%d:%s", len(w), w)
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:24])
}

func (s *seal) holds(mark string, words ...string) bool {
	return hmac.Equal([]byte(mark), []byte(s.mark(words...)))
}

// ticket makes a place of this computer into something that a browser can give back, and cannot make up. The purpose is
// part of it: a folder that was offered for saving is no source.
func (s *seal) ticket(purpose, path string) string {
	return s.mark("ticket", purpose, path) + "." + base64.RawURLEncoding.EncodeToString([]byte(path))
}

// place returns the path of a ticket, false for one that this server did not make.
func (s *seal) place(purpose, ticket string) (string, bool) {
	mark, text, ok := strings.Cut(ticket, ".")
	if !ok {
		return "", false
	}
	path, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !s.holds(mark, "ticket", purpose, string(path)) {
		return "", false
	}
	return string(path), true
}

// cookieName has the port in it, since cookies of all ports of a host are in one pot. Over TLS its beginning makes browsers
// refuse it from any other host, also from one below or above this one.
func (s *Server) cookieName() string {
	if s.away != nil {
		return "__Host-salvor-" + s.port
	}
	return "salvor-" + s.port
}

// cookie is what a browser that was let in holds.
func (s *Server) cookie(nonce string) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(), Value: nonce + "." + s.seal.mark("session", nonce), Path: "/", HttpOnly: true,
		Secure: s.away != nil, SameSite: http.SameSiteStrictMode}
}

// session returns the cookie of a browser that came by the link or knew the password, "" for any other.
func (s *Server) session(r *http.Request) string {
	c, err := r.Cookie(s.cookieName())
	if err != nil {
		return ""
	}
	nonce, mark, ok := strings.Cut(c.Value, ".")
	if !ok || !s.seal.holds(mark, "session", nonce) || (s.away != nil && !s.away.sessions.see(nonce)) {
		return ""
	}
	return c.Value
}

// tokens let in once each.
type tokens struct {
	mu   sync.Mutex
	left map[string]time.Time // until when
}

// tokenTime is how long the first use of such a token may take: a browser may have to start first.
const tokenTime = 5 * time.Minute

func (t *tokens) add() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == nil {
		t.left = map[string]time.Time{}
	}
	one := rand.Text()
	t.left[one] = time.Now().Add(tokenTime)
	return one
}

// take reports whether a token lets in, which it does no more from then on.
func (t *tokens) take(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, ok := t.left[token]
	delete(t.left, token)
	return ok && time.Now().Before(until)
}

// enter makes the token of a link into a cookie. The page behind it has no token in its address.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if s.away == nil && s.session(r) != "" { // a browser that opens again what it had open
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if s.away != nil || !s.seal.holds(token, "link") && !s.tokens.take(token) {
		s.refuse(w, r, http.StatusForbidden, "refused.link")
		return
	}
	http.SetCookie(w, s.cookie(rand.Text()))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// csrf returns the token that the forms of a session carry.
func (s *Server) csrf(session string) string { return s.seal.mark("csrf", session) }

// policy says what pages may load: nothing that is not part of the program, but for the media of what was recovered. Where
// these stand on the same host, scripts and styles are those of one folder of the program's own.
func (s *Server) policy() string {
	own, contents := "'self'", s.contentOrigin()
	if contents == s.pageOrigin() {
		own = s.pageOrigin() + "/static/"
	}
	return "default-src 'none'; style-src " + own + "; script-src " + own + "; connect-src 'self'; img-src 'self' " + contents +
		"; media-src " + contents + "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// ours reports whether a form came from a page of the program, as far as the browser says.
func (s *Server) ours(r *http.Request) bool {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	return (origin == "" || origin == s.pageOrigin()) && (site == "" || site == "same-origin")
}

// guarded checks all that must hold before a page is made.
func (s *Server) guarded(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", s.policy())
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// A browser that tells no page of ours where it came from tells us "null" for the Origin of our own forms, too.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), serial=()")
		h.Set("Cache-Control", "no-store")
		session := s.session(r)
		if session != "" {
			unhurried(w)
		}
		if strings.HasPrefix(r.URL.Path, "/static/") && r.Method == http.MethodGet {
			pages.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/enter" && r.Method == http.MethodGet {
			s.enter(w, r)
			return
		}
		if s.away != nil && r.URL.Path == "/login" {
			s.login(w, r)
			return
		}
		if session == "" {
			if s.away != nil && r.Method == http.MethodGet {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			s.refuse(w, r, http.StatusForbidden, "refused.session")
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			if !s.ours(r) {
				s.refuse(w, r, http.StatusForbidden, "refused.origin")
				return
			}
			if carriesFiles(r) {
				var ours bool
				if r, ours = s.checkFiles(w, r, session); !ours {
					drain(r, maxForeignDrain)
					s.refuse(w, r, http.StatusForbidden, "refused.csrf")
					return
				}
				break
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if !s.seal.holds(r.PostFormValue("csrf"), "csrf", session) {
				s.refuse(w, r, http.StatusForbidden, "refused.csrf")
				return
			}
		default:
			s.refuse(w, r, http.StatusMethodNotAllowed, "refused.method")
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// strangerTime is how long one who was not let in may take to send a request.
const strangerTime = 30 * time.Second

// hurry bounds the time for what is still to come of a request, so that those who were not let in cannot fill the server with
// requests that never end.
func (s *Server) hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.stranger)) // what has no deadlines is no connection
}

// unhurried takes the bound away: for who was let in, or where all was read and the answer takes its time.
func unhurried(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// maxForm bounds a form in bytes.
const maxForm = 4 << 20

// split leads a request to the pages or to the contents, by the host that it names. Any other name is someone who made
// it lead here: DNS rebinding. Where both stand on one host, contents are what stands under addresses that run out.
func (s *Server) split(pages, contents http.Handler) http.Handler {
	contents = inert(contents)
	if s.away != nil {
		contents = s.timed(contents)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			s.hurry(w)
		}
		switch {
		case r.Host == s.pageHost && s.contentHost == s.pageHost && strings.HasPrefix(r.URL.Path, contentPrefix):
			contents.ServeHTTP(w, r)
		case r.Host == s.pageHost:
			pages.ServeHTTP(w, r)
		case r.Host == s.contentHost:
			contents.ServeHTTP(w, r)
		default:
			http.Error(w, "this address does not belong to this program", http.StatusMisdirectedRequest)
		}
	})
}

// inert refuses what was recovered to whoever wants to run it.
func inert(contents http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Dest") {
		case "script", "style", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "manifest", "xslt", "object", "embed":
			http.Error(w, "what was recovered is never run", http.StatusForbidden)
			return
		}
		contents.ServeHTTP(w, r)
	})
}
