package ui

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestCrowd opens more connections than one computer may have: those that are too much are closed, and room comes back.
func TestCrowd(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{Remote: remoteOf(t, "")})
	s.away.open.mu.Lock()
	s.away.open.one = 5
	s.away.open.mu.Unlock()
	closed := func(c net.Conn) bool {
		if err := c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 1))
		timeout, ok := err.(net.Error)
		return err == io.EOF || !ok || !timeout.Timeout()
	}
	var list []net.Conn
	for i := range 8 {
		c, err := net.Dial("tcp", s.pageHost)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		list = append(list, c)
		if got := closed(c); got != (i >= 5) {
			t.Errorf("connection %d: closed is %v", i, got)
		}
	}
	for _, c := range list {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s.away.open.mu.Lock()
		left := s.away.open.sum + len(s.away.open.by)
		s.away.open.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d are counted that are closed", left)
		}
	}
	if got := get(t, s.pageOrigin()+"/login", nil); got.code != http.StatusOK {
		t.Errorf("%d", got.code)
	}
	all := newCounted()
	all.all = 3
	for i, who := range []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"} {
		if got := all.add(guesser(who)); got != (i < 3) {
			t.Errorf("%s: %v", who, got)
		}
	}
}
