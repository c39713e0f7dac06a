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
	"salvor/rescue"
)

// TestOtherDiskIntoOneFolder begins a second rescue in the folder of a first one, as when two disks are begun with in one
// minute, whose folders have the same suggested name: it is not taken for the first, and what is known of that stays.
func TestOtherDiskIntoOneFolder(t *testing.T) {
	dir, k := rescued(t)
	other := filepath.Join(dir, "other.img")
	if err := os.WriteFile(other, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	known1(t, s, k)
	all := s.known.all()[0]
	begin := func(source string) {
		form := url.Values{"csrf": {s.csrf(b.cookie())}, "source": {s.seal.ticket("source", source)}, "parent": {s.seal.ticket("parent", filepath.Dir(all.Dir))}, "name": {filepath.Base(all.Dir)}}
		b.take(b.http.PostForm(s.pageOrigin()+"/copy", form))
	}
	same := func() {
		t.Helper()
		if got, ok := s.known.get(all.Key()); !ok || got.Source != all.Source {
			t.Errorf("the case is known as one of %q, and it was %q", got.Source, all.Source)
		}
	}

	// While the first one works.
	j := s.jobs.add(&job{kind: "rescue", key: all.Key(), sources: all.Sources(), work: func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
		<-ctx.Done()
		return wire.NewResult(rescue.ExitStopped, "it was stopped", "", ""), nil
	}})
	if begin(other); b.code != http.StatusConflict {
		t.Errorf("%d at %s", b.code, b.at)
	}
	b.must("Something else is being rescued into this folder now", "give the folder another name")
	same()
	if begin(all.Source); !strings.HasSuffix(b.at, "/job/"+j.id) {
		t.Errorf("the same disk: %d at %s", b.code, b.at)
	}
	s.jobs.pause(j)
	for see, changed := j.see(); see.Running; see, changed = j.see() {
		<-changed
	}

	// When it has ended.
	begin(other)
	b.wait()
	if strings.Contains(b.page, "light green") {
		t.Error("another disk was rescued into the case: ", b.page)
	}
	same()
}

func TestFreeName(t *testing.T) {
	taken := map[string]bool{"a": true, "a-2": true, "b-2": true}
	for name, want := range map[string]string{"a": "a-3", "b": "b", "c": "c"} {
		if got := freeName(name, func(n string) bool { return taken[n] }); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
