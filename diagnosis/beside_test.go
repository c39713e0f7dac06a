package diagnosis

import (
	"strings"
	"testing"
)

// A library's words on the line of a service that has no part in the update say little.
func TestBeside(t *testing.T) {
	e := small(t)
	e.base.Ecosystem("net").Anywhere = true
	for _, c := range []struct {
		log   string
		cause Cause
	}{
		{"Nov 21 14:31:14 gw upper[1]: update begins\nNov 21 14:31:15 gw modbusd[7]: connection timed out\n", CannotTell},
		{"Nov 21 14:31:14 gw upper[1]: update begins\nNov 21 14:31:15 gw upper[1]: connection timed out\n", "network.timeout"},
		{"Nov 21 14:31:14 gw upper[1]: update begins\nNov 21 14:31:15 gw fw-fetch[7]: connection timed out\n", "network.timeout"},
		{"Nov 21 14:31:15 gw modbusd[7]: connection timed out\n", "network.timeout"},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause {
			t.Errorf("%s: %s, want %s", c.log, a.Cause, c.cause)
		}
	}
}

// Words on a line on which another program speaks weigh less.
func TestForeign(t *testing.T) {
	e := small(t)
	eco := e.base.Ecosystem("net")
	eco.Speaks = []string{"network daemon"}
	if a := ask(t, e, "upper[1]: connection timed out\n"); a.Cause != CannotTell || len(a.Conclusions) != 1 {
		t.Errorf("%s, %+v", a.Cause, a.Conclusions)
	}
	eco.Anywhere = true
	if a := ask(t, e, "upper[1]: connection timed out\n"); a.Cause != "network.timeout" {
		t.Errorf("%s", a.Cause)
	}
}

// Lines without a name in the own log of a service are the service's too; not those of a downloader between its lines, and
// not where an updater speaks more.
func TestOwnLog(t *testing.T) {
	e := small(t)
	e.base.Ecosystem("net").Anywhere = true
	e.base.Ecosystems = append(e.base.Ecosystems, &Ecosystem{Name: "beside", Title: "services", Bystander: true, Speaks: []string{`GET /\S* 404`}})
	e, err := New(e.base)
	if err != nil {
		t.Fatal(err)
	}
	const served = "192.0.2.7 GET /favicon.ico 404\n"
	for _, c := range []struct {
		name, log string
		cause     Cause
	}{
		{"its own", strings.Repeat(served, 3) + "gone 10.0.0.7: connection timed out\n", CannotTell},
		{"of many lines", strings.Repeat(served+strings.Repeat("Date: today\n", 9), 60) + "gone 10.0.0.7: connection timed out\n", CannotTell},
		{"few of its lines", served + strings.Repeat("idle\n", 9) + "gone 10.0.0.7: connection timed out\n", "network.timeout"},
		{"a downloader's", strings.Repeat(served, 3) + "wget: connection timed out\n", "network.timeout"},
		{"of a name", strings.Repeat(served, 3) + "agent: connection timed out\n", "network.timeout"},
		{"an updater speaks more", served + strings.Repeat("upper[1]: at work\n", 2) + "gone 10.0.0.7: connection timed out\n", "network.timeout"},
		{"another cause", strings.Repeat(served, 3) + "hash mismatch\n", "package.corrupted"},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause {
			t.Errorf("%s: %s, want %s", c.name, a.Cause, c.cause)
		}
	}
}
