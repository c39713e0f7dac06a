package rescue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// TestKill kills the job at random moments and sees that it comes to the same end. A job that was not disturbed says how
// long each step takes: the moments are spread over the steps, of which one alone takes most of the time.
func TestKill(t *testing.T) {
	if testing.Short() && need.CI() {
		t.Fatal("not short where everything must run")
	}
	points := 2
	if need.CI() {
		points = 50
	}
	source := copyOf(t, exampleImage, t.TempDir())
	for m, mode := range [][]string{nil, {"--copy"}} {
		name := strings.TrimLeft(strings.Join(append([]string{"rescue"}, mode...), " "), " ")
		t.Run(name, func(t *testing.T) {
			args := func(to string) []string { return append([]string{"rescue", source, "--to", to}, mode...) }
			calm := filepath.Join(t.TempDir(), "case")
			exit, _, stderr := salvor(t, args(calm)...)
			if exit != ExitReserved {
				t.Fatalf("undisturbed: exit %d\n%s", exit, stderr)
			}
			steps := stepsOf(t, calm)
			want := end(t, calm, exit)
			if mode != nil && want.image != hashOf(t, source) {
				t.Fatal("the copy is not the source")
			}
			random := rand.New(rand.NewPCG(20261121, uint64(m)))
			var kills tallied
			t.Run("cases", func(t *testing.T) {
				for n := range points / 2 {
					// Some are killed several times before they may end.
					var moments []moment
					for range 1 + random.IntN(3) {
						moments = append(moments, moment{random.IntN(len(steps)), random.Float64()})
					}
					slices.SortFunc(moments, func(a, b moment) int { return cmp.Compare(a.step, b.step) })
					t.Run(strconv.Itoa(n), func(t *testing.T) {
						t.Parallel()
						killed := filepath.Join(t.TempDir(), "case")
						for _, at := range moments {
							if at.in(t, steps, killed, args(killed)) {
								kills.add(lastStep(killed))
							}
						}
						code, stdout, stderr := salvor(t, args(killed)...)
						if code != want.exit {
							t.Fatalf("after a kill: exit %d, want %d\n%s\n%s", code, want.exit, stdout, stderr)
						}
						want.compare(t, end(t, killed, code))
						if code, out, _ := salvor(t, "verify", killed); code != ExitDone {
							t.Errorf("verify after a kill: exit %d\n%s", code, out)
						}
					})
				}
			})
			t.Logf("killed in: %v", kills.n)
			if sum := kills.sum(); sum < points/2 || need.CI() && len(kills.n) < 8 {
				t.Errorf("%d kills in %d steps are too few", sum, len(kills.n))
			}
			if got := hashOf(t, source); got != readTruth(t).SHA256 {
				t.Error("the source has changed")
			}
		})
	}
}

// step is one of a job that was not disturbed, and how long it took. That without a name is what comes before the first.
type step struct {
	name string
	took time.Duration
}

// stepsOf reads from the journal which steps a job had.
func stepsOf(t *testing.T, dir string) []step {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	must(t, err)
	steps := []step{{took: 20 * time.Millisecond}}
	var begun time.Time
	for line := range bytes.Lines(p) {
		var e struct {
			Time time.Time
			Act  string
		}
		must(t, json.Unmarshal(line, &e))
		name, isStep := strings.CutSuffix(e.Act, ".begin")
		// The end of the saving is where the reports are begun, and what else is done twice.
		if e.Act == "save.end" {
			name, isStep = e.Act, true
		}
		if e.Act != "result" && (!isStep || slices.ContainsFunc(steps, func(s step) bool { return s.name == name })) {
			continue
		}
		if n := len(steps) - 1; n > 0 {
			steps[n].took = e.Time.Sub(begun)
		}
		if begun = e.Time; isStep {
			steps = append(steps, step{name: name})
		}
	}
	if len(steps) < 8 {
		t.Fatalf("the journal tells of the steps %v", steps)
	}
	return steps
}

// moment is when a job is killed: in that step, after that part of the time that it takes.
type moment struct {
	step int
	part float64
}

// in starts the program and kills it at that moment, and reports whether it did: a job that was killed before may have
// nothing left of a step to be killed in.
func (m moment) in(t *testing.T, steps []step, dir string, args []string) bool {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	ended := make(chan struct{})
	had := journalOf(dir)
	must(t, cmd.Start())
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	sought := []byte(`"act":"` + steps[m.step].name)
	for begun := m.step == 0; !begun; {
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
			now := journalOf(dir)
			begun = len(now) > len(had) && bytes.Contains(now[len(had):], sought)
		}
	}
	select {
	case <-ended:
		return false
	case <-time.After(time.Duration(m.part * float64(steps[m.step].took))):
	}
	_ = cmd.Process.Kill()
	<-ended
	return cmd.ProcessState.ExitCode() == -1
}

func journalOf(dir string) []byte {
	p, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return nil // it is not begun yet
	}
	return p
}

// tallied counts kills by the steps that they fell into.
type tallied struct {
	mu sync.Mutex
	n  map[string]int
}

func (k *tallied) add(step string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n == nil {
		k.n = map[string]int{}
	}
	k.n[step]++
}

func (k *tallied) sum() (n int) {
	for _, v := range k.n {
		n += v
	}
	return n
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
		for _, step := range []string{"unpack", "take", "compare", "find", "read", "carve", "relate", "save"} {
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
