//go:build linux

package rescue

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/finding"
	"salvor/imaging"
)

// Where the power may go away, a copy is written down more often, unless a person said how often.
func TestCareful(t *testing.T) {
	low := (&finding.Def{Code: "test.low", Severity: finding.Warning, Text: "the power is low"}).New()
	for _, tt := range []struct {
		list []finding.Finding
		has  time.Duration
		want time.Duration
	}{{nil, 0, 0}, {[]finding.Finding{low}, 0, carefulInterval}, {[]finding.Finding{low, low}, time.Minute, time.Minute}} {
		told := 0
		job := &imaging.Job{Interval: tt.has}
		careful(job, tt.list, func(finding.Finding) { told++ })
		if job.Interval != tt.want || told != len(tt.list) {
			t.Errorf("%+v: every %v, told %d times", tt, job.Interval, told)
		}
	}
}

// While a case is copied into, and after the copy was killed, its files can be listed, shown and saved; what stands on
// ranges that are not copied says so.
func TestBrowseWhileCopying(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	if code, _, stderr := salvor(t, "copy", "-s", "9100000", exampleImage, dir); code != ExitReserved {
		t.Fatalf("the first part: exit %d\n%s", code, stderr)
	}
	cmd := exec.Command(program(t), "copy", "-Z", "100Ki", "--mapfile-interval", "1/5", exampleImage, dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	begun := time.Now()
	for mapAt(t, filepath.Join(dir, "image", "1.map"), 16<<20).Of(imaging.Finished).Bytes() <= 9100288 {
		if time.Since(begun) > 60*time.Second {
			t.Fatalf("the copy does not get on: %s", out.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
	look := func(when string, complete bool) {
		t.Helper()
		code, stdout, stderr := salvor(t, "files", dir, "--json", "--limit", "0")
		verdicts := map[string]int{}
		id, whole := "", ""
		for line := range strings.Lines(stdout) {
			var f struct{ Type, ID, Path, Verdict string }
			if json.Unmarshal([]byte(line), &f) != nil || f.Type != "file" {
				continue
			}
			verdicts[f.Verdict]++
			if strings.HasSuffix(f.Path, "zImage") || whole == "" && f.Verdict != "partial" && f.Verdict != "none" {
				id, whole = f.ID, f.Path
			}
		}
		if code != ExitDone && code != ExitReserved || len(verdicts) == 0 || id == "" {
			t.Fatalf("%s: files: exit %d, %v\n%s%s", when, code, verdicts, stdout, stderr)
		}
		if !complete && verdicts["partial"] == 0 {
			t.Errorf("%s: no file says that it is not copied yet: %v", when, verdicts)
		}
		if code, _, stderr := salvor(t, "show", dir, id); code != ExitDone && code != ExitReserved {
			t.Errorf("%s: show %s: exit %d\n%s", when, whole, code, stderr)
		}
		to := filepath.Join(t.TempDir(), "out")
		if code, _, stderr := salvor(t, "save", dir, "--to", to); code != ExitDone && code != ExitReserved {
			t.Errorf("%s: save: exit %d\n%s", when, code, stderr)
		}
		saved := 0
		must(t, filepath.WalkDir(to, func(_ string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				saved++
			}
			return err
		}))
		if saved < 5 {
			t.Errorf("%s: %d files were saved", when, saved)
		}
		if code, stdout, _ := salvor(t, "impact", dir); code != ExitReserved || !strings.Contains(stdout, "hurt") {
			t.Errorf("%s: impact: exit %d", when, code)
		}
	}
	look("while it runs", false)
	if cmd.ProcessState != nil {
		t.Fatal("the copy ended before it was looked at")
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	look("after it was killed", false)
	if code, _, stderr := salvor(t, "copy", exampleImage, dir); code != ExitDone {
		t.Errorf("going on: exit %d\n%s", code, stderr)
	}
}
