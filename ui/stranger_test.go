package ui

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSlowStrangers holds that who was not let in cannot keep requests open that never end, and that who was let in may be slow.
func TestSlowStrangers(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, remote := range map[string]*Remote{"loopback": nil, "away": remoteOf(t, "")} {
		s := serve(t, Options{Remote: remote})
		b := open(t, s)
		s.stranger = 200 * time.Millisecond
		begin := func(head string) net.Conn {
			c, err := net.Dial("tcp", s.pageHost)
			if err != nil {
				t.Fatal(err)
			}
			if s.away != nil {
				c = tls.Client(c, unchecked)
			}
			t.Cleanup(func() { c.Close() })
			if _, err := io.WriteString(c, head); err != nil {
				t.Fatal(err)
			}
			return c
		}
		const length = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na="
		for why, head := range map[string]string{
			"the password":     "POST /login HTTP/1.1\r\nHost: " + s.pageHost + "\r\n" + length,
			"a page":           "GET / HTTP/1.1\r\nHost: " + s.pageHost + "\r\n" + length,
			"a form":           "POST /settings HTTP/1.1\r\nHost: " + s.pageHost + "\r\n" + length,
			"a content":        "GET /c/x/y/z HTTP/1.1\r\nHost: " + s.contentHost + "\r\n" + length,
			"a style":          "GET /static/style.css HTTP/1.1\r\nHost: " + s.pageHost + "\r\n" + length,
			"from another one": "POST / HTTP/1.1\r\nHost: evil.example\r\n" + length,
		} {
			c := begin(head)
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s, %s: the connection stays open: %v", name, why, err)
			}
		}
		body := "csrf=" + s.csrf(b.cookie()) + "&lang=de"
		c := begin(fmt.Sprintf("POST /settings HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n",
			s.pageHost, s.cookieName(), b.cookie(), len(body)))
		time.Sleep(3 * s.stranger)
		if _, err := io.WriteString(c, body); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 12)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 303" {
			t.Errorf("%s: a slow form of one who was let in: %q, %v", name, answer, err)
		}
	}
}

// TestLocal holds that no address leads to another host.
func TestLocal(t *testing.T) {
	for address, want := range map[string]string{"/look?source=x": "/look?source=x", "/": "/", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/",
		"/\t/evil.example": "/", "/\r\n/evil.example": "/", "\t//evil.example": "/", "/a\x00b": "/"} {
		if got := local(address); got != want {
			t.Errorf("%q: %q", address, got)
		}
	}
}
