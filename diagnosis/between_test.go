package diagnosis

import "testing"

func TestTwoInputs(t *testing.T) {
	for _, c := range []struct {
		name, console, journal string
		cause                  Cause
	}{
		{"the earlier one explains the later", "Nov 21 14:31:10 gw kernel: connection broke off\n", "Nov 21 14:31:14 gw upper[1]: package is for 'hub'\n", "network.cut-off"},
		{"in whatever order they come", "Nov 21 14:31:14 gw upper[1]: package is for 'hub'\n", "Nov 21 14:31:10 gw kernel: connection broke off\n", "network.cut-off"},
		{"not of another hour", "Nov 21 12:31:10 gw kernel: connection broke off\n", "Nov 21 14:31:14 gw upper[1]: package is for 'hub'\n", "device.wrong"},
		{"not without a day", "14:31:10 kernel: connection broke off\n", "14:31:14 upper[1]: package is for 'hub'\n", "device.wrong"},
		{"not with and without a year", "2026-11-21 14:31:10 connection broke off\n", "Nov 21 14:31:14 gw upper[1]: package is for 'hub'\n", "device.wrong"},
		{"a symptom", "Nov 21 14:31:10 gw kernel: name not resolved\n", "Nov 21 14:31:14 gw upper[1]: package is for 'hub'\nNov 21 14:31:15 gw upper[1]: writer aborted\n", "network.dns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := ask(t, small(t), c.console, c.journal); a.Cause != c.cause {
				t.Errorf("%s: %+v", a.Cause, a.Conclusions)
			}
		})
	}
}

// A good end clears hints, and does not clear what is likely.
func TestGoodEnd(t *testing.T) {
	lost := lineRule("generic.lost", RoleSummary, `gave up`)
	hint := lineRule("generic.hint", RoleCause, `odd thing`, w("clock.wrong", 35))
	for _, c := range []struct {
		log   string
		cause Cause
	}{
		{"Linux version 6\nodd thing\nLinux version 6\nReached target multi-user\n", CannotTell},
		{"Linux version 6\nodd thing\ngave up\nLinux version 6\nReached target multi-user\n", "clock.wrong"},
		{"Linux version 6\nReached target multi-user\nodd thing\n", "clock.wrong"},
		{"Linux version 6\nname not resolved\nLinux version 6\nReached target multi-user\n", "network.dns"},
	} {
		if a := ask(t, small(t, hint, lost), c.log); a.Cause != c.cause {
			t.Errorf("%q: %s, %+v", c.log, a.Cause, a.Conclusions)
		}
	}
}

// Hints of one class add up to a possible cause of it.
func TestClass(t *testing.T) {
	vague := lineRule("generic.vague", RoleCause, `net trouble`, w("network.dns", 19), w("network.timeout", 19), w("network.no-link", 18))
	other := lineRule("generic.other", RoleCause, `any trouble`, w("network.dns", 19), w("server.error", 19), w("package.maker", 18))
	if a := ask(t, small(t, vague), "net trouble\n"); a.Cause != "network.dns" || a.Grade != Possible {
		t.Errorf("%s, %s", a.Cause, a.Grade)
	}
	if a := ask(t, small(t, other), "any trouble\n"); a.Cause != CannotTell {
		t.Errorf("%s, %s", a.Cause, a.Grade)
	}
}
