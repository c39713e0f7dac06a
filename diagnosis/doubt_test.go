package diagnosis

import (
	"strings"
	"testing"
)

// A hint is graded where a line says that something failed, and where the log ends soon behind it.
func TestDoubt(t *testing.T) {
	usual := func(n int) string { return strings.Repeat("all is as usual\n", n) }
	weak := lineRule("generic.weak", RoleCause, `weak word`, w("clock.wrong", 33))
	hint := lineRule("generic.hint", RoleCause, `odd thing`, w("clock.wrong", 45))
	over := lineRule("up.over", RoleSummary, `it is over`)
	sure := lineRule("generic.sure", RoleCause, `sure thing`, w("clock.wrong", 60))
	named := lineRule("generic.named", RoleCause, `the very cause`, w("clock.wrong", 95))
	for _, c := range []struct {
		name, log string
		grade     Grade
	}{
		{"alone", "weak word\n", Unknown},
		{"alone, and something failed", "weak word\nit is over\n", Possible},
		{"the log ends behind it", usual(30) + "odd thing\n" + usual(9), Possible},
		{"the log goes on", usual(5) + "odd thing\n" + usual(12), Unknown},
		{"the log goes on, and something failed", usual(5) + "odd thing\nit is over\n" + usual(40), Possible},
		{"the log goes on for a small part", usual(100) + "odd thing\n" + usual(12), Possible},
		{"more than a hint", usual(5) + "sure thing\n" + usual(400), Likely},
		{"the very cause, and the log ends", usual(30) + "the very cause\n", VeryLikely},
		{"the very cause, and the log goes on", usual(30) + "the very cause\n" + usual(30), Likely},
		{"the very cause, the log goes on, and something failed", usual(30) + "the very cause\nit is over\n" + usual(30), VeryLikely},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, small(t, weak, hint, sure, over, named), c.log)
			if a.Grade != c.grade || c.grade > Unknown && a.Cause != "clock.wrong" || c.grade == Unknown && a.Cause != CannotTell {
				t.Errorf("%s (%s)", a.Cause, a.Grade)
			}
			if len(a.Conclusions) == 0 || a.Conclusions[0].Cause != "clock.wrong" {
				t.Errorf("the hint is not told: %+v", a.Conclusions)
			}
		})
	}
}

// Heard tells all that rules take, in order.
func TestHeard(t *testing.T) {
	list, err := small(t).Heard(t.Context(), Input{Name: "log", Reader: strings.NewReader("update begins\nhash mismatch\nhash mismatch of the old cache\nupdate failed\n")})
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, ev := range list {
		rules = append(rules, ev.Rule)
	}
	if got := strings.Join(rules, " "); got != "up.begin up.hash up.usual generic.failed" || list[1].Strength != 70 || list[1].Place.Line != 2 {
		t.Errorf("%s, %+v", got, list)
	}
}

// What a library says of a network or a server is graded where the log ends soon behind it, where a line says that
// something failed, and where a program says so too; not where the log goes on for long.
func TestDoubtOfPeers(t *testing.T) {
	usual := func(n int) string { return strings.Repeat("all is as usual\n", n) }
	portal := lineRule("net.portal", RoleCause, `log in to this network`, w("network.captive-portal", 90))
	over := lineRule("up.over", RoleSummary, `it is over`)
	refused := lineRule("net.refused", RoleCause, `nobody listens`, w("server.error", 50))
	e := small(t, portal, over, refused)
	e.base.Ecosystem("net").Anywhere = true
	const gone = "connection timed out\n"
	for _, c := range []struct {
		name, log string
		cause     Cause
	}{
		{"the log goes on for long", usual(5) + gone + usual(20), CannotTell},
		{"the log goes on for a part", usual(40) + gone + usual(20), "network.timeout"},
		{"the log ends soon", usual(5) + gone + usual(8), "network.timeout"},
		{"something failed", usual(5) + gone + "it is over\n" + usual(40), "network.timeout"},
		{"another class", usual(5) + "hash mismatch\n" + usual(40), "package.corrupted"},
		{"a coin's toss", "to the hub: nobody listens\n", CannotTell},
		{"a coin's toss, of a downloader", "wget: nobody listens\n", "server.error"},
		{"a coin's toss, of a page", "get http://gw.example/: nobody listens\n", "server.error"},
		{"a coin's toss, and something failed", "to the hub: nobody listens\nit is over\n", "server.error"},
		{"a network that wants a login", usual(5) + "log in to this network\n" + usual(40), "network.captive-portal"},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause {
			t.Errorf("%s: %s, want %s", c.name, a.Cause, c.cause)
		}
	}
}

// What a library says of a network is a cause where somebody updates or fetches something, and not in the log of whoever
// serves others.
func TestNobodyFetches(t *testing.T) {
	e := small(t, lineRule("net.proxy", RoleCause, `proxy has no such name`, w("configuration.incompatible", 60)))
	net := e.base.Ecosystem("net")
	net.Anywhere, net.Library = true, true
	e.base.Ecosystem("boot").Library = true
	const served = "peer 9: hello\npeer 9: https://192.0.2.7 connection timed out\n"
	for _, c := range []struct {
		name, log string
		cause     Cause
	}{
		{"nobody", served, CannotTell},
		{"a machine that starts", "Linux version 6\n" + served, CannotTell},
		{"an updater", "upper[3]: hello\n" + served, "network.timeout"},
		{"an updater's own sentence", "writing block 7\n" + served, "network.timeout"},
		{"another class", "invalid header: 0x27051956\npeer 9: hello\n", "package.corrupted"},
		{"settings", "peer 9: the proxy has no such name\n", CannotTell},
		{"settings of an updater", "writing block 7\npeer 9: the proxy has no such name\n", "configuration.incompatible"},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause {
			t.Errorf("%s: %s, want %s", c.name, a.Cause, c.cause)
		}
	}
	a, err := e.Diagnose(t.Context(), Case{Inputs: []Input{{Name: "said", Reader: strings.NewReader(served), Said: true}}})
	if err != nil || a.Cause != "network.timeout" {
		t.Errorf("what a person typed: %+v, %v", a, err)
	}
}

// A program's sentence in a log of some length is its own where a name of it stands there, or in the log's name.
func TestNameless(t *testing.T) {
	e := small(t, lineRule("generic.device", RoleCause, `not for this device`, w("device.wrong", 60)), lineRule("generic.over", RoleSummary, `it is over`))
	e.base.Ecosystem("up").Names = []string{`(?i)\bupdater-2000\b`}
	e, err := New(e.base)
	if err != nil {
		t.Fatal(err)
	}
	usual := strings.Repeat("all is as usual\n", 12)
	const wrong = "it is for 'hub'\n"
	for _, c := range []struct {
		name, log string
		cause     Cause
	}{
		{"no name", usual + wrong, CannotTell},
		{"a few lines", "all is as usual\n" + wrong, "device.wrong"},
		{"called by its name", "# Updater-2000 -i hub.img\n" + usual + wrong, "device.wrong"},
		{"it speaks", "upper[7]: hello\n" + usual + wrong, "device.wrong"},
		{"something failed", usual + wrong + "it is over\n", "device.wrong"},
		{"a general sentence beside it", usual + wrong + "it is not for this device\n", "device.wrong"},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause {
			t.Errorf("%s: %s, want %s", c.name, a.Cause, c.cause)
		}
	}
	a, err := e.Diagnose(t.Context(), Case{Inputs: []Input{{Name: "updater-2000.log", Reader: strings.NewReader(usual + wrong)}}})
	if err != nil || a.Cause != "device.wrong" {
		t.Errorf("a log of its name: %+v, %v", a, err)
	}
}
