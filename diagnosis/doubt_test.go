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
