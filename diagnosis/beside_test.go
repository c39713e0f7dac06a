package diagnosis

import "testing"

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
