package plan

import (
	"slices"
	"strings"
	"testing"

	"salvor/diagnosis"
)

// answer is one with this cause alone.
func answer(c diagnosis.Cause, ecosystems ...string) *diagnosis.Answer {
	a := &diagnosis.Answer{Cause: c, Grade: diagnosis.Likely}
	if c != diagnosis.CannotTell && c != diagnosis.None {
		a.Conclusions = []diagnosis.Conclusion{{Cause: c, Class: c.Class(), Grade: diagnosis.Likely}}
	} else {
		a.Grade = diagnosis.Unknown
	}
	for _, e := range ecosystems {
		a.Speakers = append(a.Speakers, diagnosis.Speaker{Ecosystem: e})
	}
	return a
}

func make1(t *testing.T, a *diagnosis.Answer, d Device) *Plan {
	t.Helper()
	p, err := Make(a, d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Plan) has(s Stage) bool {
	return slices.ContainsFunc(p.Steps, func(x Step) bool { return x.Stage == s })
}

func (p *Plan) why(s Stage) string {
	for _, l := range p.LeftOut {
		if l.Stage == s {
			return l.Why
		}
	}
	return ""
}

// devices are all combinations of what can be known.
func devices() []Device {
	var list []Device
	known := []Known{Unknown, Yes, No}
	for _, dir := range []string{"", "case"} {
		for _, safe := range known {
			for _, sound := range known {
				for _, slot := range known {
					for _, whole := range []string{"", "OK", "NO"} {
						list = append(list, Device{Case: dir, FilesSafe: safe, StorageSound: sound, WholeSlot: slot, PackageWhole: whole, PackageFits: whole})
					}
				}
			}
		}
	}
	return list
}

// What holds for every plan, of every cause, on every device, for every updater.
func TestEveryPlan(t *testing.T) {
	ecosystems := []string{"", "rauc", "mender", "android", "openwrt", "esp-idf", "mcuboot", "uboot", "raspberrypi", "systemd", "nas", "dfu-util", "swupdate"}
	causes := append(diagnosis.Causes(), diagnosis.CannotTell)
	rank := map[Stage]int{}
	for i, s := range Stages() {
		rank[s] = i
	}
	for _, c := range causes {
		for _, e := range ecosystems {
			all := devices()
			if e != "" { // the rules do not ask for the updater
				all = []Device{all[0], all[len(all)/2], all[len(all)-1]}
			}
			for _, d := range all {
				p := make1(t, answer(c, e), d)
				name := string(c) + " " + e
				if n := len(p.Steps) + len(p.LeftOut); n != len(Stages()) {
					t.Fatalf("%s: %d stages of %d", name, n, len(Stages()))
				}
				last, irreversible := -1, false
				for _, s := range p.Steps {
					if rank[s.Stage] <= last {
						t.Fatalf("%s: %s stands behind a later stage", name, s.Stage)
					}
					last = rank[s.Stage]
					if irreversible && s.Risk == Reversible {
						t.Fatalf("%s: %s can be taken back and stands behind what cannot", name, s.ID)
					}
					irreversible = irreversible || s.Risk == Irreversible
					for _, text := range []string{s.Title, s.Reason, s.Takes, s.Success, s.Otherwise, s.Undo} {
						if text == "" || strings.Contains(text, "{") {
							t.Fatalf("%s: %s is not whole: %q", name, s.ID, text)
						}
					}
				}
				for _, l := range p.LeftOut {
					if l.Why == "" || l.Title == "" {
						t.Fatalf("%s: %s is left out without a reason", name, l.Stage)
					}
				}
				for _, s := range []Stage{"stop", "unique", "files", "health", "maker"} {
					if !p.has(s) {
						t.Fatalf("%s: %s is missing: %s", name, s, p.why(s))
					}
				}
				if p.has("reset") && (d.Case == "" || d.FilesSafe != Yes) {
					t.Fatalf("%s: a reset with files that are not safe", name)
				}
				bad := c.Class() == "storage" || c == "space.ubi" || d.StorageSound == No
				if p.has("retry") && (bad || c == "genuine.rollback" || c == diagnosis.CannotTell || d.WholeSlot == No) {
					t.Fatalf("%s: it is tried again on %+v", name, d)
				}
				if p.has("manual") && bad {
					t.Fatalf("%s: it is written by hand on storage that fails", name)
				}
				if c != diagnosis.CannotTell && p.Prevention == "" {
					t.Fatalf("%s: nothing prevents it", name)
				}
			}
		}
	}
}

func TestRetry(t *testing.T) {
	good := Device{StorageSound: Yes, WholeSlot: Yes}
	for _, c := range []struct {
		name   string
		answer *diagnosis.Answer
		device Device
		retry  bool
	}{
		{"a loss of power, all well", answer("power.lost"), good, true},
		{"a loss of power, storage not known", answer("power.lost"), Device{WholeSlot: Yes}, false},
		{"a loss of power, slots not known", answer("power.lost"), Device{StorageSound: Yes}, false},
		{"a network fault, nothing known", answer("network.timeout"), Device{}, true},
		{"a wrong package", answer("device.wrong"), Device{}, true},
		{"a broken package, tried unchanged", answer("network.timeout"), Device{PackageWhole: "NO"}, false},
		{"a damaged file system", answer("corruption.filesystem"), good, false},
		{"rollback", answer("genuine.rollback"), good, false},
		{"a rule that forbids it", &diagnosis.Answer{Cause: "network.timeout", Grade: diagnosis.Likely, NeverRetry: true}, good, false},
		{"rollback is possible too", &diagnosis.Answer{Cause: "network.timeout", Grade: diagnosis.Likely, Conclusions: []diagnosis.Conclusion{
			{Cause: "network.timeout", Class: "network", Grade: diagnosis.Likely}, {Cause: "genuine.rollback", Class: "genuine", Grade: diagnosis.Possible}}}, good, false},
		{"the storage is possible too", &diagnosis.Answer{Cause: "network.timeout", Grade: diagnosis.Likely, Conclusions: []diagnosis.Conclusion{
			{Cause: "network.timeout", Class: "network", Grade: diagnosis.Likely}, {Cause: "storage.io", Class: "storage", Grade: diagnosis.Possible}}}, Device{}, false},
		{"a network fault while it wrote", &diagnosis.Answer{Cause: "network.cut-off", Grade: diagnosis.Likely,
			Conclusions: []diagnosis.Conclusion{{Cause: "network.cut-off", Class: "network", Grade: diagnosis.Likely}},
			Stories:     []diagnosis.Story{{Boots: []diagnosis.Boot{{Writing: true, Failed: true}}}}}, Device{}, false},
	} {
		p := make1(t, c.answer, c.device)
		if p.has("retry") != c.retry {
			t.Errorf("%s: retry %v: %s", c.name, !c.retry, p.why("retry"))
		}
		for _, s := range p.Steps {
			if s.Stage == "retry" && len(s.Conditions) < 3 {
				t.Errorf("%s: conditions %q", c.name, s.Conditions)
			}
		}
	}
}

func TestReset(t *testing.T) {
	safe := Device{Case: "my case", FilesSafe: Yes, StorageSound: Yes}
	for _, c := range []struct {
		cause  diagnosis.Cause
		device Device
		reset  bool
		why    string
	}{
		{"configuration.incompatible", safe, true, ""},
		{"firmware.panic", safe, true, ""},
		{"network.dns", safe, false, "does not help"},
		{"storage.worn", safe, false, "worn out"},
		{"configuration.incompatible", Device{Case: "c", FilesSafe: No, Verified: "3 files differ"}, false, "3 files differ"},
		{"configuration.incompatible", Device{Case: "c"}, false, "not verified"},
		{"configuration.incompatible", Device{}, false, "no case shows them safe"},
		{diagnosis.CannotTell, safe, false, "cannot be told"},
	} {
		p := make1(t, answer(c.cause), c.device)
		if p.has("reset") != c.reset || !strings.Contains(p.why("reset"), c.why) {
			t.Errorf("%s: reset %v: %s", c.cause, p.has("reset"), p.why("reset"))
		}
	}
}

func TestWords(t *testing.T) {
	p := make1(t, answer("power.lost", "rauc"), Device{Case: "my case", Package: "-new.raucb", Source: "/dev/sdb", StorageSound: Yes, WholeSlot: Yes})
	byStage := map[Stage]Step{}
	for _, s := range p.Steps {
		byStage[s.Stage] = s
	}
	for s, command := range map[Stage]string{
		"files": "salvor verify 'my case'", "package": "salvor check './-new.raucb' --for 'my case'", "health": "salvor look /dev/sdb",
		"other": "rauc status mark-active other", "maker": "salvor bundle 'my case'",
	} {
		if byStage[s].Command != command {
			t.Errorf("%s: command %q, expected %q", s, byStage[s].Command, command)
		}
	}
	if byStage["health"].ID != "health.power" || byStage["manual"].ID != "manual.linux" {
		t.Errorf("steps %s and %s", byStage["health"].ID, byStage["manual"].ID)
	}
	a := answer("policy.battery")
	a.Conclusions[0].Passing = true
	if p := make1(t, a, Device{}); !strings.Contains(p.Passing, "This passes") {
		t.Errorf("passing: %q", p.Passing)
	}
	if p := make1(t, answer(diagnosis.None), Device{}); len(p.Steps)+len(p.LeftOut) > 0 {
		t.Error("a plan for what did not fail")
	}
	p = make1(t, answer("package.transit"), Device{PackageWhole: "OK", PackageFits: "OK"})
	if p.has("package") || !strings.Contains(p.why("package"), "checked") {
		t.Error("what was checked is to be checked")
	}
}

// A base that is not whole is refused.
func TestParse(t *testing.T) {
	steps, err := embedded.ReadFile("steps.yaml")
	if err != nil {
		t.Fatal(err)
	}
	causes, err := embedded.ReadFile("causes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	change := func(in []byte, old, new string) []byte {
		if !strings.Contains(string(in), old) {
			t.Fatalf("no %q", old)
		}
		return []byte(strings.Replace(string(in), old, new, 1))
	}
	if _, err := parse(steps, causes); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][2][]byte{
		"an unknown key":        {change(steps, "takes: at once", "lasts: at once"), causes},
		"an unknown risk":       {change(steps, "risk: read-only", "risk: small"), causes},
		"a step twice":          {change(steps, "id: stop\n", "id: stop.storage\n"), causes},
		"a stage out of order":  {change(steps, "stage: unique", "stage: files"), causes},
		"an unknown cause":      {steps, change(causes, "cause: power.lost", "cause: power.gone")},
		"a cause twice":         {steps, change(causes, "cause: power.lost", "cause: power.weak")},
		"no reason":             {steps, change(causes, "retry: never, why:", "retry: never, first:")},
		"two documents":         {append(slices.Clone(steps), "---\na: b\n"...), causes},
		"a retry not in use":    {steps, change(causes, "retry: same", "retry: often")},
		"a step without a name": {change(steps, "title: Ask the maker, with the log and this answer", "title: ''"), causes},
	} {
		if _, err := parse(in[0], in[1]); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}
