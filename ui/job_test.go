package ui

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/finding"
	"salvor/internal/wire"
	"salvor/rescue"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// steady is work that tells its progress until it is stopped, or told to end.
func steady(end <-chan struct{}) func(context.Context, rescue.Events) (wire.Result, error) {
	return func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		for n := int64(1); ; n++ {
			p := wire.NewProgress("copy", n, 1000, "bytes")
			p.SafeFiles, p.SafeBytes, p.Rate = 3, 4096, 100
			e.Progress(p)
			select {
			case <-ctx.Done():
				return wire.NewResult(rescue.ExitStopped, "it was stopped", "3 files", "go on"), ctx.Err()
			case <-end:
				return wire.NewResult(rescue.ExitDone, "all is done", "all files", "nothing"), nil
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestPauseAndGoOn(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	b := open(t, s)
	end := make(chan struct{})
	j := s.jobs.add(&job{kind: "rescue", key: "k", work: steady(end)})
	if again := s.jobs.add(&job{kind: "rescue", key: "k", work: steady(end)}); again != j {
		t.Error("pressing twice began it twice")
	}
	for now, changed := j.see(); now.Progress.Done == 0; now, changed = j.see() {
		<-changed
	}
	b.get("/job/" + j.id)
	b.must("You can close this page", "Copying", `http-equiv="refresh"`)
	b.get("/")
	b.must("At work now")
	b.get("/job/" + j.id)
	b.post("/job/"+j.id+"/pause", nil)
	b.wait()
	b.must("it was stopped", "It goes on where it was")
	b.post("/job/"+j.id+"/resume", nil)
	b.must("You can close this page")
	// Closing the page does not end it: only its own end does.
	time.Sleep(20 * time.Millisecond)
	if now, _ := j.see(); !now.Running {
		t.Error("it does not run any more")
	}
	close(end)
	b.wait()
	b.must("all is done")
	b.get("/job/none")
	if b.code != http.StatusNotFound {
		t.Error(b.code)
	}
}

func TestEventsOfAJob(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	b := open(t, s)
	end := make(chan struct{})
	j := s.jobs.add(&job{kind: "rescue", key: "k", work: steady(end)})
	var both, seen sync.WaitGroup
	seen.Add(2)
	for range 2 {
		both.Go(func() {
			first := sync.OnceFunc(seen.Done)
			defer first()
			r, err := b.http.Get("http://" + s.pageHost + "/job/" + j.id + "/events")
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if r.Header.Get("Content-Type") != "text/event-stream" {
				t.Error(r.Header)
			}
			lines, n, last := bufio.NewScanner(r.Body), 0, ""
			for lines.Scan() {
				if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					n, last = n+1, text
					first()
				}
			}
			if n < 2 || !strings.Contains(last, `"running":false`) || !strings.Contains(last, "Safe already: 3 files, 4.0 KiB") {
				t.Errorf("%d events, the last %s", n, last)
			}
		})
	}
	seen.Wait()
	close(end)
	both.Wait()
}

// TestGoesOnAfterARestart ends the server in the middle of a rescue and starts it again.
func TestGoesOnAfterARestart(t *testing.T) {
	dir := home(t)
	// A larger image, so that there is a middle.
	if err := os.Truncate(filepath.Join(dir, "gateway.img"), 96<<20); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	k := knownCase{Dir: filepath.Join(dir, "case"), Source: filepath.Join(dir, "gateway.img"), Copy: true}
	first, err := Listen(Options{State: state, Log: quiet(), Program: "salvor test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- first.Serve(ctx) }()
	j, err := first.jobs.rescueCase(k)
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, changed := j.see()
		if now.Progress.Done > 0 || !now.Running {
			break
		}
		<-changed
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if now, _ := j.see(); now.Running || now.Result == nil || now.Result.Exit != rescue.ExitStopped {
		t.Fatalf("it was to be stopped: %+v", now.Result)
	}
	s := serve(t, Options{State: state})
	b := open(t, s)
	for end := time.Now().Add(time.Minute); s.jobs.of("rescue", k.Key()) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not go on")
		}
	}
	b.get("/job/" + s.jobs.of("rescue", k.Key()).id)
	b.wait()
	b.must("How it ended", "Show the report")
	if got, _ := s.known.get(k.Key()); got.Running {
		t.Error("it would begin once more")
	}
}

func TestLights(t *testing.T) {
	volume := func(state string) wire.Layer { return wire.Layer{Volume: 1, State: state} }
	for _, c := range []struct {
		list   []wire.Layer
		colour string
	}{
		{nil, "red"}, {[]wire.Layer{volume("good")}, "green"}, {[]wire.Layer{volume("good"), volume("damaged")}, "yellow"},
		{[]wire.Layer{volume("good"), {State: "good", Findings: []finding.Finding{{Severity: finding.Warning}}}}, "yellow"},
		{[]wire.Layer{volume("good"), {State: "good", Findings: []finding.Finding{{Severity: finding.Info}}}}, "green"},
		{[]wire.Layer{volume("good"), {State: "good", Rival: true, Findings: []finding.Finding{{Severity: finding.Error}}}}, "green"},
		{[]wire.Layer{volume("locked")}, "red"}, {[]wire.Layer{volume("locked"), volume("good")}, "yellow"},
	} {
		if got := lightOf(c.list); got.Colour != c.colour {
			t.Errorf("%+v: %+v", c.list, got)
		}
	}
}

// TestWordsThatAreMade holds that names which the pages put together have words.
func TestWordsThatAreMade(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"look.good", "look.some", "look.warned", "state.warned", "look.locked", "look.none", "start.disk.system", "start.disk.empty"}
	for _, v := range verdicts6 {
		names = append(names, "verdict."+v.String(), "verdict."+v.String()+".why")
	}
	for _, n := range tabs {
		names = append(names, "tab."+n.name)
	}
	for _, n := range []string{"good", "damaged", "missing", "locked"} {
		names = append(names, "state."+n)
	}
	for _, n := range []string{"", "copy", "unpack", "search", "check", "save", "verify", "wait", "pack"} {
		names = append(names, "step."+n)
	}
	for _, n := range []string{"rescue", "save", "verify", "look", "check", "unlock", "browse"} {
		names = append(names, "job.title."+n)
	}
	for p := range purposes {
		if p != "dropped" { // it leads to no picker
			names = append(names, "pick.title."+p)
		}
	}
	for _, n := range []string{"whole", "genuine", "fits"} {
		names = append(names, "firmware."+n)
	}
	for _, n := range []string{"OK", "NO", "CANNOT TELL"} {
		names = append(names, "answer."+n)
	}
	for _, n := range []string{"link", "session", "origin", "csrf", "method", "page", "ticket", "name", "job", "case", "file"} {
		names = append(names, "refused."+n, "refused."+n+".why")
	}
	for _, n := range names {
		if !all["en"].has(n) {
			t.Errorf("no word is called %s", n)
		}
	}
}

// TestOneAtATime holds that the same work is never begun twice, however often and wherever it is asked for: by many presses at
// once, and on the page of a job that was paused while a later one works.
func TestOneAtATime(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	var mu sync.Mutex
	now, most := 0, 0
	work := func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-ctx.Done()
		mu.Lock()
		now--
		mu.Unlock()
		return wire.NewResult(rescue.ExitStopped, "it was stopped", "", ""), nil
	}
	var first *job
	for round := range 200 {
		var presses sync.WaitGroup
		begin := make(chan struct{})
		for range 8 {
			presses.Go(func() {
				<-begin
				s.jobs.add(&job{kind: "save", key: "k", to: "folder", work: work})
			})
		}
		close(begin)
		presses.Wait()
		j := s.jobs.of("save", "k")
		if round == 0 {
			first = j
		} else if got := s.jobs.goOn(first); got != j {
			t.Fatal("the earlier job goes on beside the later one")
		}
		s.jobs.pause(j)
		for see, changed := j.see(); see.Running; see, changed = j.see() {
			<-changed
		}
	}
	if most != 1 {
		t.Errorf("%d did the same at once", most)
	}
}
