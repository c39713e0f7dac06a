package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTruthInEachForm(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		states []string
	}{
		"object": {`{"size": 4096, "files": [{"state":"live","path":"a","size":1,"sha256":"00","recoverable":true}, {"state":"overwritten","path":"b","size":1,"sha256":"01"}]}`,
			[]string{"live"}},
		"list": {`[{"path":"a.TXT","state":"live","size":3,"pieces":false,"sha256":"00"}, {"path":"b","state":"deleted","size":3,"pieces":true,"sha256":"01"},
			{"path":"empty","state":"deleted","size":0,"pieces":false,"sha256":"02"}]`, []string{"live", "deleted, in pieces"}},
		"paths": {`{"x/a":{"state":"live","size":3,"sha256":"00","streams":{"s":"05"}}, "b":{"state":"deleted","size":3,"sha256":"01","survives":true,"streams":{}},
			"c":{"state":"deleted","size":3,"sha256":"02","survives":false,"streams":{}}}`, []string{"live", "live, streams", "deleted", "deleted, record reused"}},
		"a file named files": {`{"files":{"state":"live","size":3,"sha256":"00","streams":{}}}`, []string{"live"}},
	} {
		got, err := parseTruth([]byte(c.raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := strings.Join(got.states(), "|"); s != strings.Join(c.states, "|") {
			t.Errorf("%s: %s", name, s)
		}
	}
	if _, err := parseTruth([]byte("not json")); err == nil {
		t.Error("no error")
	}
}

// aCase makes a volume of three files that have no runs, and what two programs saved of it.
func aCase(t *testing.T) (arg, pool string) {
	t.Helper()
	dir := t.TempDir()
	pool = filepath.Join(dir, "pool")
	files := map[string][]byte{}
	var list []string
	for i, name := range []string{"live", "deleted", "overwritten"} {
		b := make([]byte, 3000)
		for k := range b {
			b[k] = byte(k*k*(i+3)>>4 + k)
		}
		files[name] = b
		put(t, filepath.Join(pool, sum(b)), b)
		can := "true"
		if name == "overwritten" {
			can = "false"
		}
		list = append(list, `{"state":"`+name+`","path":"f/`+name+`.bin","size":3000,"sha256":"`+sum(b)+`","recoverable":`+can+`}`)
	}
	image := filepath.Join(dir, "disk.img")
	put(t, image, make([]byte, 512))
	put(t, image+".truth.json", []byte(`{"files":[`+strings.Join(list, ",")+`]}`))
	run := filepath.Join(dir, "run")
	put(t, filepath.Join(run, "salvor/files/1/f/live.bin"), files["live"])
	put(t, filepath.Join(run, "salvor/deleted/1/f/deleted.bin"), files["deleted"])
	put(t, filepath.Join(run, "salvor/carved/x"), append([]byte("no file "), files["live"]...))
	put(t, filepath.Join(run, "salvor/report.json"), []byte(`{"files":[
		{"path":"f/live.bin","origin":"filesystem","state":"live","verdict":"consistent","saved_as":"files/1/f/live.bin"},
		{"path":"f/live.bin","stream":"s","origin":"filesystem","state":"live","verdict":"proven","saved_as":"deleted/1/f/deleted.bin"},
		{"path":"","origin":"carved","verdict":"consistent","saved_as":"carved/x"}]}`))
	put(t, filepath.Join(run, "tsk_recover/saved/f/live.bin"), files["live"])
	put(t, filepath.Join(run, "tsk_recover/saved/$MFT"), []byte("a table"))
	put(t, filepath.Join(run, "tsk_recover/saved/f/more.bin"), append(files["live"], 1))
	put(t, filepath.Join(run, "times"), []byte("salvor 4 2048 0 2.5\ntsk_recover 1 1024 139 0.5\n"))
	return "ext4-deleted=" + image + "=" + run, pool
}

func TestCasesAreHeldAgainstTheGoals(t *testing.T) {
	arg, pool := aCase(t)
	cases, err := readCases([]string{arg}, pool)
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0]
	ours, other := c.scores["salvor"], c.scores["tsk_recover"]
	if ours.named["live"] != 1 || ours.named["deleted"] != 1 || ours.false() != 1 || ours.falseConsistent != 1 || ours.falseProven != 0 || ours.consistent != 2 {
		t.Errorf("%+v", ours)
	}
	if other.structures != 1 || other.saved != 2 || other.padded != 1 || other.false() != 1 {
		t.Errorf("%+v", other)
	}
	if tool, n := c.best("deleted"); tool != "tsk_recover" || n != 0 {
		t.Errorf("best %s %d", tool, n)
	}
	for _, g := range []struct {
		goal
		want bool
	}{
		{goal{state: "deleted", exact: 1, path: 1}, true},
		{goal{state: "deleted", exact: 0.9, asOthers: true}, true},
		{goal{state: "deleted", noFalse: true}, false},
	} {
		if got := g.reached(c); got != g.want {
			t.Errorf("%+v: %t", g.goal, got)
		}
	}
	var b strings.Builder
	healthy := []healthyVolume{{Kind: "ntfs", Files: 5, Exact: 5, Salvor: 1, Other: 1.5}}
	if err := glance(&b, cases, healthy, "versions", "machine"); err != nil {
		t.Fatal(err)
	}
	if err := casesReport(&b, cases, 1); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| yes |", "| ntfs | 5 | 1.50 | half its time | 1.00 | 0.67 | **no** |", "1 of 2 that it calls Consistent", "1 (139)",
		"| processor, seconds | 2.50 | 0.50 |", "**tsk_recover** is quicker on 1 of 1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if err := check(cases, healthy); err != nil {
		t.Error(err)
	}
	healthy[0].Exact = 4
	if check(cases, healthy) == nil {
		t.Error("a file of a healthy volume may be missed")
	}
	ours.falseProven = 1
	c.scores["salvor"] = ours
	if check(cases, nil) == nil {
		t.Error("a false Proven may be")
	}
}

func TestSectionsTakeTheirPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	doc := "# Old\n\n## NTFS\n\nof another bench\n\n```\n## no title\n```\n\n## At a glance\n\nold\n"
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := deliver(path, "# New\n\n## At a glance\n\nnew\n\n## Carving\n\ncarved\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "# New\n\n## At a glance\n\nnew\n\n## NTFS\n\nof another bench\n\n```\n## no title\n```\n\n## Carving\n\ncarved\n"
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if err := deliver(path, "## Carving\n\nagain\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ = os.ReadFile(path); string(got) != strings.Replace(want, "carved", "again", 1) {
		t.Errorf("%s", got)
	}
}
