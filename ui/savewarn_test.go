package ui

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/filetype"
	"salvor/host"
	"salvor/recovery"
	"salvor/rescue"
)

// TestWhatSpeaksAgainstAPlace shows the page of saving for places that this computer has not.
func TestWhatSpeaksAgainstAPlace(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	gib := int64(1 << 30)
	need := recovery.Need{Count: recovery.Count{Files: 3, Bytes: 6 * gib}, Space: 6 * gib, Verdicts: map[filetype.Verdict]recovery.Count{filetype.Damaged: {Files: 2, Bytes: gib}, filetype.Partial: {Files: 1, Bytes: gib}}}
	for name, c := range map[string]struct {
		change func(*rescue.SavePlan)
		more   map[string]any
		want   []string
	}{
		"nothing": {want: []string{"3 files, 6.0 GiB", "3 of them (2.0 GiB) have missing or damaged bytes", `name="folder"`}},
		"FAT32": {change: func(p *rescue.SavePlan) {
			p.Target.MaxFileSize, p.Need.TooLarge, p.Need.Largest = 1<<32-1, recovery.Count{Files: 2, Bytes: 11 * gib}, 7*gib
		}, want: []string{"2 of the chosen files (11.0 GiB) are too large for this drive, which takes at most 4.0 GiB in one file; the largest has 7.0 GiB"}},
		"unplugged": {change: func(p *rescue.SavePlan) { p.Removable = true }, want: []string{"eject it before you pull it out"}},
		"memory":    {change: func(p *rescue.SavePlan) { p.Target.Memory = true }, want: []string{"gone when the computer is switched off"}},
		"little room": {more: map[string]any{"Short": true, "Space": 6 * gib, "Ready": false}, change: func(p *rescue.SavePlan) { p.Target.Free = gib },
			want: []string{"There is not enough free space: 6.0 GiB are needed, 1.0 GiB are free."}},
		"read-only": {more: map[string]any{"Refused": &refusal{Why: "Nothing can be written to /media/<b>cd: it is mounted read-only."}, "Ready": false},
			want: []string{"It cannot be saved there", "/media/&lt;b&gt;cd: it is mounted read-only."}},
		"early": {more: map[string]any{"Early": true, "Ready": false}, change: func(p *rescue.SavePlan) { p.Need = recovery.Need{} }, want: []string{"The copy is still being made."}},
	} {
		plan := rescue.SavePlan{Need: need, Target: host.Target{Dir: "/media/x", Free: 100 * gib}}
		if c.change != nil {
			c.change(&plan)
		}
		data := map[string]any{"Key": "k", "Name": "case", "Plan": &plan, "Apart": plan.Apart(), "Ready": true, "Ticket": "t", "Suggested": "saved-files", "Target": "/media/x",
			"Places": []savePlace{{Kind: "drive", Dir: "/media/x", Model: "ACME <b>Stick", Free: 100 * gib, Chosen: true, Notes: []string{"save.note.removable", "save.note.small"}},
				{Kind: "share", Dir: "/mnt/nas", Free: -1, Refused: "no", Choose: "/x"}}}
		for k, v := range c.more {
			data[k] = v
		}
		w := httptest.NewRecorder()
		s.show(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "save", view{}, data)
		page := w.Body.String()
		for _, want := range append(c.want, "ACME &lt;b&gt;Stick", "Can be unplugged", "Takes no single file of 4 GiB or more", "Shared folder of another computer") {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not say %q: %s", name, want, page)
			}
		}
		if strings.Contains(page, `name="folder"`) == (data["Ready"] == false) {
			t.Errorf("%s: whether it can be saved there", name)
		}
	}
}

// TestPlanElsewhere asks what a saving takes, of places that this computer has.
func TestPlanElsewhere(t *testing.T) {
	dir, k := rescued(t)
	c, err := rescue.OpenCase(k.Dir, "salvor test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	plan, err := c.PlanElsewhere(t.Context(), filepath.Join(dir, "out"), recovery.Query{})
	if err != nil || plan.Need.Files < 20 || plan.Need.Bytes == 0 || plan.Standing != 0 || plan.Apart().Files < 1 || plan.Check() != nil {
		t.Fatalf("%+v, %v", plan, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("asking made the folder")
	}
	if _, err := c.SaveElsewhere(t.Context(), filepath.Join(dir, "out"), recovery.Query{}, deaf{}); err != nil {
		t.Fatal(err)
	}
	again, err := c.PlanElsewhere(t.Context(), filepath.Join(dir, "out"), recovery.Query{})
	if err != nil || again.Standing < plan.Need.Bytes/2 {
		t.Errorf("%+v, %v", again, err)
	}
	// What stands there already needs no room.
	again.Target.Free = again.Need.Space - again.Standing
	if err := again.Check(); err != nil {
		t.Error(err)
	}
	again.Target.Free--
	if err := again.Check(); err == nil {
		t.Error("there is too little room, and nothing says so")
	}
	if _, err := c.SaveElsewhere(t.Context(), k.Source, recovery.Query{}, deaf{}); err == nil {
		t.Error("a file was taken for a folder")
	}
	if target, err := host.InspectTarget("/dev/shm"); err == nil && target.Memory {
		plan, err := c.PlanElsewhere(t.Context(), "/dev/shm/salvor-none", recovery.Query{})
		if err != nil || len(plan.Warnings) != 1 || plan.Warnings[0].Code != "save.memory" {
			t.Errorf("%+v, %v", plan.Warnings, err)
		}
	}
}
