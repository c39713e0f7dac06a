package diagnosis

import (
	"strings"
	"testing"
)

// A service that writes more lines than are told one by one is still known on each line on which a rule weighs, on the
// last of a rule too; so is a usual line.
func TestOverlooked(t *testing.T) {
	e := small(t)
	e.base.Ecosystem("net").Anywhere = true
	usual := lineRule("up.usual", RoleNormal, `modbusd\[\d+\]: (?:connection timed out to|idle)`)
	e.base.Ecosystems = append(e.base.Ecosystems, &Ecosystem{Name: "beside", Title: "services", Bystander: true, Speaks: []string{`sshd\[\d+\]: `}},
		&Ecosystem{Name: "usual", Title: "usual lines", Rules: []*Rule{usual}})
	e, err := New(e.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, log string
		cause     Cause
	}{
		{"alone", "sshd[7]: connection timed out\n", CannotTell},
		{"behind many", strings.Repeat("sshd[7]: a login\n", 3000) + "sshd[7]: connection timed out\n", CannotTell},
		{"many", strings.Repeat("sshd[7]: connection timed out\n", 3000), CannotTell},
		{"another's", strings.Repeat("sshd[7]: connection timed out\n", 3000) + "fetcher: connection timed out\n", "network.timeout"},
		{"usual", strings.Repeat("modbusd[3]: connection timed out to meter 5\n", 3000), CannotTell},
		{"behind many usual ones", strings.Repeat("modbusd[3]: idle\n", 3000) + "modbusd[3]: connection timed out to meter 5\n", CannotTell},
	} {
		if a := ask(t, e, c.log); a.Cause != c.cause || c.cause == CannotTell && len(a.Conclusions) > 0 {
			t.Errorf("%s: %s, %+v, want %s", c.name, a.Cause, a.Conclusions, c.cause)
		}
	}
}
