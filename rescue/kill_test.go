package rescue

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/internal/need"
)

// ended is what a case must come to, however often the job was killed on its way.
type ended struct {
	exit  int
	tree  map[string]string
	files []string // the lines of the verb files
	sums  string
	image string // hash of the copy
}

func end(t *testing.T, dir string, exit int) ended {
	t.Helper()
	code, list, stderr := salvor(t, "files", dir, "--json")
	if code != ExitDone {
		t.Fatalf("files: exit %d\n%s", code, stderr)
	}
	e := ended{exit: exit, tree: saved(t, dir), files: strings.Split(strings.TrimSpace(list), "\n")}
	// The last line names the case.
	e.files = e.files[:len(e.files)-1]
	slices.Sort(e.files)
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	must(t, err)
	e.sums = string(sums)
	if _, err := os.Stat(filepath.Join(dir, "image", "1.img")); err == nil {
		e.image = hashOf(t, filepath.Join(dir, "image", "1.img"))
	}
	return e
}

// compare reports in which way got is not want.
func (want ended) compare(t *testing.T, got ended) {
	t.Helper()
	if got.exit != want.exit {
		t.Errorf("exit code %d, want %d", got.exit, want.exit)
	}
	if d := differences(want.tree, got.tree); len(d) > 0 {
		t.Errorf("%d saved files differ: %.2000q", len(d), d)
	}
	if got.sums != want.sums {
		t.Error("SHA256SUMS is another one")
	}
	if got.image != want.image {
		t.Errorf("the copy has hash %s, want %s", got.image, want.image)
	}
	if !slices.Equal(got.files, want.files) {
		told := 0
		for i := range max(len(got.files), len(want.files)) {
			var g, w string
			if i < len(got.files) {
				g = got.files[i]
			}
			if i < len(want.files) {
				w = want.files[i]
			}
			if g != w && told < 2 {
				told++
				t.Errorf("the catalogue has other lines (%d, want %d), as\n%s\nwant\n%s", len(got.files), len(want.files), g, w)
			}
		}
	}
}

// TestKill kills the job again and again at random moments and sees that it comes to the same end. A job
// that was not disturbed says how long it takes, and so where the moments are.
func TestKill(t *testing.T) {
	if testing.Short() && need.CI() {
		t.Fatal("not short where everything must run")
	}
	points := 8
	switch {
	case need.CI():
		points = 20
	case testing.Short():
		points = 2
	}
	dir := t.TempDir()
	source := copyOf(t, exampleImage, dir)
	for m, mode := range [][]string{nil, {"--copy"}} {
		name := strings.TrimLeft(strings.Join(append([]string{"rescue"}, mode...), " "), " ")
		t.Run(name, func(t *testing.T) {
			args := func(to string) []string { return append([]string{"rescue", source, "--to", to}, mode...) }
			calm := filepath.Join(t.TempDir(), "case")
			begun := time.Now()
			exit, _, stderr := salvor(t, args(calm)...)
			if took := time.Since(begun); exit != ExitReserved || took <= 0 {
				t.Fatalf("undisturbed: exit %d after %v\n%s", exit, took, stderr)
			}
			whole := time.Since(begun)
			want := end(t, calm, exit)
			if mode != nil && want.image != hashOf(t, source) {
				t.Fatal("the copy is not the source")
			}
			random := rand.New(rand.NewPCG(20261121, uint64(m)))
			kills := map[string]int{}
			for range points / 2 {
				killed := filepath.Join(t.TempDir(), "case")
				// Some are killed several times before they may end.
				for range 1 + random.IntN(3) {
					delay := time.Duration(random.Int64N(int64(whole)))
					// One that ended before its kill, on a machine that is quicker now or where another kill has
					// left little to do, is begun again and killed sooner.
					for !kill(t, delay, args(killed)) {
						must(t, os.RemoveAll(killed))
						delay /= 2
					}
					kills[lastStep(killed)]++
				}
				code, stdout, stderr := salvor(t, args(killed)...)
				if code != want.exit {
					t.Fatalf("after a kill: exit %d, want %d\n%s\n%s", code, want.exit, stdout, stderr)
				}
				want.compare(t, end(t, killed, code))
				if code, out, _ := salvor(t, "verify", killed); code != ExitDone {
					t.Errorf("verify after a kill: exit %d\n%s", code, out)
				}
				if t.Failed() {
					break
				}
				must(t, os.RemoveAll(killed))
			}
			t.Logf("an undisturbed run takes %v; killed in: %v", whole.Round(time.Millisecond), kills)
			if got := hashOf(t, source); got != readTruth(t).SHA256 {
				t.Error("the source has changed")
			}
		})
	}
}

// kill starts the program and kills it after delay. It reports whether it was still running.
func kill(t *testing.T, delay time.Duration, args []string) bool {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	must(t, cmd.Start())
	timer := time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	timer.Stop()
	return cmd.ProcessState.ExitCode() == -1
}

// lastStep returns the last step that the journal of a case names.
func lastStep(dir string) string {
	p, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return "start"
	}
	last := "open"
	for line := range bytes.Lines(p) {
		for _, step := range []string{"take", "find", "read", "carve", "save"} {
			if bytes.Contains(line, []byte(`"`+step+`.begin"`)) {
				last = step
			}
			if bytes.Contains(line, []byte(`"`+step+`.end"`)) {
				last = "after " + step
			}
		}
	}
	return last
}
