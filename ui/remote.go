package ui

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Remote says how the pages are served to other computers. All of it but ContentHost is demanded.
type Remote struct {
	// Host is the name or the address by which browsers reach the pages, and Port the port, 0 for any that is free.
	Host string
	Port int
	// ContentHost is another name or address of this computer, from which what was recovered is handed out; "" where there
	// is none.
	ContentHost string
	Password    *Password
	Certificate tls.Certificate
}

// IsLoopback reports whether a name or an address is one that only this computer reaches.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// hostName brings a name into the form in which browsers send it.
func hostName(name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if a, err := netip.ParseAddr(name); err == nil {
		if a.IsUnspecified() {
			return "", fmt.Errorf("%s is no address that a browser can be led to: name the one by which this computer is reached, so that requests can be checked against it", name)
		}
		if a.Zone() != "" {
			return "", fmt.Errorf("%s: an address with a zone is none that browsers take", name)
		}
		return a.Unmap().String(), nil
	}
	fits := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.'
	}
	if name == "" || len(name) > 253 || strings.IndexFunc(name, func(r rune) bool { return !fits(r) }) >= 0 {
		return "", fmt.Errorf("%q is no name of a computer and no address", name)
	}
	return name, nil
}

// Names brings the names into the form in which browsers send them, and refuses such as cannot be told apart.
func (r *Remote) Names() (err error) {
	if r.Host, err = hostName(r.Host); err != nil {
		return err
	}
	if r.ContentHost == "" {
		return nil
	}
	if r.ContentHost, err = hostName(r.ContentHost); err != nil {
		return err
	}
	if r.ContentHost == r.Host {
		return fmt.Errorf("%s is where the pages are: what was recovered needs another name or address", r.ContentHost)
	}
	return nil
}

// check refuses what others could enter without a password, or read along.
func (r *Remote) check() error {
	switch {
	case r.Password == nil:
		return errors.New("pages that others can reach need a password")
	case len(r.Certificate.Certificate) == 0:
		return errors.New("pages that others can reach need TLS")
	}
	return r.Names()
}

// away is what a server has that serves other computers.
type away struct {
	Remote
	throttle *throttle
	sessions *sessions
	open     *counted
}

// listen opens the addresses of the names, all on one port.
func (a *away) listen() (list []net.Listener, port string, err error) {
	port = strconv.Itoa(a.Port)
	names := []string{a.Host}
	if a.ContentHost != "" {
		names = append(names, a.ContentHost)
	}
	var taken []string
	defer func() {
		if err != nil {
			for _, l := range list {
				err = errors.Join(err, l.Close())
			}
		}
	}()
	for _, name := range names {
		addresses, err := net.DefaultResolver.LookupHost(context.Background(), name)
		if err != nil {
			return list, "", err
		}
		var failed error
		open := 0
		for _, address := range addresses {
			if slices.Contains(taken, address) {
				open++
				continue
			}
			l, err := net.Listen("tcp", net.JoinHostPort(address, port))
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			open++
			_, port, _ = net.SplitHostPort(l.Addr().String())
			list, taken = append(list, l), append(taken, address)
		}
		if open == 0 {
			return list, "", fmt.Errorf("%s is no address of this computer that it can listen on: %w", name, failed)
		}
	}
	return list, port, nil
}

// authority is how browsers name a host and a port over TLS.
func authority(host, port string) string {
	if port != "443" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// How long a session holds: without any request, and in all.
const (
	sessionIdle = 12 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	maxSessions = 256
)

// sessions are those that a password opened, by what their cookies hold.
type sessions struct {
	now  func() time.Time
	mu   sync.Mutex
	open map[string]*sessionTimes
}

type sessionTimes struct{ begun, seen time.Time }

func newSessions() *sessions { return &sessions{now: time.Now, open: map[string]*sessionTimes{}} }

func (t sessionTimes) over(now time.Time) bool {
	return now.Sub(t.seen) > sessionIdle || now.Sub(t.begun) > sessionLife
}

// add opens a session; of too many, that which was seen longest ago ends.
func (s *sessions) add(nonce string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	oldest := ""
	for n, t := range s.open {
		if t.over(now) {
			delete(s.open, n)
		} else if o := s.open[oldest]; o == nil || t.seen.Before(o.seen) {
			oldest = n
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, oldest)
	}
	s.open[nonce] = &sessionTimes{now, now}
}

// see reports whether a session is open, and notes that it was used.
func (s *sessions) see(nonce string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.open[nonce]
	if t == nil {
		return false
	}
	if now := s.now(); t.over(now) {
		delete(s.open, nonce)
		return false
	} else {
		t.seen = now
	}
	return true
}

func (s *sessions) end(nonce string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, nonce)
}

// contentLife is how long an address of a content leads to it, on a server that others can reach.
const contentLife = 12 * time.Hour

// contentPrefix begins the addresses of contents there.
const contentPrefix = "/t/"

// contentURL makes a path below the contents into an address. On a server that others can reach it carries the time until
// which it holds, sealed with the path.
func (s *Server) contentURL(path string) string {
	if s.away == nil {
		return s.contentOrigin() + path
	}
	// The same for an hour, so that a picture that a page shows again has the same address.
	until := strconv.FormatInt(s.away.sessions.now().Add(contentLife).Truncate(time.Hour).Unix(), 36)
	return s.contentOrigin() + contentPrefix + until + "/" + s.seal.mark("until", until, path) + path
}

// timed lets through what [Server.contentURL] made, as long as it holds.
func (s *Server) timed(contents http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.EscapedPath(), contentPrefix)
		until, rest, _ := strings.Cut(rest, "/")
		mark, path, _ := strings.Cut(rest, "/")
		end, err := strconv.ParseInt(until, 36, 64)
		if !ok || err != nil || !s.seal.holds(mark, "until", until, "/"+path) {
			http.NotFound(w, r)
			return
		}
		if s.away.sessions.now().Unix() > end {
			http.Error(w, "this address has run out: load the page again that led here", http.StatusGone)
			return
		}
		http.StripPrefix(contentPrefix+until+"/"+mark, contents).ServeHTTP(w, r)
	})
}
