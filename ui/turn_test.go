package ui

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// TestTwoPrograms starts the program a second time while the first one works: the second one leaves that work to the first, and
// neither forgets what the other knows.
func TestTwoPrograms(t *testing.T) {
	dir, k := rescued(t)
	state := filepath.Join(dir, "state")
	out := filepath.Join(dir, "out")
	one := serve(t, Options{State: state})
	open(t, one)
	at := known1(t, one, k)
	if !one.turn.ours {
		t.Fatal("the first program has not its turn")
	}
	// It saves, and has got to nothing yet.
	saving := keptSaving{Case: k.Dir, To: out, Query: recovery.Query{Name: "*.jpg"}}
	if err := one.savings.keep(saving); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	j := one.jobs.add(&job{kind: "save", key: k.Key(), to: out, work: func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
		close(begun)
		<-ctx.Done()
		return wire.NewResult(rescue.ExitStopped, "it was stopped", "", ""), nil
	}})
	<-begun

	two := serve(t, Options{State: state})
	b := open(t, two)
	b.get("/cases")
	b.must("case")
	if list := two.jobs.all(); len(list) != 0 || two.turn.ours {
		t.Errorf("the second program goes on with the work of the first: %+v", list)
	}
	form := url.Values{"csrf": {two.csrf(b.cookie())}, "target": {two.seal.ticket("target", dir)}, "folder": {"out"}}
	b.take(b.http.PostForm(two.pageOrigin()+at+"/save", form))
	if b.code != http.StatusConflict {
		t.Errorf("it saves into the same folder: %d", b.code)
	}
	b.must("Another selection is being saved into this folder now")
	form.Set("folder", "elsewhere")
	b.take(b.http.PostForm(two.pageOrigin()+at+"/save", form))
	b.wait()
	b.must("is exactly what was written")
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written where the first program saves")
	}
	one.jobs.pause(j)

	// What one of them notes, the other does not take away.
	for s, name := range map[*Server]string{one: "a", two: "b"} {
		if err := s.known.add(knownCase{Dir: filepath.Join(dir, name), Source: "x", Running: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.known.running(knownCase{Dir: filepath.Join(dir, "a")}.Key(), false); err != nil {
		t.Fatal(err)
	}
	third, err := openKnown(state)
	if err != nil {
		t.Fatal(err)
	}
	running := map[string]bool{}
	for _, k := range third.all() {
		running[k.Name()] = k.Running
	}
	if len(running) != 3 || running["a"] || !running["b"] {
		t.Errorf("%v", running)
	}
}

// TestTwoSelectionsIntoOneFolder holds that a second selection is not taken for the first one, which is being saved into the
// same folder: whoever is shown how that goes would believe that both are saved.
func TestTwoSelectionsIntoOneFolder(t *testing.T) {
	dir, k := rescued(t)
	s := serve(t, Options{})
	b := open(t, s)
	at := known1(t, s, k)
	one := choiceOf(url.Values{"class": {"photo"}}).query()
	j := s.jobs.add(&job{kind: "save", key: k.Key(), to: filepath.Join(dir, "saved-files"), what: words(one), work: func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
		<-ctx.Done()
		return wire.NewResult(rescue.ExitStopped, "it was stopped", "", ""), nil
	}})
	send := func(class string) {
		form := url.Values{"csrf": {s.csrf(b.cookie())}, "target": {s.seal.ticket("target", dir)}, "folder": {"saved-files"}, "class": {class}}
		b.take(b.http.PostForm(s.pageOrigin()+at+"/save", form))
	}
	if send("document"); b.code != http.StatusConflict {
		t.Errorf("%d at %s", b.code, b.at)
	}
	b.must("Another selection is being saved into this folder now")
	for class, name := range map[string]string{"document": "saved-files-2", "photo": "saved-files"} {
		b.get(at + "/save?class=" + class + "&target=" + url.QueryEscape(s.seal.ticket("target", dir)))
		b.must(`name="folder" value="` + name + `"`)
	}
	if send("photo"); b.code != http.StatusOK || !strings.HasSuffix(b.at, "/job/"+j.id) {
		t.Errorf("the same selection: %d at %s", b.code, b.at)
	}
	s.jobs.pause(j)
}

// TestTurn holds that it comes back when the program before has ended, and that what cannot be written is not forgotten.
func TestTurn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := takeTurn(dir)
	if err != nil || !first.ours {
		t.Fatal(first, err)
	}
	second, err := takeTurn(dir)
	if err != nil || second.ours {
		t.Error(second, err)
	}
	for _, one := range []turn{first, second} {
		if err := one.end(); err != nil {
			t.Error(err)
		}
	}
	third, err := takeTurn(dir)
	if err != nil || !third.ours {
		t.Error(third, err)
	}
	if err := third.end(); err != nil {
		t.Error(err)
	}
	if none, err := takeTurn(""); err != nil || !none.ours || none.end() != nil {
		t.Error(none, err)
	}

	k, err := openKnown(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.add(knownCase{Dir: "/a", Source: "x"}); err != nil {
		t.Fatal(err)
	}
	path := k.path
	k.path = filepath.Join(dir, "none", "cases.json")
	if err := k.add(knownCase{Dir: "/b", Source: "x"}); err == nil {
		t.Fatal("it was written to a folder that is not there")
	}
	k.path = path
	if err := k.add(knownCase{Dir: "/c", Source: "x"}); err != nil || len(k.all()) != 3 {
		t.Error(k.all(), err)
	}
}
