package ui

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/recovery"
)

const testPassword = "correct horse battery staple"

// thePassword is hashed once for all tests: a guess is meant to be slow.
var thePassword = sync.OnceValues(func() (*Password, error) { return NewPassword([]byte(testPassword)) })

// remoteOf serves over TLS, with contents on another name or on the same.
func remoteOf(t testing.TB, contentHost string) *Remote {
	t.Helper()
	p, err := thePassword()
	if err != nil {
		t.Fatal(err)
	}
	c, err := SelfMade("127.0.0.1", "localhost", "rescue.example")
	if err != nil {
		t.Fatal(err)
	}
	return &Remote{Host: "127.0.0.1", ContentHost: contentHost, Password: p, Certificate: c}
}

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func still() *clock { return &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

// awayServer is a server over TLS whose time is that of the clock.
func awayServer(t *testing.T, contentHost string, o Options) (*Server, *clock) {
	t.Helper()
	o.Remote = remoteOf(t, contentHost)
	s := serve(t, o)
	c := still()
	s.away.throttle.now, s.away.sessions.now = c.Now, c.Now
	return s, c
}

func TestWithoutPasswordOrTLS(t *testing.T) {
	good := remoteOf(t, "")
	for why, change := range map[string]func(*Remote){
		"need a password": func(r *Remote) { r.Password = nil },
		"need TLS":        func(r *Remote) { r.Certificate = tls.Certificate{} },
		"is no address that a browser can be led to":  func(r *Remote) { r.Host = "0.0.0.0" },
		"is no address that a browser can be":         func(r *Remote) { r.Host = "::" },
		"is no name of a computer":                    func(r *Remote) { r.Host = "a/b" },
		"needs another name or address":               func(r *Remote) { r.ContentHost = "127.0.0.1" },
		"is no address of this computer that it can":  func(r *Remote) { r.Host = "192.0.2.1" },
		"is no name of a computer and no address":     func(r *Remote) { r.ContentHost = "http://x" },
		"an address with a zone is none that browser": func(r *Remote) { r.Host = "fe80::1%eth0" },
	} {
		r := *good
		change(&r)
		s, err := Listen(Options{Remote: &r, Log: discard})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", why, err)
		}
	}
	for _, short := range []string{"", "eleven char", strings.Repeat("x", maxPassword+1), "ääääääääää"} {
		if _, err := NewPassword([]byte(short)); err == nil {
			t.Errorf("%q was taken for a password", short)
		}
	}
}

func TestLoopbackNames(t *testing.T) {
	for name, want := range map[string]bool{"127.0.0.1": true, "::1": true, "LocalHost": true, "127.9.9.9": true, "192.168.1.2": false, "nas": false, "0.0.0.0": false, "": false} {
		if got := IsLoopback(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	for name, want := range map[string]string{"NAS.": "nas", "192.168.1.2": "192.168.1.2", "FE80::1": "fe80::1", "::ffff:10.0.0.1": "10.0.0.1"} {
		if got, err := hostName(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, c := range [][3]string{{"nas", "443", "nas"}, {"nas", "8443", "nas:8443"}, {"fe80::1", "443", "[fe80::1]"}, {"fe80::1", "1", "[fe80::1]:1"}} {
		if got := authority(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %q", c, got)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Remote: remoteOf(t, "")})
	c, err := tls.Dial("tcp", s.pageHost, unchecked)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := c.ConnectionState().PeerCertificates[0]
	sum := sha256.Sum256(got.Raw)
	print := Fingerprint(s.o.Remote.Certificate)
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(print) || strings.ReplaceAll(strings.ToLower(print), ":", "") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s is not the fingerprint of what the server shows, %x", print, sum)
	}
	roots := x509.NewCertPool()
	roots.AddCert(got)
	for _, name := range []string{"127.0.0.1", "localhost", "rescue.example"} {
		if _, err := got.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil && name != "127.0.0.1" {
			t.Errorf("%s: %v", name, err)
		}
		if err := got.VerifyHostname(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := got.VerifyHostname("evil.example"); err == nil || got.IsCA || Fingerprint(tls.Certificate{}) != "" {
		t.Error("it holds for more than it is for")
	}
	if c.ConnectionState().Version != tls.VersionTLS13 {
		t.Error(c.ConnectionState().Version)
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Remote: remoteOf(t, "")})
	if got := get(t, "http://"+s.pageHost+"/", nil); got.code != http.StatusBadRequest || strings.Contains(got.body, "<html") {
		t.Errorf("%+v", got)
	}
	if !strings.HasPrefix(s.Link(), "https://") || strings.Contains(s.Link(), "token") {
		t.Error(s.Link())
	}
	if got := get(t, s.pageOrigin()+"/enter?token="+url.QueryEscape(s.seal.mark("link")), nil); got.code != http.StatusForbidden {
		t.Errorf("a link lets in without the password: %d", got.code)
	}
}

func TestPassword(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s, now := awayServer(t, "localhost", Options{})
	post := func(password string, head http.Header) answered {
		h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		for k, v := range head {
			h[k] = v
		}
		return ask(t, http.MethodPost, s.pageOrigin()+"/login", h, url.Values{"password": {password}}.Encode())
	}
	if got := post(testPassword, http.Header{"Origin": {"https://evil.example"}}); got.code != http.StatusForbidden || got.head.Get("Set-Cookie") != "" {
		t.Errorf("from another page: %+v", got)
	}
	if got := post(testPassword, http.Header{"Sec-Fetch-Site": {"cross-site"}}); got.code != http.StatusForbidden || got.head.Get("Set-Cookie") != "" {
		t.Errorf("from another site: %+v", got)
	}
	for range freeGuesses {
		if got := post("a wrong password", nil); got.code != http.StatusForbidden || got.head.Get("Set-Cookie") != "" || !strings.Contains(got.body, "This is not the password.") {
			t.Fatalf("%+v", got)
		}
	}
	if got := post("", nil); got.code != http.StatusForbidden {
		t.Error(got.code)
	}
	// From here on it is slow, for the right one too, until the time is over.
	if got := post(testPassword, nil); got.code != http.StatusTooManyRequests || got.head.Get("Retry-After") != "1" || !strings.Contains(got.body, "Wait 1 seconds") {
		t.Fatalf("%+v", got)
	}
	now.add(time.Second)
	got := post(testPassword, nil)
	cookie := got.head.Get("Set-Cookie")
	if got.code != http.StatusSeeOther || got.head.Get("Location") != "/" {
		t.Fatalf("%+v", got)
	}
	for _, want := range []string{"__Host-salvor-" + s.port + "=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
		if !strings.Contains(cookie, want) || strings.Contains(cookie, "Domain") {
			t.Errorf("the cookie %q has no %q", cookie, want)
		}
	}
	if got := ask(t, http.MethodPut, s.pageOrigin()+"/login", nil, ""); got.code != http.StatusMethodNotAllowed {
		t.Error(got.code)
	}
}

func TestLeaving(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s, now := awayServer(t, "", Options{})
	b, other := open(t, s), open(t, s)
	b.must("Leave", "ask nothing of any other computer")
	b.post("/logout", nil)
	b.must("Password")
	b.get("/cases")
	if !strings.HasSuffix(b.at, "/login") {
		t.Error("a session that was ended is open: ", b.at)
	}
	other.get("/cases")
	if !strings.HasSuffix(other.at, "/cases") {
		t.Error("another browser was thrown out: ", other.at)
	}
	now.add(sessionIdle - time.Second)
	other.get("/cases")
	now.add(sessionIdle - time.Second)
	other.get("/cases")
	if !strings.HasSuffix(other.at, "/cases") {
		t.Error("a session in use ended: ", other.at)
	}
	now.add(sessionIdle + time.Second)
	other.get("/cases")
	if !strings.HasSuffix(other.at, "/login") {
		t.Error("a session that was not used for long is open: ", other.at)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s, now := newSessions(), still()
	s.now = now.Now
	s.add("first")
	for range maxSessions {
		now.add(time.Second)
		s.add(now.Now().String())
	}
	if len(s.open) != maxSessions || s.see("first") || s.see("") {
		t.Errorf("%d sessions", len(s.open))
	}
	last := now.Now().String()
	for range 20 {
		now.add(sessionIdle)
		s.see(last)
	}
	if s.see(last) {
		t.Error("a session has no end")
	}
}

// TestContentsAway holds that contents need an address that was given out, and has not run out, and no cookie.
func TestContentsAway(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	e := &recovery.Entry{ID: "v1/i1", Source: 1, Volume: 1, Name: "a.html", Path: "a.html", Mode: 0o644, Format: "html", Origin: recovery.FromFileSystem}
	k := made(t, dir+"/case", map[string]string{e.ID: "<script>alert(1)</script>"}, e)
	for _, host := range []string{"localhost", ""} {
		s, now := awayServer(t, host, Options{Case: k.Dir})
		open(t, s)
		at := s.contentAddress(k.Key(), e)
		got := get(t, at, nil)
		if got.code != http.StatusOK || got.body != "<script>alert(1)</script>" || got.head.Get("Set-Cookie") != "" || got.head.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(got.head.Get("Content-Disposition"), "attachment") || !strings.Contains(got.head.Get("Content-Security-Policy"), "sandbox") || got.head.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %+v", at, got)
		}
		if want := map[bool]string{true: s.pageHost, false: "localhost:" + s.port}[host == ""]; !strings.HasPrefix(at, "https://"+want+"/t/") {
			t.Errorf("%s: expected on %s", at, want)
		}
		for _, dest := range []string{"script", "style", "worker", "serviceworker", "object"} {
			if got := get(t, at, http.Header{"Sec-Fetch-Dest": {dest}}); got.code != http.StatusForbidden {
				t.Errorf("as %s: %d", dest, got.code)
			}
		}
		bare := "https://" + s.contentHost + at[strings.Index(at, "/c/"):]
		for why, bad := range map[string]string{"without its time": bare, "with another time": strings.Replace(at, "/t/", "/t/z", 1), "of another file": at + "x", "without its mark": strings.Replace(at, "/c/", "x/c/", 1)} {
			if got := get(t, bad, nil); got.code == http.StatusOK || strings.Contains(got.body, "alert") {
				t.Errorf("%s (%s): %+v", why, bad, got)
			}
		}
		now.add(contentLife + time.Hour)
		if got := get(t, at, nil); got.code != http.StatusGone {
			t.Errorf("an address that has run out: %d", got.code)
		}
	}
}

// TestContentsAreApart holds that where contents have the pages' host, pages run scripts of one folder only.
func TestContentsAreApart(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Remote: remoteOf(t, "")})
	policy := s.policy()
	if strings.Contains(policy, "script-src 'self'") || !strings.Contains(policy, "script-src "+s.pageOrigin()+"/static/;") || !strings.Contains(policy, "style-src "+s.pageOrigin()+"/static/;") {
		t.Error(policy)
	}
	s = serve(t, Options{Remote: remoteOf(t, "localhost")})
	if got := get(t, "https://"+s.contentHost+"/login", nil); got.code != http.StatusNotFound {
		t.Errorf("the host of contents has pages: %d", got.code)
	}
}

func TestThrottle(t *testing.T) {
	now := still()
	th := newThrottle()
	th.now = now.Now
	address := func(text string) netip.Addr { return guesser(net.JoinHostPort(text, "1")) }
	one, two := address("10.0.0.1"), address("10.0.0.2")
	for range freeGuesses {
		if w := th.begin(one); w != 0 {
			t.Fatal(w)
		}
	}
	for want := time.Second; want < 2*longestWait; want *= 2 {
		if w := th.begin(one); w != 0 {
			t.Fatalf("a guess that waited waits %s more", w)
		}
		if w, want := th.begin(one), min(want, longestWait); w != want {
			t.Fatalf("%s, expected %s", w, want)
		}
		now.add(min(want, longestWait))
	}
	if w := th.begin(two); w != 0 {
		t.Errorf("another address waits %s", w)
	}
	th.right(two)
	now.add(guessesForgot + longestWait)
	if w := th.begin(one); w != 0 || th.by[one].wrong != 1 {
		t.Errorf("it is not forgotten: %s", w)
	}
	if address("2001:db8::1") != address("2001:db8::2") || address("2001:db8::1") == address("2001:db8:0:1::1") || guesser("nonsense").IsValid() || address("::ffff:10.0.0.1") != one {
		t.Error("addresses of one network are not one, or those of two are")
	}
	// Many addresses together are slowed, but not who knew the password.
	for i := range 3 * maxGuessers {
		th.begin(address(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}).String()))
		now.add(longestWaitAll)
	}
	if len(th.by) > maxGuessers {
		t.Errorf("%d addresses are kept", len(th.by))
	}
	th.begin(address("12.0.0.1"))
	if w := th.begin(address("12.0.0.2")); w != longestWaitAll {
		t.Errorf("all together wait %s", w)
	}
	if w := th.begin(two); w != 0 {
		t.Errorf("who knew it waits %s", w)
	}
}
