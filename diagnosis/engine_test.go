package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// rule makes a rule of a line.
func lineRule(id string, role Role, pattern string, weights ...Weight) *Rule {
	eco, _, _ := strings.Cut(id, ".")
	return &Rule{ID: id, Ecosystem: eco, Role: role, Pattern: pattern, Weights: weights, Means: "means " + id, Source: "test"}
}

func w(c Cause, strength int) Weight { return Weight{c, strength} }

// small is a base of few rules: an updater, a boot loader with a kernel, a downloader.
func small(t *testing.T, more ...*Rule) *Engine {
	t.Helper()
	one := int64(1)
	up := &Ecosystem{Name: "up", Title: "Upper", Speaks: []string{`upper\[\d+\]`}, Logs: "in /var/log/upper",
		Codes: []Codes{{Name: "status", Patterns: []string{`status code (?P<code>\w+)`}, Mask: 0xff}},
		Rules: []*Rule{
			lineRule("up.begin", RoleBegin, `update begins`),
			lineRule("up.writing", RoleWriting, `writing block`),
			lineRule("up.done", RoleSuccess, `update is complete`),
			lineRule("up.failed", RoleSummary, `update failed`),
			lineRule("up.wrong", RoleCause, `is for '(?P<found>\w+)'`, w("device.wrong", 90), w("package.corrupted", 10)),
			lineRule("up.hash", RoleCause, `hash mismatch`, w("package.corrupted", 70), w("network.cut-off", 30)),
			lineRule("up.hash-again", RoleCause, `checksum of image differs`, w("package.corrupted", 60)),
			lineRule("up.abort", RoleSymptom, `writer aborted`, w("updater.bug", 50)),
			lineRule("up.old", RoleCause, `older than what is installed`, w("genuine.rollback", 90)),
			lineRule("up.size", RoleCause, `got (?P<actual_size>\d+) of (?P<expected_size>\d+) bytes`, w("package.corrupted", 40)),
			lineRule("up.magic", RoleCause, `invalid header: (?P<magic>0x[0-9a-f]+)`, w("package.corrupted", 40)),
			lineRule("up.usual", RoleNormal, `hash mismatch of the old cache`),
			{ID: "up.code-one", Ecosystem: "up", Kind: KindCode, Role: RoleCause, Code: CodeTable{In: "status", Number: &one}, Weights: []Weight{w("space.slot", 80)}, Means: "one"},
			{ID: "up.code-word", Ecosystem: "up", Kind: KindCode, Role: RoleCause, Code: CodeTable{In: "status", Name: "EFULL"}, Weights: []Weight{w("space.download", 80)}, Means: "word"},
			{ID: "up.cut", Ecosystem: "up", Kind: KindOrder, Role: RoleCause, Order: []Step{{Event: "role:writing"}, {Event: "role:success", Not: true}, {Event: "role:reboot"}}, Weights: []Weight{w("power.lost", 75)}, Means: "cut"},
		}}
	boot := &Ecosystem{Name: "boot", Title: "Boot", Rules: []*Rule{
		lineRule("boot.spl", RoleReboot, `U-Boot (SPL )?20\d\d`),
		lineRule("boot.linux", RoleReboot, `Linux version \d`),
		lineRule("boot.env", RoleCause, `bad CRC, using default environment`, w("boot.environment", 50)),
		lineRule("boot.panic", RoleCause, `Kernel panic`, w("firmware.panic", 60)),
		lineRule("boot.up", RoleSuccess, `Reached target multi-user`),
	}}
	boot.Rules[2].FirstBootNormal = true
	net := &Ecosystem{Name: "net", Title: "Net", Rules: []*Rule{
		lineRule("net.timeout", RoleCause, `connection timed out`, w("network.timeout", 70)),
		lineRule("net.whole", RoleNormal, `download is whole`),
		lineRule("net.dns", RoleCause, `name not resolved`, w("network.dns", 80)),
		lineRule("net.503", RoleCause, `answers 503`, w("server.overload", 85)),
		lineRule("net.cut", RoleCause, `connection broke off`, w("network.cut-off", 80)),
	}}
	net.Rules[4].Against = []string{"net.whole"}
	general := &Ecosystem{Name: generic, Title: "any", Logs: "the serial line", Rules: append([]*Rule{
		lineRule("generic.failed", RoleCause, `failed`, w("updater.bug", 20)),
		{ID: "generic.cut", Ecosystem: generic, Kind: KindFact, Role: RoleCause, Fact: FactTest{Name: "derived.size", Is: "short"}, Weights: []Weight{w("network.cut-off", 80)}, Means: "short"},
		{ID: "generic.page", Ecosystem: generic, Kind: KindFact, Role: RoleCause, Fact: FactTest{Name: "derived.text", Is: "html"}, Weights: []Weight{w("network.captive-portal", 70)}, Means: "page"},
		{ID: "generic.blink", Ecosystem: generic, Kind: KindSaid, Role: RoleCause, Pattern: `(?i)blinks? three times`, Weights: []Weight{w("boot.slot", 80)}, Means: "blinks"},
	}, more...)}
	base, err := NewBase([]*Ecosystem{up, boot, net, general})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ask(t *testing.T, e *Engine, logs ...string) *Answer {
	t.Helper()
	var c Case
	for n, text := range logs {
		c.Inputs = append(c.Inputs, Input{Name: fmt.Sprintf("%d.log", n), Reader: strings.NewReader(text)})
	}
	a, err := e.Diagnose(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCauses(t *testing.T) {
	for _, c := range []struct {
		name, log string
		cause     Cause
		grade     Grade
	}{
		{"names the cause", "upper[1]: update begins\nupper[1]: package is for 'hub'\nupper[1]: update failed\n", "device.wrong", VeryLikely},
		{"the first failure is the cause", "connection timed out\nwriter aborted\nhash mismatch\n", "network.timeout", Likely},
		{"a symptom alone counts", "writer aborted\n", "updater.bug", Likely},
		{"summary lines weigh nothing", "upper[1]: update failed\n", CannotTell, Unknown},
		{"a success ends failures of its program", "update begins\nhash mismatch\nupdate begins\nupdate is complete\n", None, Unknown},
		{"and those of others since it began", "update begins\nconnection timed out\nupdate is complete\n", CannotTell, Unknown},
		{"a server that was found later", "connection timed out\nupdate begins\nupdate is complete\n", CannotTell, Unknown},
		{"a failure behind a success stands", "update is complete\nU-Boot 2023.01\nLinux version 6\nKernel panic\n", "firmware.panic", Likely},
		{"a boot that goes well ends its own failures", "Linux version 6\nKernel panic\nLinux version 6\nReached target multi-user\n", None, Unknown},
		{"a usual line is masked", "hash mismatch of the old cache\n", CannotTell, Unknown},
		{"nothing at all", "", CannotTell, Unknown},
		{"usual on a first boot", "U-Boot 2023.01\n*** Warning - bad CRC, using default environment\nLinux version 6\nReached target multi-user\n", None, Unknown},
		{"not on a later one", "update begins\nU-Boot 2023.01\n*** Warning - bad CRC, using default environment\n", "boot.environment", Likely},
		{"the words of a code", "status code efull\n", "space.download", VeryLikely},
		{"a code with flags", "status code 0x101\n", "space.slot", VeryLikely},
		{"an unknown code", "status code 77\n", CannotTell, Unknown},
		{"a page was downloaded", "invalid header: 0x6d74683c\n", "network.captive-portal", Likely},
		{"erased flash is no page", "invalid header: 0xffffffff\n", "package.corrupted", Possible},
		{"a short file", "got 100 of 200 bytes\n", "network.cut-off", VeryLikely},
		{"a whole file", "got 200 of 200 bytes\n", "package.corrupted", Possible},
		{"power lost while writing", "writing block 7\nU-Boot SPL 2023.01\nU-Boot 2023.01\nLinux version 6\n", "power.lost", Likely},
		{"an orderly reboot", "writing block 7\nupdate is complete\nU-Boot 2023.01\nLinux version 6\n", None, Unknown},
		{"a server that answered was reached", "name not resolved\nserver answers 503\n", "server.overload", VeryLikely},
		{"a program's own words beat general ones", "it failed: package is for 'hub'\n", "device.wrong", VeryLikely},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, small(t), c.log)
			if c.cause == CannotTell && a.Cause == None && c.log != "" {
				a.Cause = CannotTell // no finding either way
			}
			if a.Cause != c.cause || a.Grade != c.grade {
				t.Errorf("%s, %s; want %s, %s\n%+v", a.Cause, a.Grade, c.cause, c.grade, a.Conclusions)
			}
		})
	}
}

func TestOneRuleCountsOnce(t *testing.T) {
	one := ask(t, small(t), "hash mismatch\n")
	ten := ask(t, small(t), strings.Repeat("hash mismatch\n", 10))
	two := ask(t, small(t), "hash mismatch\nchecksum of image differs\n")
	far := ask(t, small(t), "hash mismatch\n", "connection broke off\n")
	if one.Conclusions[0].Score != ten.Conclusions[0].Score || ten.Conclusions[0].For[0].Times < 8 {
		t.Errorf("once %v, ten times %v, %+v", one.Conclusions[0].Score, ten.Conclusions[0].Score, ten.Conclusions[0].For)
	}
	if two.Conclusions[0].Score <= one.Conclusions[0].Score {
		t.Errorf("two rules: %v, one: %v", two.Conclusions[0].Score, one.Conclusions[0].Score)
	}
	if c := far.Conclusions[0]; c.Cause != "network.cut-off" || len(c.For) != 2 || c.Score <= 0.8 {
		t.Errorf("%+v", c)
	}
}

func TestAgainst(t *testing.T) {
	a := ask(t, small(t), "connection broke off\ndownload is whole\n")
	c := a.Conclusions[0]
	if c.Cause != "network.cut-off" || c.Grade > Possible || len(c.Against) != 1 || c.Against[0].Rule != "net.whole" || c.Against[0].Place.Line != 2 {
		t.Errorf("%+v", c)
	}
}

func TestNeverRetry(t *testing.T) {
	if a := ask(t, small(t), "older than what is installed\n"); !a.NeverRetry || a.Cause != "genuine.rollback" {
		t.Errorf("%+v", a)
	}
	if a := ask(t, small(t), "hash mismatch\n"); a.NeverRetry {
		t.Error("a damaged package may be tried again")
	}
}

func TestPlaces(t *testing.T) {
	log := "first\r\n[   12.500000] \x1b[31mupper[1]: package is for 'hub'\x1b[0m\r\n"
	a := ask(t, small(t), log)
	ev := a.Conclusions[0].For[0]
	if got := log[ev.Place.Offset : ev.Place.Offset+ev.Place.Length]; !strings.Contains(got, "\x1b[31mupper[1]") || ev.Place.Line != 2 || ev.Place.When != "12.500000" {
		t.Errorf("%q, %+v", got, ev.Place)
	}
	if ev.Quote != "[   12.500000] upper[1]: package is for 'hub'" || ev.Groups["found"] != "hub" || ev.Words != "means up.wrong" {
		t.Errorf("%+v", ev)
	}
}

func TestBoots(t *testing.T) {
	a := ask(t, small(t), "update begins\nwriting block 1\nU-Boot SPL 2023\nU-Boot 2023\nLinux version 6\nKernel panic\nU-Boot SPL 2023\nU-Boot 2023\nLinux version 6\nReached target multi-user\n")
	boots := a.Stories[0].Boots
	if len(boots) != 3 || !boots[0].Begun || !boots[0].Writing || boots[1].Success || !boots[2].Success || boots[1].Start.Line != 3 || boots[2].Start.Line != 7 {
		t.Errorf("%+v", boots)
	}
}

func TestSaid(t *testing.T) {
	a, err := small(t).Diagnose(context.Background(), Case{Inputs: []Input{{Name: "said", Said: true, Reader: strings.NewReader("The light BLINKS three times.")}}})
	if err != nil || a.Cause != "boot.slot" || a.Conclusions[0].For[0].Quote != "BLINKS three times" || a.Conclusions[0].For[0].Place.Offset != 10 {
		t.Errorf("%v, %+v", err, a)
	}
	if a := ask(t, small(t), "The light blinks three times."); a.Cause == "boot.slot" {
		t.Error("a log is not what a person said")
	}
	a, err = small(t).Diagnose(context.Background(), Case{Inputs: []Input{{Name: "said", Said: true, Reader: strings.NewReader("it shows KERNEL PANIC on the screen")}}})
	if err != nil || a.Cause != "firmware.panic" {
		t.Errorf("capital letters: %v, %+v", err, a)
	}
	if a := ask(t, small(t), "it shows KERNEL PANIC on the screen"); a.Cause == "firmware.panic" {
		t.Error("programs print what they print")
	}
}

func TestCollectAndQuestion(t *testing.T) {
	hint := lineRule("generic.hint", RoleCause, `odd thing`, w("clock.wrong", 20), w("network.tls", 18))
	hint.Decide = "Ask the clock."
	sure := lineRule("generic.sure", RoleCause, `surely odd`, w("clock.wrong", 70))
	sure.Decide = "Ask the clock twice."
	a := ask(t, small(t, hint, sure), "upper[7]: an odd thing\n")
	if a.Cause != CannotTell || len(a.Collect) != 2 || a.Collect[0] != "in /var/log/upper" || a.Collect[1] != "the serial line" || a.Question != "Ask the clock." {
		t.Errorf("%+v", a)
	}
	if a := ask(t, small(t, hint, sure), "an odd thing, surely odd\n"); a.Question != "Ask the clock twice." {
		t.Errorf("%q", a.Question)
	}
}

func TestProblems(t *testing.T) {
	boom := errors.New("boom")
	c := Case{Inputs: []Input{{Name: "x", Reader: iotest.ErrReader(boom)}, {Name: "y", Reader: strings.NewReader("hash mismatch\n")}}}
	a, err := small(t).Diagnose(context.Background(), c)
	if err != nil || len(a.Problems) != 1 || !strings.Contains(a.Problems[0], "boom") || a.Cause != "package.corrupted" {
		t.Errorf("%v, %+v", err, a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := small(t).Diagnose(ctx, Case{Inputs: []Input{{Reader: strings.NewReader("x")}}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMeasuredFile(t *testing.T) {
	b, err := os.ReadFile("measured.json")
	if err != nil || hits() == nil {
		t.Fatal(err, string(b))
	}
	for name, h := range hits() {
		var g Grade
		if err := g.UnmarshalText([]byte(name)); err != nil || h.Right > h.Of || h.Right < 0 {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}
